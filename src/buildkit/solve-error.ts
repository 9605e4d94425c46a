import type { Diagnosis, FailedStep } from "../diagnose/diagnosis.ts";
import type { ErrorCode } from "../errors/codes.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Placement } from "./dockerfile-plan.ts";
import { readFailure } from "./solve-failure.ts";
import type { FailedVertex } from "./solve-events.ts";
import { formatStep, withShortDigests } from "./vertex-name.ts";
import type { WatchEnd } from "./watchdog.ts";

/** Where a solve ran. */
export interface SolvePlace {
  /** Normalised. */
  readonly platform: string;
  readonly node: string;
  readonly placement: Placement;
  /** BuildKit's version there, where it is known. */
  readonly version?: string | undefined;
}

/** All that is known of a solve that failed. */
export interface SolveFailure {
  readonly place: SolvePlace;
  /** Exit code of the client. */
  readonly code: number;
  /** The decisive one first. */
  readonly failed: readonly FailedVertex[];
  /** What ran when it ended. */
  readonly interrupted: readonly FailedVertex[];
  /** What the client wrote beside progress, redacted. */
  readonly text: readonly string[];
  readonly diagnoses: readonly Diagnosis[];
  readonly end?: WatchEnd | undefined;
}

/** `details` of an error of a solve; `diagnoses` and what `failover.ts` decides by. */
export interface SolveErrorDetails {
  readonly platform: string;
  readonly node: string;
  readonly placement: Placement;
  /** Whether instructions for this platform run under emulation on the node. */
  readonly emulated: boolean;
  readonly buildkit?: string;
  readonly step?: FailedStep;
  /** Of the step. */
  readonly exitCode?: number;
  /** "SIGSEGV": what the exit code says, or the emulator. */
  readonly signal?: string;
  /** Why, as a clause without a full stop: "exit code 1", "the builder gives no answer any more". */
  readonly why: string;
  /** The emulator's own words where it crashed. */
  readonly emulatorCrash?: string;
  /** Why another try on the same node may succeed. */
  readonly transient?: string;
  /** "timeout", "silence" or "crash" where the watchdog ended it. */
  readonly watchdog?: WatchEnd["reason"];
  /** The last lines of the step. */
  readonly log: readonly string[];
  readonly diagnoses: readonly Diagnosis[];
}

const shownLines = 12;

/** Makes the error of a solve that failed: which platform, where, which instruction, why, and its last words. */
export function solveError(failure: SolveFailure): AnyarchError {
  const { place, diagnoses } = failure;
  const read = readFailure(failure);
  const { vertex, code, signal, exitCode, transient } = read;
  const emulated = place.placement === "emulated";
  const details: SolveErrorDetails = {
    platform: place.platform,
    node: place.node,
    placement: place.placement,
    emulated,
    ...(place.version !== undefined && { buildkit: place.version }),
    why: read.why,
    ...(vertex?.step && { step: vertex.step }),
    ...(exitCode !== undefined && { exitCode }),
    ...(signal !== undefined && { signal }),
    ...(vertex?.crash !== undefined && { emulatorCrash: vertex.crash }),
    ...(transient !== undefined && { transient }),
    ...(failure.end && { watchdog: failure.end.reason }),
    log: vertex?.log ?? [],
    diagnoses,
  };
  const [best] = diagnoses;
  const said = [
    `${place.platform} ${read.what} on ${place.node} (${place.placement})${stepText(vertex)}: ${read.why}.`,
    ...quoted(vertex?.log ?? []),
  ];
  return new AnyarchError(code, said.join("\n"), {
    hint: hintOf(best) ?? hintFor(code, emulated, signal),
    details: { ...details },
  });
}

function stepText(vertex: FailedVertex | undefined): string {
  if (vertex === undefined) return "";
  const name = vertex.step === undefined ? vertex.name : formatStep(vertex.step);
  const short = withShortDigests(name.replace(/\s+/g, " "));
  return `, in ${short.length > 200 ? `${short.slice(0, 200)}…` : short}`;
}

function quoted(log: readonly string[]): readonly string[] {
  const lines = log.filter((line) => line !== "").slice(-shownLines);
  return lines.length === 0 ? [] : ["Its last lines:", ...lines.map((line) => `  | ${line.slice(0, 300)}`)];
}

/** What to do, a line for each fix; the rest of it, and why, the diagnosis tells. */
function hintOf(best: Diagnosis | undefined): string | undefined {
  if (best === undefined || best.confidence === "possible" || best.fixes.length === 0) return undefined;
  return best.fixes
    .map(({ title, detail }) => [title, detail.split("\n", 1)[0]].filter(Boolean).join(": "))
    .join("\n");
}

function hintFor(code: ErrorCode, emulated: boolean, signal: string | undefined): string | undefined {
  const native = "Use a native builder for the platform (--builder PLATFORM=ssh://HOST)";
  if (emulated && (code === "BUILD_STALLED" || ["SIGSEGV", "SIGILL", "SIGABRT"].includes(signal ?? "")))
    return `${native}, or do this step in a stage FROM --platform=$BUILDPLATFORM that cross-compiles.`;
  if (emulated && code === "BUILD_TIMEOUT") return `${native}: emulation is several times slower.`;
  if (signal === "SIGKILL") return "Give the builder more memory, or let the step do less at a time.";
  return undefined;
}
