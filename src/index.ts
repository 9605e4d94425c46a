export {
  type BuildResult,
  type BuiltPlatform,
  type PublishedTo,
  type ReportedLayer,
} from "./assemble/build-result.ts";
export type { PackageChoice, PackageRow } from "./apps/app-type.ts";
export { build, planBuild } from "./api/build.ts";
export type { CopyOptions, CopyReport } from "./api/copy.ts";
export type { InspectedPlatform, InspectOptions, InspectResult } from "./api/inspect.ts";
export type { ApiSettings } from "./api/settings.ts";
export { verify, type VerifyOptions } from "./api/verify.ts";
export type { PlatformReport, VerifyFinding } from "./verify/finding.ts";
export type { VerifyReport } from "./verify/verify.ts";
export { errorCodes, type ErrorCode, type ErrorCodeInfo } from "./errors/codes.ts";
export { AnyarchError, toAnyarchError } from "./errors/error.ts";
export type { BuildEvent, Emit } from "./events/event.ts";
export type { Context, Host } from "./host/context.ts";
export type { BuildOptions } from "./plan/build-options.ts";
export type { BuildPlan } from "./plan/build-plan.ts";
export { copy, createIndex } from "./api/copy.ts";
export { inspect, inspectRaw } from "./api/inspect.ts";
export { cacheReport, type CacheReport, pruneCache, type PruneOptions } from "./api/cache.ts";
