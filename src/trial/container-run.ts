import { AnyarchError } from "../errors/error.ts";
import type { ExecResult } from "../host/exec.ts";
import type { Context } from "../host/context.ts";
import { SignalForwarder } from "./forward-signals.ts";
import { type ProcessEnd, type ProcessOptions, timedOutCode } from "./trial-process.ts";

/** How an engine is told to run one container. */
export interface ContainerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly emulated: boolean;
  /** Ends the container at once; may be called when it is gone already. */
  readonly kill: () => void;
  /** The container's first process as the host sees it, where that is known. */
  readonly pid: () => number | undefined;
}

/** Runs an engine's command until its container's end, with the streams, signals and limits of the options. */
export async function runContainer(
  command: ContainerCommand,
  options: ProcessOptions,
  ctx: Context,
): Promise<ProcessEnd> {
  const { stdin = "none", output = "capture", timeoutMs, stop } = options;
  const started = performance.now();
  let timedOut = false;
  let forwarder: SignalForwarder | undefined;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          command.kill();
        }, timeoutMs);
  stop?.addEventListener("abort", command.kill, { once: true });
  try {
    const result: ExecResult = await ctx.host.exec(command.program, command.args, {
      signal: ctx.signal,
      ...(command.env && { env: command.env }),
      ...(stdin instanceof Uint8Array && { input: stdin }),
      inherit: { stdin: stdin === "inherit", output: output === "inherit" },
      onStart: (send) => {
        const { kill, pid, emulated } = command;
        forwarder = new SignalForwarder({ send, kill, pid, emulated });
        options.onStart?.(forwarder.forward);
      },
    });
    const code = forwarder?.finish(result.code) ?? result.code;
    return {
      code: timedOut ? timedOutCode : code,
      stdout: result.stdout,
      stderr: result.stderr,
      durationMs: performance.now() - started,
    };
  } catch (error) {
    if (error instanceof AnyarchError && error.code === "COMMAND_MISSING") {
      throw new AnyarchError("TRIAL_ENGINE_MISSING", `${command.program} isn't installed any more.`, {
        cause: error,
      });
    }
    throw error;
  } finally {
    clearTimeout(timer);
    forwarder?.finish(0);
    stop?.removeEventListener("abort", command.kill);
  }
}
