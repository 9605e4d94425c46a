import { Readable } from "node:stream";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import { shortDigest } from "../oci/digest.ts";
import { verifiedStream } from "../oci/verified-stream.ts";
import { scopesFor } from "./auth.ts";
import type { Connection } from "./connection.ts";
import { connectionError, discard, isTransient } from "./failure.ts";
import { type RetryPolicy, waitToRetry } from "./retry.ts";
import { statusError } from "./status-error.ts";

/**
 * A blob, verified while it is read. A connection that breaks in the middle is taken up again where it broke
 * (distribution-spec, "Pulling blobs": Range), from the start where the server doesn't do ranges.
 */
export async function pullBlob(
  connection: Connection,
  descriptor: Descriptor,
  policy: RetryPolicy,
  ctx: Context,
): Promise<Readable> {
  const { registry, repository, host } = connection.endpoint;
  const first = await getBlob(connection, descriptor, 0, ctx);
  let attempt = 0;
  return verifiedStream(first, descriptor, {
    from: `${registry}/${repository}`,
    reopen: async (offset, error) => {
      ctx.signal.throwIfAborted();
      const failure = connectionError(host, error);
      const why = failure.message.replace(/\.$/, "");
      if (!isTransient(error) || !(await waitToRetry(policy, attempt++, why, ctx))) throw failure;
      return getBlob(connection, descriptor, offset, ctx);
    },
  });
}

async function getBlob(
  connection: Connection,
  descriptor: Descriptor,
  offset: number,
  ctx: Context,
): Promise<Readable> {
  const { registry, repository } = connection.endpoint;
  const { digest } = descriptor;
  const response = await connection.send(
    {
      method: "GET",
      url: `/v2/${repository}/blobs/${digest}`,
      scopes: scopesFor(repository, "pull"),
      ...(offset > 0 && { headers: { range: `bytes=${offset}-` } }),
    },
    ctx,
  );
  if (response.status === 206 && response.headers["content-range"]?.startsWith(`bytes ${offset}-`))
    return response.body;
  if (response.status === 200) return offset === 0 ? response.body : skipBytes(response.body, offset);
  if (response.status === 404) {
    await discard(response);
    throw new AnyarchError("IMAGE_NOT_FOUND", `${registry}/${repository} has no blob ${digest}.`, {
      details: { registry, repository, digest },
    });
  }
  throw await statusError(connection, response, `let pull the blob ${shortDigest(digest)}`, ctx);
}

/** The same bytes without the first `count`. */
function skipBytes(source: Readable, count: number): Readable {
  let left = count;
  async function* rest(): AsyncGenerator<Buffer> {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      if (chunk.length > left) yield chunk.subarray(left);
      left = Math.max(left - chunk.length, 0);
    }
  }
  return Readable.from(rest(), { objectMode: false });
}
