import * as v from "valibot";
import { AnyarchError, isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { ExecResult } from "../host/exec.ts";
import type { Credential } from "./credential.ts";

const answer = v.looseObject({ Username: v.string(), Secret: v.string() });

/**
 * Runs `docker-credential-NAME get` (docker-credential-helpers' protocol: the server on stdin, JSON on stdout).
 * Undefined when it knows nothing. One that is missing or fails is reported as a warning: many images need no login.
 */
export async function askCredentialHelper(
  name: string,
  server: string,
  ctx: Context,
): Promise<Credential | undefined> {
  const program = `docker-credential-${name}`;
  const warn = (why: string): void =>
    ctx.emit({
      type: "log",
      level: "warning",
      message: `The credential helper ${program} ${why}; going on without its credentials for ${server}.`,
    });
  if (!/^[\w.-]+$/.test(name)) {
    warn("has a name that no program can have");
    return undefined;
  }
  let result: ExecResult;
  try {
    result = await ctx.host.exec(program, ["get"], { input: server, signal: ctx.signal, timeoutMs: 30_000 });
  } catch (error) {
    if (isAbort(error)) throw error;
    const missing = error instanceof AnyarchError && error.code === "COMMAND_MISSING";
    warn(missing ? "isn't installed" : "can't be run");
    return undefined;
  }
  if (result.code !== 0) {
    // Its output isn't shown: nothing says that it holds no secret.
    const unknown = /credentials not found|no credentials|not logged in/i.test(result.stdout + result.stderr);
    if (!unknown) warn(`failed with exit code ${result.code}`);
    return undefined;
  }
  return parseAnswer(result.stdout, program, warn);
}

function parseAnswer(output: string, source: string, warn: (why: string) => void): Credential | undefined {
  let parsed: v.InferOutput<typeof answer>;
  try {
    parsed = v.parse(answer, JSON.parse(output));
  } catch {
    warn("answers with something else than credentials");
    return undefined;
  }
  if (parsed.Secret === "") return undefined;
  if (parsed.Username === "<token>") return { source, identityToken: parsed.Secret };
  return { source, username: parsed.Username, password: parsed.Secret };
}
