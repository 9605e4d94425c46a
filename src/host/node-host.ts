import { setMaxListeners } from "node:events";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Emit } from "../events/event.ts";
import type { Context, Host } from "./context.ts";
import { execProgram } from "./exec.ts";
import { HttpDispatcher } from "./http.ts";

export interface NodeHostOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly cacheDir?: string;
}

/** The real host. Call `close()` when done, so that idle connections don't keep the process alive. */
export function createNodeHost(options: NodeHostOptions = {}): Host & { close(): Promise<void> } {
  const env = options.env ?? process.env;
  const home = env["HOME"] || homedir();
  const dispatcher = new HttpDispatcher(env);
  const cacheDir =
    options.cacheDir ??
    (env["ANYARCH_CACHE_DIR"] || join(env["XDG_CACHE_HOME"] || join(home, ".cache"), "anyarch"));
  return {
    env,
    home,
    cwd: resolve(options.cwd ?? currentDirectory()),
    cacheDir: resolve(cacheDir),
    os: process.platform,
    arch: process.arch,
    now: () => new Date(),
    exec: (command, args, execOptions) => execProgram(command, args, { ...execOptions, baseEnv: env }),
    request: (request) => dispatcher.request(request),
    close: () => dispatcher.close(),
  };
}

function currentDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    throw new AnyarchError("INPUT_UNREADABLE", "The current directory isn't there any more.", {
      cause: error,
      hint: "Change to a directory that exists, then run the command again.",
    });
  }
}

/** A context on `host` that can't be cancelled and reports nothing unless told otherwise. */
export function createContext(host: Host, options: { signal?: AbortSignal; emit?: Emit } = {}): Context {
  const signal = options.signal ?? new AbortController().signal;
  // Every request and child process listens to it; dozens at once are no leak.
  setMaxListeners(0, signal);
  return {
    host,
    signal,
    emit: options.emit ?? (() => {}),
  };
}
