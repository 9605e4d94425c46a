import { rm } from "node:fs/promises";
import { dirname, sep } from "node:path";
import { finished } from "node:stream/promises";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import type { Digest } from "../oci/digest.ts";
import { BlobCache } from "../stores/blob-cache.ts";

/**
 * The error to throw instead of `error`. Where a file that was unpacked into the cache isn't any more what it was
 * then, its folder is removed, so that the next build has it anew: DIGEST_MISMATCH. Every other error stays.
 */
export async function withoutDamaged(error: unknown, ctx: Context): Promise<unknown> {
  if (!(error instanceof AnyarchError) || error.code !== "APP_FILE_CHANGED") return error;
  const { file } = error.details;
  const { cacheDir } = ctx.host;
  if (typeof file !== "string" || !file.startsWith(cacheDir + sep)) return error;
  await rm(dirname(file), { recursive: true, force: true });
  return damaged(file, error, ctx);
}

/**
 * Throws DIGEST_MISMATCH where the cached blob of one of the layers, which couldn't be read as what it should be,
 * isn't what was put there. Damaged ones are removed: the next build makes or fetches them anew. `own` were made by
 * this build or an earlier one, and were there when it began.
 */
export async function assertUndamaged(
  layers: readonly Descriptor[],
  own: ReadonlySet<Digest>,
  ctx: Context,
): Promise<void> {
  const cache = new BlobCache(ctx.host.cacheDir);
  let found: AnyarchError | undefined;
  for (const descriptor of layers) {
    const path = cache.pathOf(descriptor.digest);
    if (!(await cache.has(descriptor))) {
      // Who read it to its end found it damaged, and removed it. A base's layer may never have come so far.
      if (own.has(descriptor.digest)) found ??= damaged(path, undefined, ctx);
      continue;
    }
    try {
      await finished(cache.open(descriptor).resume());
    } catch (error) {
      if (!(error instanceof AnyarchError) || error.code !== "DIGEST_MISMATCH") throw error;
      found ??= damaged(path, error, ctx);
    }
  }
  if (found !== undefined) throw found;
}

function damaged(file: string, cause: AnyarchError | undefined, ctx: Context): AnyarchError {
  return new AnyarchError("DIGEST_MISMATCH", `${file} was damaged in the cache.`, {
    cause,
    hint: `What is damaged was removed from ${ctx.host.cacheDir}: build again.`,
    details: { ...cause?.details, file },
  });
}
