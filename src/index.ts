export type { PackageChoice, PackageRow } from "./apps/app-type.ts";
export { build, type BuildResult, planBuild } from "./api/build.ts";
export { type ConfigureDockerBuild, docker, DockerBuildOptions } from "./api/docker.ts";
export type { DockerfileBuildResult } from "./buildkit/build-result.ts";
export type { DockerfilePlan } from "./buildkit/dockerfile-plan.ts";
export type { EnvironmentFacts } from "./buildkit/environment.ts";
export type { BenchedPlatform, BenchOptions, BenchReport } from "./api/bench.ts";
export type { CopyOptions, CopyReport } from "./api/copy.ts";
export type { InspectedPlatform, InspectOptions, InspectResult } from "./api/inspect.ts";
export type { ApiSettings } from "./api/settings.ts";
export type { RunOptions, RunResult } from "./api/run.ts";
export type { TestedPlatform, TestOptions, TestReport } from "./api/test.ts";
export type { VerifyOptions, VerifyResult } from "./api/verify.ts";
export type { PlatformReport, VerifyCheck, VerifyCheckName, VerifyFinding } from "./verify/finding.ts";
export type { VerifyReport } from "./verify/verify.ts";
export { errorCodes, type ErrorCode, type ErrorCodeInfo } from "./errors/codes.ts";
export { AnyarchError, toAnyarchError } from "./errors/error.ts";
export type { BuildEvent, Emit } from "./events/event.ts";
export type { Context, Host } from "./host/context.ts";
export type { BuildOptions } from "./plan/build-options.ts";
export type { PlatformOptions } from "./plan/platform-options.ts";
export type { BuildPlan } from "./plan/build-plan.ts";
export type {
  AssembledResult,
  BuiltPlatform,
  OmittedResult,
  PublishedTo,
  ReportedAttempt,
  ReportedLayer,
  ReportedPlacement,
} from "./plan/build-result.ts";
export type { CacheReport, PruneOptions } from "./api/cache.ts";
export {
  bench,
  cacheReport,
  check,
  checkRules,
  ciWorkflow,
  copy,
  createIndex,
  doctor,
  explain,
  inspect,
  inspectRaw,
  pruneCache,
  requirements,
  requirementsMarkdown,
  rules,
  run,
  test,
  verify,
  writeRequirements,
} from "./api/lazy.ts";
export type { RequirementsOptions, WriteOptions, WrittenRequirements } from "./api/requirements.ts";
export type { Placement, PlatformRequirements, RequirementsReport } from "./deploy/report.ts";
export type { CiWorkflow } from "./api/ci.ts";
export type { CiOptions } from "./ci/options.ts";
export type { ExplainOptions, ExplainReport, LogSource } from "./api/explain.ts";
export type { Rule } from "./api/rules.ts";
export type { CheckedFile, CheckOptions, CheckReport, CheckRule } from "./api/check.ts";
export type { CheckFinding } from "./diagnose/check-dockerfile.ts";
export type { Diagnosis, FailedStep, Fix } from "./diagnose/diagnosis.ts";
export type { DoctorOptions } from "./api/doctor.ts";
export type { Fix as DoctorFix } from "./doctor/check.ts";
export type { Repair } from "./doctor/repair.ts";
export type { CheckResult, DoctorReport } from "./doctor/report.ts";
