export { AnyarchError } from "./errors/error.ts";
export { errorCodes, type ErrorCode, type ErrorCodeInfo } from "./errors/codes.ts";
export type { BuildEvent, Emit } from "./events/event.ts";
