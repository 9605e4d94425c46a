import { AnyarchError, isAbort } from "../errors/error.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { OmittedResult } from "../plan/build-result.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import { cancelledBeforePublishing } from "../stores/publish.ts";
import type { DockerfilePlan } from "./dockerfile-plan.ts";
import type { PlatformBuilt, PlatformFailed, PlatformOutcome } from "./outcome.ts";
import type { SolveErrorDetails } from "./solve-error.ts";

/** What may be published, and what is missing in it. */
export interface PartialResult {
  /** In the order asked for; at least one. */
  readonly built: readonly PlatformBuilt[];
  readonly omitted: readonly OmittedResult[];
}

/**
 * Decides whether what was built may be published without what failed: optional platforms may be missing, others with
 * `--fallback available` only, and never all. Throws the first required platform's error with all that is known of every
 * failure in its details: `platforms`, `omitted`, `diagnoses`, `client`, `nodes`.
 */
export function allowPartial(
  outcomes: readonly PlatformOutcome[],
  plan: DockerfilePlan,
  request: Pick<DockerfileRequest, "fallback">,
): PartialResult {
  const built = outcomes.filter((outcome) => outcome.ok);
  // What was cancelled because of another platform's failure isn't the failure.
  const failed = outcomes
    .filter((outcome) => !outcome.ok)
    .sort((a, b) => Number(isAbort(a.error)) - Number(isAbort(b.error)));
  const [cancelled] = failed;
  if (cancelled !== undefined && isAbort(cancelled.error)) throw cancelledBeforePublishing(cancelled.error);
  const omitted = [
    ...failed.map(describe),
    ...plan.omitted.filter(
      ({ platform }) => !outcomes.some((outcome) => formatPlatform(outcome.platform) === platform),
    ),
  ];
  const blocking = failed.find(({ optional }) => !optional && request.fallback !== "available");
  const decisive = blocking ?? (built.length === 0 ? failed[0] : undefined);
  if (decisive !== undefined) throw failure(decisive, built, failed, { omitted, ...machines(plan) });
  if (built.length > 0) return { built, omitted };
  const [first] = omitted;
  throw new AnyarchError("BUILDER_LACKS_PLATFORM", first?.message ?? "There is no platform to build.", {
    hint: first?.hint,
    details: { omitted },
  });
}

function machines({ backend, nodes }: DockerfilePlan): Readonly<Record<string, unknown>> {
  return { client: `${backend.name} ${backend.version}`, nodes };
}

function describe({ platform, error, diagnoses, attempts }: PlatformFailed): OmittedResult {
  const [best] = diagnoses;
  const [fix] = best?.fixes ?? [];
  const advice = best && [`${best.title}: ${best.why}`, ...(fix ? [`${fix.title}: ${fix.detail}`] : [])];
  const hint = advice?.join("\n") ?? error.hint;
  return {
    platform: formatPlatform(platform),
    code: error.code,
    message: error.message,
    ...(hint !== undefined && { hint }),
    attempts,
  };
}

function failure(
  decisive: PlatformFailed,
  built: readonly PlatformBuilt[],
  failed: readonly PlatformFailed[],
  known: Readonly<Record<string, unknown>>,
): AnyarchError {
  const { code, message, hint, details, cause } = decisive.error;
  const others = failed.filter((one) => one !== decisive && !isAbort(one.error));
  const lines = [
    message,
    ...others.map(({ platform, error }) => `${formatPlatform(platform)} failed too: ${whyOf(error)}`),
    "Nothing was published.",
  ];
  const names = built.map(({ platform }) => formatPlatform(platform)).join(", ");
  const ways = [
    ...(hint === undefined ? [] : [hint]),
    ...(names === "" || hint?.includes("--fallback available") === true
      ? []
      : [`Or publish what could be built (${names}): --fallback available`]),
  ];
  return new AnyarchError(code, lines.join("\n"), {
    ...(ways.length > 0 && { hint: ways.join("\n") }),
    cause: cause ?? decisive.error,
    details: {
      ...details,
      platforms: built.map(({ platform, node, placement, durationMs, attempts }) => ({
        platform: formatPlatform(platform),
        node,
        placement,
        durationMs,
        attempts,
      })),
      ...known,
      diagnoses: [decisive, ...others].flatMap(({ platform, diagnoses }) =>
        diagnoses.map((diagnosis) => ({ platform: formatPlatform(platform), ...diagnosis })),
      ),
    },
  });
}

function whyOf({ message, details }: AnyarchError): string {
  const { why } = details as Partial<SolveErrorDetails>;
  return why === undefined ? (message.split("\n", 1)[0] ?? "") : `${why}.`;
}
