export type { BuildResult, BuiltPlatform, PublishedTo, ReportedLayer } from "./assemble/build-result.ts";
export type { PackageChoice, PackageRow } from "./apps/app-type.ts";
export { build, planBuild } from "./api/build.ts";
export type { CopyOptions, CopyReport } from "./api/copy.ts";
export type { InspectedPlatform, InspectOptions, InspectResult } from "./api/inspect.ts";
export type { ApiSettings } from "./api/settings.ts";
export type { VerifyOptions } from "./api/verify.ts";
export type { PlatformReport, VerifyFinding } from "./verify/finding.ts";
export type { VerifyReport } from "./verify/verify.ts";
export { errorCodes, type ErrorCode, type ErrorCodeInfo } from "./errors/codes.ts";
export { AnyarchError, toAnyarchError } from "./errors/error.ts";
export type { BuildEvent, Emit } from "./events/event.ts";
export type { Context, Host } from "./host/context.ts";
export type { BuildOptions } from "./plan/build-options.ts";
export type { BuildPlan } from "./plan/build-plan.ts";
export type { CacheReport, PruneOptions } from "./api/cache.ts";
export {
  cacheReport,
  copy,
  createIndex,
  explain,
  faults,
  inspect,
  inspectRaw,
  pruneCache,
  verify,
} from "./api/lazy.ts";
export type { ExplainOptions, ExplainReport, Fault, LogSource } from "./api/explain.ts";
export type { Diagnosis, FailedStep, Fix } from "./diagnose/diagnosis.ts";
