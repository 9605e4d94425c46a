import { type ChildProcess, spawn } from "node:child_process";
import { AnyarchError } from "../errors/error.ts";

export interface ExecOptions {
  readonly cwd?: string;
  /** Added to the host's environment; `undefined` removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Milliseconds until the program and its children are killed; none by default. */
  readonly timeoutMs?: number;
  /**
   * Milliseconds between SIGTERM and SIGKILL when `signal` or `timeoutMs` ends the program, so that it can tidy up (a
   * BuildKit client cancels its build on the server); 0 by default: killed at once.
   */
  readonly graceMs?: number;
  /** Gets standard output as it comes; {@link ExecResult.stdout} is empty then. Must not throw. */
  readonly onStdout?: (chunk: Buffer) => void;
  /** The same for standard error. */
  readonly onStderr?: (chunk: Buffer) => void;
  /** Gives the program this process's own standard streams: it talks to the terminal itself. */
  readonly inherit?: { readonly stdin?: boolean; readonly output?: boolean };
  /** Called once the program runs, with a way to send it signals. */
  readonly onStart?: (send: (signal: NodeJS.Signals) => void) => void;
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
      stdio: standardStreams(options),
      detached: true,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const ending = new GroupEnding(child, options.graceMs ?? 0);
    const timer =
      options.timeoutMs === undefined ? undefined : setTimeout(() => ending.begin(), options.timeoutMs);
    const onAbort = (): void => ending.begin();
    options.signal?.addEventListener("abort", onAbort, { once: true });
    const settle = (finish: () => void): void => {
      clearTimeout(timer);
      ending.finish();
      options.signal?.removeEventListener("abort", onAbort);
      finish();
    };
    child.stdout?.on("data", options.onStdout ?? ((chunk: Buffer) => out.push(chunk)));
    child.stderr?.on("data", options.onStderr ?? ((chunk: Buffer) => err.push(chunk)));
    child.on("error", (error: NodeJS.ErrnoException) =>
      settle(() =>
        reject(
          error.code === "ENOENT"
            ? new AnyarchError("COMMAND_MISSING", `The command ${command} isn't installed.`, { cause: error })
            : error,
        ),
      ),
    );
    options.onStart?.((signal) => child.kill(signal));
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

function standardStreams({ input, inherit }: ExecOptions): ("ignore" | "pipe" | "inherit")[] {
  const output = inherit?.output === true ? "inherit" : "pipe";
  return [input !== undefined ? "pipe" : inherit?.stdin === true ? "inherit" : "ignore", output, output];
}

/** Ends a process group: asks first where there is a grace, and leaves no member behind. */
class GroupEnding {
  readonly #child: ChildProcess;
  readonly #graceMs: number;
  #timer: NodeJS.Timeout | undefined;
  #begun = false;

  constructor(child: ChildProcess, graceMs: number) {
    this.#child = child;
    this.#graceMs = graceMs;
  }

  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    if (this.#graceMs <= 0) {
      this.#send("SIGKILL");
      return;
    }
    this.#send("SIGTERM");
    this.#timer = setTimeout(() => this.#send("SIGKILL"), this.#graceMs);
  }

  /** The program is gone and its pipes are closed: what is left of the group was told to end and didn't. */
  finish(): void {
    clearTimeout(this.#timer);
    if (this.#begun) this.#send("SIGKILL");
  }

  #send(signal: NodeJS.Signals): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
    } catch {
      this.#child.kill(signal); // The group is gone already.
    }
  }
}
