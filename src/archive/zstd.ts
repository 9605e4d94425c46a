import zlib from "node:zlib";
import { AnyarchError } from "../errors/error.ts";
import { type BlockCompressor, defaultJobs, ParallelBlocks, type Sink } from "./parallel-blocks.ts";

/** Format constant: changing it changes the digest of every zstd layer. */
const zstdLevel = 3;

/** Format constant: bytes per frame. Changing it changes the digest of every zstd layer. */
export const zstdFrameSize: number = 4 << 20;

type ZstdCompress = (
  bytes: Uint8Array,
  options: { params: Record<number, number>; chunkSize: number },
  callback: (error: Error | null, result: Buffer) => void,
) => void;

/** What Node.js has from 22.15 and 23.8 on; its types here are those of Node 20. */
const { zstdCompress, constants } = zlib as unknown as {
  readonly zstdCompress?: ZstdCompress;
  readonly constants: Readonly<Record<string, number>>;
};

/** True where this Node.js can compress zstd. */
export function canCompressZstd(): boolean {
  return zstdCompress !== undefined;
}

/**
 * Zstandard frames of 4 MiB of content each (RFC 8878 lets a file be several), compressed in libuv's thread
 * pool. Throws USAGE where Node.js has no zstd.
 */
export function createParallelZstd(sink: Sink, jobs: number = defaultJobs(zstdFrameSize)): BlockCompressor {
  const compress = zstdCompress;
  if (compress === undefined) {
    throw new AnyarchError("USAGE", `Node.js ${process.versions.node} can't compress zstd.`, {
      hint: "Use Node.js 22.15 or later, or gzip compression.",
    });
  }
  const params = {
    [constants["ZSTD_c_compressionLevel"] as number]: zstdLevel,
    [constants["ZSTD_c_checksumFlag"] as number]: 1,
  };
  const compressFrame = (block: Uint8Array): Promise<Uint8Array> =>
    new Promise((resolve, reject) => {
      compress(block, { params, chunkSize: 1 << 20 }, (error, result) =>
        error ? reject(error) : resolve(result),
      );
    });
  return new ParallelBlocks(zstdFrameSize, jobs, compressFrame, sink);
}
