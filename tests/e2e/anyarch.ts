import { spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const root: string = resolve(import.meta.dirname, "../..");
const main = join(root, "lib/cli/main.js");

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly input?: string;
  /** "open" never ends standard input, as a terminal does before which nobody types. */
  readonly stdin?: "open";
  /** The Node.js to use instead of this one: a program and its first arguments. */
  readonly node?: readonly string[];
  /** Called with the child, to send it signals. */
  readonly onStart?: (kill: (signal: NodeJS.Signals) => void, stderr: () => string) => void;
}

/** Runs the built command line as a user does, in a process of its own. */
export function anyarch(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  if (!existsSync(main)) throw new Error("lib/ is missing: run npm run build first");
  const [program = process.execPath, ...before] = options.node ?? [process.execPath];
  return new Promise((settle, reject) => {
    const child = spawn(program, [...before, main, ...args], {
      cwd: options.cwd ?? root,
      env: { ...process.env, NO_COLOR: "1", ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code, signal) =>
      settle({ code: code ?? (signal === null ? 1 : 128), stdout, stderr }),
    );
    child.stdin.on("error", () => {});
    if (options.stdin !== "open") child.stdin.end(options.input ?? "");
    options.onStart?.(
      (signal) => child.kill(signal),
      () => stderr,
    );
  });
}

export interface Workspace extends Disposable {
  readonly path: string;
  /** Environment with an empty home and a cache of its own. */
  readonly env: Readonly<Record<string, string>>;
}

/** An empty directory with an empty home beside it; removed with its scope. */
export function makeWorkspace(options: { readonly cacheDir?: string } = {}): Workspace {
  const base = mkdtempSync(join(tmpdir(), "anyarch-e2e-"));
  const path = join(base, "work");
  const home = join(base, "home");
  for (const directory of [path, home]) mkdirSync(directory);
  return {
    path,
    env: {
      HOME: home,
      ANYARCH_CACHE_DIR: options.cacheDir ?? join(base, "cache"),
      XDG_CACHE_HOME: join(base, "xdg"),
    },
    [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** A copy of an example, to be changed at will; without the lock of a demo, whose packages mirrors drop in time. */
export function copyExample(name: string, destination: string): string {
  const filter = (path: string): boolean => !path.endsWith("anyarch.lock");
  cpSync(join(root, "examples", name), destination, { recursive: true, filter });
  return destination;
}
