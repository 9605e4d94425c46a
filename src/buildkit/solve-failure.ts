import type { ErrorCode } from "../errors/codes.ts";
import type { FailedVertex } from "./solve-events.ts";
import type { SolveFailure } from "./solve-error.ts";
import { transientReason } from "./transient.ts";
import type { WatchEnd } from "./watchdog.ts";

/** What a failure comes down to. */
export interface ReadFailure {
  readonly code: ErrorCode;
  /** Follows the platform: "failed", "was ended". */
  readonly what: string;
  /** A clause without a full stop. */
  readonly why: string;
  readonly vertex?: FailedVertex | undefined;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly transient?: string | undefined;
}

/** The client's words for a BuildKit that is gone. */
const lost =
  /code = Unavailable|: Unavailable: |error reading from server|transport is closing|failed to receive status|client connection (?:lost|is closing)|failed to list workers|listing workers for|error while dialing|no such container|is not running|connection closed before server preface|graceful_stop|session healthcheck failed|no active session|lost connection to buildkit|Connection to \S+ closed|command \[ssh /i;

/** BuildKit's words for what isn't a step's fault, by code, in the order in which they are tried. */
const judgements: readonly (readonly [RegExp, ErrorCode])[] = [
  [/no space left on device|disk quota exceeded|ResourceExhausted[^\n]*(?:disk|space)/i, "DISK_FULL"],
  [
    /dockerfile parse error|unknown instruction|failed to parse (?:stage|dockerfile)|target stage \S+ could not be found|failed to process "/i,
    "DOCKERFILE_INVALID",
  ],
  [
    /no match for platform in manifest|no matching manifest|does not match the specified platform/i,
    "BASE_PLATFORM_MISSING",
  ],
  [/x509:|tls: failed to verify|certificate (?:has expired|signed by|is not trusted)/i, "REGISTRY_TLS"],
  [/insufficient_scope|access (?:is|to the resource is) denied|403 Forbidden|\bdenied:/i, "REGISTRY_DENIED"],
  [
    /401 Unauthorized|unauthorized|authentication required|authorization failed|no basic auth/i,
    "REGISTRY_UNAUTHORIZED",
  ],
  [
    /manifest unknown|name unknown|repository does not exist|(?:\/manifests\/|: )[^\n]*not found/i,
    "BASE_NOT_FOUND",
  ],
  [
    /unexpected status|\b(?:429|50[0234])\b|too many requests|toomanyrequests|unknown blob/i,
    "REGISTRY_ERROR",
  ],
  [
    /dial tcp|no such host|name resolution|i\/o timeout|TLS handshake|connection (?:reset|refused|timed out)|failed to do request|network is unreachable|\bEOF\b/i,
    "NETWORK_ERROR",
  ],
];

const signals: Readonly<Record<number, string>> = {
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  15: "SIGTERM",
};

/** Reads the code, the reason and the vertex out of what a solve left behind; pure. */
export function readFailure(failure: SolveFailure): ReadFailure {
  if (failure.end !== undefined) return endedByWatchdog(failure, failure.end);
  const [vertex] = failure.failed;
  const exit = vertex && /did not complete successfully: exit code: (\d+)/.exec(vertex.error);
  if (vertex !== undefined && exit) return failedStep(vertex, Number(exit[1]));
  const said = clientError(failure.text);
  const words = [vertex?.error ?? "", said].join("\n");
  if (lost.test(said) || /context canceled/i.test(vertex?.error ?? "")) {
    return {
      code: "BUILDER_LOST",
      what: "was interrupted",
      why: `the builder was lost (${firstLine(said || (vertex?.error ?? ""))})`,
      vertex: failure.interrupted[0] ?? vertex,
    };
  }
  const code = judgements.find(([pattern]) => pattern.test(words))?.[1] ?? "BUILD_FAILED";
  const signal = failure.code > 128 && words.trim() === "" ? signals[failure.code - 128] : undefined;
  const why =
    firstLine(vertex?.error ?? said) ||
    (signal === undefined
      ? `the client of BuildKit exited with ${failure.code} and said nothing`
      : `the client of BuildKit was ended by ${signal}`);
  return {
    code,
    what: "failed",
    why,
    vertex: vertex ?? failure.interrupted[0],
    transient: transientReason(words),
  };
}

function endedByWatchdog({ failed, interrupted }: SolveFailure, end: WatchEnd): ReadFailure {
  const seconds = `${Number((end.afterMs / 1000).toFixed(1))} s`;
  const what = "was ended";
  if (end.reason === "crash") {
    const vertex = [...interrupted, ...failed].find(({ crash }) => crash !== undefined);
    return {
      code: "BUILD_STALLED",
      what,
      why: `the emulator crashed (${/signal \d+/.exec(end.line)?.[0] ?? end.line.trim()}), then it was silent for ${seconds}`,
      vertex: vertex ?? interrupted[0],
      signal: signals[Number(/signal (\d+)/.exec(end.line)?.[1])],
    };
  }
  // The client tells what it cancels, when it has the time to.
  const running = [...interrupted, ...failed];
  const vertex = running.find(({ step }) => step !== undefined) ?? running[0];
  if (end.reason === "lost")
    return {
      code: "BUILDER_LOST",
      what: "was interrupted",
      why: "the builder gives no answer any more",
      vertex,
    };
  return end.reason === "silence"
    ? { code: "BUILD_STALLED", what, why: `it gave no sign of life for ${seconds}`, vertex }
    : { code: "BUILD_TIMEOUT", what, why: `it took longer than ${seconds}`, vertex };
}

function failedStep(vertex: FailedVertex, exitCode: number): ReadFailure {
  const crashed = /signal (\d+)/.exec(vertex.crash ?? "")?.[1];
  const signal = signals[exitCode - 128] ?? (crashed === undefined ? undefined : signals[Number(crashed)]);
  const full = vertex.log.slice(-20).some((line) => /no space left on device/i.test(line));
  const meaning =
    signal === undefined
      ? ""
      : exitCode === 137
        ? " (SIGKILL: probably out of memory)"
        : exitCode > 128
          ? ` (${signal})`
          : ` after ${signal}`;
  return {
    code: full ? "DISK_FULL" : "BUILD_FAILED",
    what: "failed",
    why: `${full ? "no space is left on the builder; " : ""}exit code ${exitCode}${meaning}`,
    vertex,
    exitCode,
    signal,
  };
}

/** "ERROR: failed to solve: …" of buildx, "error: …" of buildctl, without the excerpt of the Dockerfile. */
function clientError(text: readonly string[]): string {
  const errors = text.filter((line) => /^(?:error|fatal)[: ]/i.test(line.trim()));
  return (errors.length > 0 ? errors : text.slice(-3)).join("\n").replace(/^(?:error|fatal): /gim, "");
}

function firstLine(text: string): string {
  const line = text.split("\n").find((one) => one.trim() !== "") ?? "";
  return line
    .replace(/^(?:failed to (?:build|solve): )+/, "")
    .trim()
    .replace(/\.$/, "")
    .slice(0, 500);
}
