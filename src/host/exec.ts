import { spawn } from "node:child_process";
import { AnyarchError } from "../errors/error.ts";

export interface ExecOptions {
  readonly cwd?: string;
  /** Added to the host's environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Milliseconds until the program and its children are killed; none by default. */
  readonly timeoutMs?: number;
}

export interface ExecResult {
  /** The exit code; 128 + signal number where a signal ended the program. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGILL: 4,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** Implements {@link Host.exec}. The child gets its own process group, so that its children end with it. */
export function execProgram(
  command: string,
  args: readonly string[],
  options: ExecOptions & { readonly baseEnv: NodeJS.ProcessEnv },
): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: { ...options.baseEnv, ...options.env },
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      detached: true,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        child.kill("SIGKILL"); // The group is gone already.
      }
    };
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(kill, options.timeoutMs);
    const onAbort = (): void => kill();
    options.signal?.addEventListener("abort", onAbort, { once: true });
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener("abort", onAbort);
      finish();
    };
    child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => err.push(chunk));
    child.on("error", (error: NodeJS.ErrnoException) =>
      settle(() =>
        reject(
          error.code === "ENOENT"
            ? new AnyarchError("COMMAND_MISSING", `The command ${command} isn't installed.`, { cause: error })
            : error,
        ),
      ),
    );
    child.on("close", (code, signal) =>
      settle(() => {
        if (options.signal?.aborted === true) {
          reject(options.signal.reason as Error);
          return;
        }
        resolve({
          code: code ?? 128 + (signalNumbers[signal ?? ""] ?? 0),
          stdout: Buffer.concat(out).toString("utf8"),
          stderr: Buffer.concat(err).toString("utf8"),
        });
      }),
    );
    if (options.input !== undefined && child.stdin !== null) {
      child.stdin.on("error", () => {}); // The program may end without reading its input.
      child.stdin.end(options.input);
    }
  });
}
