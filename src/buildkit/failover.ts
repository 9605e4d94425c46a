import type { AnyarchError } from "../errors/error.ts";
import type { Placement } from "./dockerfile-plan.ts";
import type { SolveErrorDetails } from "./solve-error.ts";

/** Where a platform is tried after a failure. */
export type Onward =
  /** The same node: the fault may be gone in a moment. */
  | "again"
  /** Any other candidate. */
  | "next"
  /** Only a candidate that doesn't emulate. */
  | "unemulated"
  /** Nowhere: it would fail the same way. */
  | "end";

/** Codes of faults that every node would meet alike. */
const everywhere: ReadonlySet<string> = new Set([
  "CANCELLED",
  "USAGE",
  "INTERNAL",
  "DOCKERFILE_INVALID",
  "INPUT_UNREADABLE",
  "INPUT_INVALID",
  "COMMAND_MISSING",
  "BASE_NOT_FOUND",
  "BASE_PLATFORM_MISSING",
  "REGISTRY_UNAUTHORIZED",
  "REGISTRY_DENIED",
  "OUTPUT_UNWRITABLE",
]);

const emulatorSignals: ReadonlySet<string> = new Set(["SIGSEGV", "SIGILL", "SIGABRT", "SIGBUS", "SIGTRAP"]);

/**
 * What to do after a platform's build failed on a node. `lost` is whether the node, asked again, doesn't answer; `tried`
 * how often this node was tried again.
 *
 * - The node is gone: the next candidate. It is there again (its daemon was restarted): again, as often as retries allow.
 * - A registry or the network failed for a moment: again; then the next candidate, whose network is another.
 * - A full disk, too little memory (SIGKILL), an untrusted registry certificate: the next candidate, another machine.
 * - No sign of life: the next candidate; after an emulator's crash one that doesn't emulate.
 * - Emulated, and killed by a signal of the kind emulators cause, or out of time: a candidate that doesn't emulate.
 * - An instruction failed natively, or under emulation by its own fault: the end, it would fail again.
 * - Credentials, missing images, mistakes in the Dockerfile: the end.
 */
export function afterFailure(
  error: AnyarchError,
  placement: Placement,
  { lost, tried, retries }: { readonly lost: boolean; readonly tried: number; readonly retries: number },
): Onward {
  if (error.code === "CANCELLED") return "end";
  if (lost) return "next";
  const details = error.details as Partial<SolveErrorDetails>;
  const again = tried < retries;
  if (error.code === "BUILDER_LOST") return again ? "again" : "next";
  if (everywhere.has(error.code)) return "end";
  if (details.transient !== undefined) return again ? "again" : "next";
  switch (error.code) {
    case "BUILD_FAILED":
      return afterStep(details, placement);
    case "BUILD_STALLED":
      return details.watchdog === "crash" ? "unemulated" : "next";
    case "BUILD_TIMEOUT":
      return placement === "emulated" ? "unemulated" : "end";
    default:
      return "next";
  }
}

function afterStep(details: Partial<SolveErrorDetails>, placement: Placement): Onward {
  if (details.signal === "SIGKILL") return "next";
  if (placement !== "emulated") return details.exitCode === undefined ? "next" : "end";
  if (details.emulatorCrash !== undefined || emulatorSignals.has(details.signal ?? "")) return "unemulated";
  const byEmulation = details.diagnoses?.some(
    ({ architecture, confidence }) => architecture && confidence !== "possible",
  );
  return byEmulation === true || details.exitCode === undefined ? "unemulated" : "end";
}

/** Whether the node has to be asked if it is still there: not where BuildKit's own answer says what is wrong. */
export function isNodeSuspect(error: AnyarchError): boolean {
  if (everywhere.has(error.code) || error.code === "BUILD_TIMEOUT") return false;
  return (error.details as Partial<SolveErrorDetails>).exitCode === undefined;
}
