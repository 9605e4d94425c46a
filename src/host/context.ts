import type { Emit } from "../events/event.ts";
import type { ExecOptions, ExecResult } from "./exec.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";

/** The side effects that anyarch has on the machine; tests replace what they need to break. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly cwd: string;
  /** Absolute; the user's home directory. */
  readonly home: string;
  /** Absolute; `$ANYARCH_CACHE_DIR`, else `$XDG_CACHE_HOME/anyarch`, else `~/.cache/anyarch`. */
  readonly cacheDir: string;
  /** As Node.js names them: "linux", "x64". */
  readonly os: string;
  readonly arch: string;
  now(): Date;
  /** Runs a program to its end; throws COMMAND_MISSING when it isn't there. A non-zero exit is a result. */
  exec(command: string, args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** One HTTP(S) exchange over a kept-alive connection, through the configured proxy if any. */
  request(request: HttpRequest): Promise<HttpResponse>;
}

/** The last argument of every effectful function. */
export interface Context {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}
