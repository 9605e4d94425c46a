import type { Context } from "../host/context.ts";
import type { ExecOptions, ExecResult } from "../host/exec.ts";

export interface LimitedResult extends ExecResult {
  /** Whether the program was killed because its time was over. */
  readonly timedOut: boolean;
}

export interface LimitedOptions extends Omit<ExecOptions, "signal" | "timeoutMs" | "env"> {
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Runs a program that may hang (a client of BuildKit waits for ever for a daemon that died): it and its children
 * are killed after `timeoutMs`, or when the context is cancelled. Nothing can ask at the terminal.
 */
export async function runLimited(
  ctx: Context,
  program: string,
  args: readonly string[],
  options: LimitedOptions,
): Promise<LimitedResult> {
  const { timeoutMs, env, ...rest } = options;
  const start = performance.now();
  const result = await ctx.host.exec(program, args, {
    ...rest,
    env: { ...quiet, ...env },
    signal: ctx.signal,
    timeoutMs,
  });
  return { ...result, timedOut: result.code === 137 && performance.now() - start >= timeoutMs };
}

/** ssh never asks; programs speak English, so that what they say can be understood. */
export const quiet = { SSH_ASKPASS_REQUIRE: "never", LC_ALL: "C" } as const;
