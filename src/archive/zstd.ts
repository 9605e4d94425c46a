import type { Transform } from "node:stream";
import zlib from "node:zlib";
import { AnyarchError } from "../errors/error.ts";
import {
  type BlockCompressor,
  compressBlock,
  defaultJobs,
  ParallelBlocks,
  type Sink,
} from "./parallel-blocks.ts";

/** Format constant: changing it changes the digest of every zstd layer. */
export const zstdLevel = 3;

/** Format constant: bytes per frame. Changing it changes the digest of every zstd layer. */
export const zstdFrameSize: number = 4 << 20;

/** More than a frame can become (ZSTD_compressBound is 1/256 more than the content, and a little). */
const outputSize = zstdFrameSize + (zstdFrameSize >>> 8) + (64 << 10);

type CreateZstdCompress = (options: { params: Record<number, number>; chunkSize: number }) => Transform;

/** What Node.js has from 22.15 and 23.8 on; its types here are those of Node 20. */
const { createZstdCompress, constants } = zlib as unknown as {
  readonly createZstdCompress?: CreateZstdCompress;
  readonly constants: Readonly<Record<string, number>>;
};

/** True where this Node.js can compress zstd. */
export function canCompressZstd(): boolean {
  return createZstdCompress !== undefined;
}

/**
 * Zstandard frames of 4 MiB of content each (RFC 8878 lets a file be several), compressed in libuv's thread
 * pool. Throws USAGE where Node.js has no zstd.
 */
export function createParallelZstd(sink: Sink, jobs: number = defaultJobs(zstdFrameSize)): BlockCompressor {
  const create = createZstdCompress;
  if (create === undefined) {
    throw new AnyarchError("USAGE", `Node.js ${process.versions.node} can't compress zstd.`, {
      hint: "Use Node.js 22.15 or later, or gzip compression.",
    });
  }
  const params = {
    [constants["ZSTD_c_compressionLevel"] as number]: zstdLevel,
    [constants["ZSTD_c_checksumFlag"] as number]: 1,
  };
  const compressFrame = (block: Uint8Array): Promise<Uint8Array> =>
    compressBlock(create({ params, chunkSize: outputSize }), block);
  return new ParallelBlocks(zstdFrameSize, jobs, compressFrame, sink);
}
