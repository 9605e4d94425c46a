import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { execProgram, type ExecOptions, type ExecResult } from "../../src/host/exec.ts";

export interface RunOptions extends ExecOptions {
  /** A non-zero exit is a result and not an error. */
  readonly anyExit?: boolean;
}

/** A program exited with something else than 0; the message holds all that it said. */
export class ProgramFailed extends Error {
  override name = "ProgramFailed";
  /** One line: the program and the line of its output that says most. */
  readonly brief: string;

  constructor(command: string, args: readonly string[], { code, stdout, stderr }: ExecResult) {
    super(`${command} ${args.join(" ")} exited with ${code}:\n${stderr}${stdout}`);
    const lines = `${stdout}\n${stderr}`.split("\n").filter((line) => line.trim() !== "");
    const telling =
      lines.find((line) => /^(?:E:|error|fatal|npm error(?! code))/i.test(line)) ?? lines.at(-1);
    this.brief = `${basename(command)} exited with ${code}${telling === undefined ? "" : `: ${telling.trim()}`}`;
  }
}

/** Runs a program to its end, 5 minutes at most. Throws {@link ProgramFailed} when it doesn't exit with 0. */
export async function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ExecResult> {
  const result = await execProgram(command, args, { timeoutMs: 300_000, ...options, baseEnv: process.env });
  if (result.code !== 0 && options.anyExit !== true) {
    throw new ProgramFailed(command, args, result);
  }
  return result;
}

export interface DaemonOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Asked again and again with all that the daemon has written so far. */
  readonly ready: (output: string) => boolean | Promise<boolean>;
  /** Default 20 000. */
  readonly readyWithinMs?: number;
  /** What ends it; default SIGTERM. */
  readonly signal?: "SIGTERM" | "SIGKILL";
}

/** A program that runs until its scope ends, or this process does, however that happens. */
export interface Daemon extends AsyncDisposable {
  readonly pid: number;
  /** Standard output and error so far. */
  output(): string;
  stop(): Promise<void>;
}

const living = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of living) child.kill("SIGKILL");
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Starts a daemon and waits until it is ready. The kernel ends it with this process (`setpriv --pdeathsig`), so that
 * even a killed test run leaves nothing behind.
 */
export async function startDaemon(
  command: string,
  args: readonly string[],
  options: DaemonOptions,
): Promise<Daemon> {
  const guard = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));
  const signal = options.signal ?? "SIGTERM";
  const line =
    guard === undefined ? [command, ...args] : [guard, "--pdeathsig", signal, "--", command, ...args];
  const child = spawn(line[0] ?? command, line.slice(1), {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  living.add(child);
  let output = "";
  let ended = false;
  const end = new Promise<void>((resolve) => {
    child.on("error", (error) => {
      output += String(error);
      ended = true;
      resolve();
    });
    child.on("exit", () => {
      living.delete(child);
      ended = true;
      resolve();
    });
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const stop = async (): Promise<void> => {
    if (ended) return;
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await end;
    clearTimeout(late);
  };
  const limit = Date.now() + (options.readyWithinMs ?? 20_000);
  while (!(await options.ready(output))) {
    if (ended || Date.now() > limit) {
      const reason = ended ? "ended" : "was not ready in time";
      await stop();
      throw new Error(`${command} ${reason}:\n${output.slice(-4000)}`);
    }
    await sleep(20);
  }
  return { pid: child.pid ?? 0, output: () => output, stop, [Symbol.asyncDispose]: stop };
}
