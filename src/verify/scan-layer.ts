import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { AnyarchError } from "../errors/error.ts";
import { writeFileAtomic } from "../host/atomic-file.ts";
import type { Context } from "../host/context.ts";
import type { Layer } from "../image/layer.ts";
import type { Descriptor } from "../oci/content.ts";
import { digestAlgorithm, digestHex } from "../oci/digest.ts";
import { layerCompression } from "../oci/media-type.ts";
import { isVerifiedStream, ownsChunks } from "../oci/verified-stream.ts";
import type { ProbeMemory } from "./content-probe.ts";
import type { LayerScan } from "./layer-scan.ts";
import { readLayer } from "./layer-scanner.ts";

/** Goes up with every change of what a scan holds or means, so that older ones are made again. */
const format = "anyarch.layer-scan/4";

export interface ScanOptions {
  /**
   * True reads the layer's bytes even where a scan of them is remembered, and checks their digest and size; what they
   * hold is then taken from memory. False by default.
   */
  readonly deep?: boolean;
  /** Called with the uncompressed bytes read so far. */
  readonly onProgress?: (current: number) => void;
  /** Shared with other layers that are read at the same time. */
  readonly memory?: ProbeMemory | undefined;
}

/**
 * What a layer holds. Reads its bytes, checks them against the descriptor's digest and size, and remembers the
 * result under `<cacheDir>/verify/v4/` by that digest: not by the diffID, which is only somebody's claim about
 * the bytes until they are read, so that a wrong claim could borrow the good name of another layer.
 *
 * Throws CONTENT_INVALID for what isn't a file system layer, DIGEST_MISMATCH, ARCHIVE_INVALID, ARCHIVE_UNSAFE
 * and what opening the layer throws.
 */
export async function scanLayer(
  layer: Pick<Layer, "descriptor" | "open">,
  ctx: Context,
  options: ScanOptions = {},
): Promise<LayerScan> {
  const { descriptor } = layer;
  const remembered = await readScan(cachePath(descriptor, ctx));
  if (remembered !== undefined) {
    if (options.deep === true) await readToEnd(checked(await layer.open(ctx.signal), descriptor));
    return remembered;
  }
  if (layerCompression(descriptor.mediaType) === undefined) {
    throw new AnyarchError("CONTENT_INVALID", `${descriptor.mediaType} isn't a layer of files.`);
  }
  const source = await layer.open(ctx.signal);
  const scan = await readLayer(checked(source, descriptor), {
    name: `The layer ${descriptor.digest}`,
    signal: ctx.signal,
    memory: options.memory,
    ownsSource: ownsChunks(source),
    ...(options.onProgress && { onProgress: options.onProgress }),
  });
  await writeFileAtomic(cachePath(descriptor, ctx), JSON.stringify({ format, scan }));
  return scan;
}

function cachePath({ digest }: Descriptor, ctx: Context): string {
  return join(ctx.host.cacheDir, "verify", "v4", `${digestAlgorithm(digest)}-${digestHex(digest)}.json`);
}

/** Undefined where there is none that can be used. */
async function readScan(path: string): Promise<LayerScan | undefined> {
  try {
    const value = JSON.parse(await readFile(path, "utf8")) as { format?: unknown; scan?: LayerScan };
    return value.format === format ? value.scan : undefined;
  } catch {
    return undefined; // Not there, or damaged: it is made again.
  }
}

async function readToEnd(source: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = source[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true);
}

/** The bytes; fails at their end where they aren't what the descriptor says. */
function checked(source: Readable, descriptor: Descriptor): AsyncIterable<Uint8Array> {
  return isVerifiedStream(source, descriptor) ? source : checking(source, descriptor);
}

async function* checking(
  source: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hash = createHash(digestAlgorithm(descriptor.digest));
  let size = 0;
  for await (const chunk of source) {
    hash.update(chunk);
    size += chunk.byteLength;
    yield chunk;
  }
  const found = `${digestAlgorithm(descriptor.digest)}:${hash.digest("hex")}`;
  if (found === descriptor.digest && size === descriptor.size) return;
  const difference =
    found === descriptor.digest
      ? `has ${size} bytes, the manifest says ${descriptor.size}`
      : `holds other bytes: their digest is ${found}`;
  throw new AnyarchError("DIGEST_MISMATCH", `The layer ${descriptor.digest} ${difference}.`, {
    details: { expected: descriptor.digest, found, expectedSize: descriptor.size, foundSize: size },
  });
}
