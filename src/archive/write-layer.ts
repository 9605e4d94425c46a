import { createHash } from "node:crypto";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { withPath } from "../errors/system-error.ts";
import type { Digest } from "../oci/digest.ts";
import type { LayerCompression } from "../oci/media-type.ts";
import type { Entry } from "./entry.ts";
import { ParallelGzip } from "./gzip.ts";
import type { BlockCompressor, Sink } from "./parallel-blocks.ts";
import { tarBlocks, tarOutputSize } from "./tar-writer.ts";
import { createParallelZstd } from "./zstd.ts";

export interface WriteLayerOptions {
  /** Path of a file that doesn't exist yet. */
  readonly destination: string;
  readonly compression: LayerCompression;
  /** Seconds since the epoch for entries without a time; 0 by default. */
  readonly mtime?: number;
  readonly signal?: AbortSignal;
  /** Called with the uncompressed bytes so far, about once per MiB. */
  readonly onProgress?: (current: number) => void;
}

export interface WrittenLayer {
  /** Of the uncompressed tar. */
  readonly diffID: Digest;
  /** Of the file at `destination`. */
  readonly digest: Digest;
  /** Bytes of the file at `destination`. */
  readonly size: number;
  /** Bytes of the tar. */
  readonly uncompressedSize: number;
}

/**
 * Writes a layer of sorted entries: tar, hashed for the diffID, compressed in libuv's thread pool while the next
 * files are read, hashed for the digest, written. Memory stays bounded whatever the size. Equal entries give
 * equal digests on any host.
 *
 * Throws what {@link tarBlocks} throws, USAGE for zstd where Node.js has none, and the signal's reason; the
 * destination is removed then.
 */
export async function writeLayer(
  entries: Iterable<Entry>,
  options: WriteLayerOptions,
): Promise<WrittenLayer> {
  options.signal?.throwIfAborted();
  const fd = openSync(options.destination, "wx", 0o644);
  let open = true;
  try {
    const result = await writeTo(fd, entries, options);
    open = false;
    closeSync(fd);
    return result;
  } catch (error) {
    if (open) closeSync(fd);
    rmSync(options.destination, { force: true });
    throw withPath(error, options.destination);
  }
}

async function writeTo(
  fd: number,
  entries: Iterable<Entry>,
  options: WriteLayerOptions,
): Promise<WrittenLayer> {
  const blobHash = createHash("sha256");
  let size = 0;
  const compressor = createCompressor(options.compression, (chunk) => {
    blobHash.update(chunk);
    writeAll(fd, chunk);
    size += chunk.byteLength;
  });
  const tarHash = createHash("sha256");
  let uncompressedSize = 0;
  const spare: Buffer[] = [];
  const allocate = (): Buffer => spare.pop() ?? Buffer.allocUnsafeSlow(tarOutputSize);
  const mtime = options.mtime ?? 0;
  for (const block of tarBlocks(entries, { mtime, allocate })) {
    tarHash.update(block);
    uncompressedSize += block.byteLength;
    await compressor.push(block, () => {
      if (block.byteLength === tarOutputSize) spare.push(block);
    });
    options.signal?.throwIfAborted();
    options.onProgress?.(uncompressedSize);
  }
  await compressor.finish();
  options.signal?.throwIfAborted();
  return {
    diffID: `sha256:${tarHash.digest("hex")}`,
    digest: `sha256:${blobHash.digest("hex")}`,
    size,
    uncompressedSize,
  };
}

function createCompressor(compression: LayerCompression, sink: Sink): BlockCompressor {
  switch (compression) {
    case "gzip":
      return new ParallelGzip(sink);
    case "zstd":
      return createParallelZstd(sink);
    case "none":
      return {
        push: async (bytes, release) => {
          sink(bytes);
          release?.();
          await new Promise(setImmediate); // Reading is synchronous: Ctrl-C has to get its turn.
        },
        finish: () => Promise.resolve(),
      };
  }
}

function writeAll(fd: number, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.byteLength;) at += writeSync(fd, chunk, at);
}
