import { type AnyarchError, isAbort, toAnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { readInspection } from "./buildx-inspect.ts";
import { type Connection, greetAgain } from "./connection.ts";
import type { NodeSpec } from "./node.ts";
import { clientFailure, unreachable } from "./node-failure.ts";
import { runLimited } from "./run-limited.ts";

const limitMs = 3000;

/**
 * Asks a node whether it is still there, within 3 seconds for each of two steps: first the way to it, then the daemon
 * by its client. Undefined when it answers. Throws only when cancelled.
 */
export async function lostNode(
  spec: NodeSpec,
  connection: Connection,
  ctx: Context,
): Promise<AnyarchError | undefined> {
  try {
    await greetAgain(spec, limitMs, ctx);
    await askClient(spec.name, connection, ctx);
    return undefined;
  } catch (error) {
    if (isAbort(error) || ctx.signal.aborted) throw error;
    return toAnyarchError(error);
  }
}

async function askClient(name: string, { access }: Connection, ctx: Context): Promise<void> {
  const args =
    access.client === "buildx"
      ? [...access.prefix, "inspect", access.builder]
      : [...access.globalArgs, "debug", "workers"];
  const result = await runLimited(ctx, access.program, args, { env: access.env, timeoutMs: limitMs });
  if (result.timedOut) throw unreachable(name, `BuildKit gave no answer within ${limitMs / 1000} s`);
  if (result.code !== 0) throw clientFailure(name, result.stderr || result.stdout);
  if (access.client !== "buildx") return;
  // buildx doesn't fail for a node that is gone: it calls it inactive.
  const { status, error } = readInspection(result.stdout);
  if (error !== undefined) throw clientFailure(name, error);
  if (status !== undefined && status !== "running") throw unreachable(name, `BuildKit there is ${status}`);
}
