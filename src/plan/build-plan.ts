import type { Application, AppRunConfig, AppSelection, PackageRow } from "../apps/app-type.ts";
import { AnyarchError } from "../errors/error.ts";
import type { BaseFacts } from "../image/base-facts.ts";
import type { Digest } from "../oci/digest.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { familiarReference } from "../oci/reference.ts";
import type { BuildRequest } from "./build-request.ts";
import { checkForSeveral } from "./request-parts.ts";

/** What a build is going to do, as plain JSON; `build --dry-run` prints it and does nothing else. */
export interface BuildPlan {
  readonly schema: "anyarch.plan/v1";
  readonly engine: "assemble";
  readonly directory: string;
  readonly application: {
    readonly type: string;
    readonly name?: string;
    readonly version?: string;
    readonly dependencies: string;
    readonly entrypoint: readonly string[];
    readonly entrypointFrom: string;
    readonly notes: readonly string[];
  };
  readonly base: { readonly location: string; readonly digest?: Digest };
  readonly platforms: readonly PlannedPlatform[];
  readonly omitted: readonly OmittedPlatform[];
  readonly packages: readonly PackageRow[];
  readonly tags: readonly string[];
  readonly push: boolean;
  readonly outputs: readonly string[];
  readonly created: string;
}

export interface PlannedPlatform {
  readonly platform: string;
  /** Where this platform has another base than the plan's. */
  readonly base?: string;
  /** Manifest of the base for this platform, where the base is an image. */
  readonly baseDigest?: Digest;
  readonly facts: BaseFacts;
}

export interface OmittedPlatform {
  readonly platform: string;
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** What was found out about the base before planning. */
export interface BaseFindings {
  readonly location: string;
  readonly digest?: Digest;
  readonly platforms: readonly {
    readonly platform: Platform;
    readonly location?: string;
    readonly digest?: Digest;
    readonly facts: BaseFacts;
  }[];
  /** Platforms asked for that the base lacks, by normalised string. */
  readonly missing: ReadonlyMap<string, Error>;
}

/**
 * Puts together what was asked and what was found; pure. Throws the first error of a platform that is required
 * and can't be built where `--fallback available` was not given, or where none is left, and STORE_UNSUPPORTED where an output can't
 * hold several platforms.
 */
export function makePlan(
  request: BuildRequest,
  application: Application,
  base: BaseFindings,
  selection: Pick<AppSelection, "packages" | "unavailable" | "run">,
): BuildPlan {
  const failures = new Map([...base.missing, ...selection.unavailable]);
  const remaining = base.platforms.filter(({ platform }) => !failures.has(formatPlatform(platform)));
  const first = [...failures.values()][0];
  const required = [...failures].find(([platform]) => !request.optional.has(platform))?.[1];
  if (required !== undefined && request.fallback === "none") throw withWaysOn(required, remaining.length > 0);
  if (first !== undefined && remaining.length === 0) throw first;
  if (remaining.length > 1) checkForSeveral(request.outputs);
  return {
    schema: "anyarch.plan/v1",
    engine: "assemble",
    directory: request.directory,
    application: describeApplication(application, selection.run),
    base: { location: base.location, ...(base.digest && { digest: base.digest }) },
    platforms: remaining.map(({ platform, location, digest, facts }) => ({
      platform: formatPlatform(platform),
      ...(location !== undefined && { base: location }),
      ...(digest && { baseDigest: digest }),
      facts,
    })),
    omitted: [...failures].map(([platform, error]) => describeOmission(platform, error)),
    packages: selection.packages,
    tags: request.tags.map(familiarReference),
    push: request.push,
    outputs: request.outputs,
    created: request.created,
  };
}

function describeApplication(application: Application, run: AppRunConfig): BuildPlan["application"] {
  return {
    type: application.type,
    ...(application.name !== undefined && { name: application.name }),
    ...(application.version !== undefined && { version: application.version }),
    dependencies: application.dependencySource,
    entrypoint: [...run.entrypoint, ...(run.cmd ?? [])],
    entrypointFrom: run.why,
    notes: application.notes,
  };
}

function describeOmission(platform: string, error: Error): OmittedPlatform {
  const known = error instanceof AnyarchError;
  // What was allowed already is no way on.
  const hint = known ? error.hint?.replace(/^.*--fallback.*\n?/gm, "").trimEnd() : undefined;
  return {
    platform,
    code: known ? error.code : "INTERNAL",
    message: error.message,
    ...(hint && { hint }),
  };
}

/** Says that the others could be built, which is the quickest way on. */
function withWaysOn(error: Error, othersRemain: boolean): Error {
  if (!(error instanceof AnyarchError) || !othersRemain || error.hint?.includes("--fallback") === true)
    return error;
  const way = "Or build the platforms that work: --fallback available.";
  return new AnyarchError(error.code, error.message, {
    hint: error.hint === undefined ? way : `${error.hint}\n${way}`,
    cause: error.cause,
    details: error.details,
  });
}
