import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { CheckResult } from "./checks.ts";
import { type ProcessEnd, timedOutCode } from "./trial-process.ts";

/** How much of a command's output is told when it failed. */
const shownLines = 5;

/** "exit code 1: …the last lines of its output". */
export function told({ code, stdout, stderr }: ProcessEnd): string {
  const text = lastLines(stderr.trim() === "" ? stdout : stderr);
  const how = code === timedOutCode ? "it took too long" : `exit code ${code}`;
  return text === "" ? how : `${how}: ${text}`;
}

export function lastLines(text: string): string {
  return text.trimEnd().split("\n").slice(-shownLines).join("\n");
}

/** Measures a check; an error of the image is its failure. Throws TRIAL_FAILED, and CANCELLED. */
export async function timed(
  kind: CheckResult["kind"],
  name: string,
  ctx: Context,
  work: () => Promise<{ readonly ok: boolean; readonly message?: string }>,
): Promise<CheckResult> {
  const started = performance.now();
  const result = await work().catch((error: unknown) => {
    ctx.signal.throwIfAborted();
    // No container starts at all: that is the machine's failure and not the image's.
    if (!(error instanceof AnyarchError) || error.code === "TRIAL_FAILED") throw error;
    return { ok: false, message: error.message };
  });
  const { ok, message } = result;
  const durationMs = Math.round(performance.now() - started);
  return { kind, name, status: ok ? "ok" : "failed", durationMs, ...(message !== undefined && { message }) };
}
