import { constants, crc32, createDeflateRaw } from "node:zlib";
import {
  type BlockCompressor,
  compressBlock,
  defaultJobs,
  ParallelBlocks,
  type Sink,
} from "./parallel-blocks.ts";

/** Format constant: changing it changes the digest of every layer. 5 is as small as 6 within 2 %, and faster. */
export const gzipLevel = 5;

/** Format constant: bytes that are compressed as one unit. Changing it changes the digest of every layer. */
export const gzipBlockSize: number = 1 << 20;

/** How far back deflate looks (RFC 1951, section 2). */
const windowSize = 32 << 10;

/**
 * More than a block can become (deflate's bound is 5 bytes for each 16 KiB). With the output in one piece zlib never has
 * to resume a flush, which could repeat its marker and so make the bytes depend on the size of the buffer.
 */
const outputSize = gzipBlockSize + (16 << 10);

/** RFC 1952, section 2.3: deflate, no flags, no time, no extra flags, unknown operating system. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);

/** A final deflate block with fixed codes and nothing in it. */
const finalBlock = Buffer.from([0x03, 0x00]);

/**
 * One gzip member, compressed in libuv's thread pool. Each block of 1 MiB is deflated by itself with the 32 KiB
 * before it as dictionary and ends on a byte, so that the pieces form one deflate stream. The bytes don't depend
 * on threads, jobs, time or host; see {@link zlibIsForeign} for the exception.
 */
export class ParallelGzip implements BlockCompressor {
  readonly #blocks: ParallelBlocks;
  readonly #sink: Sink;
  #dictionary: Buffer | undefined;
  #crc = 0;
  #size = 0;

  /** `jobs`: blocks in flight, by default twice the cores. */
  constructor(sink: Sink, jobs: number = defaultJobs(gzipBlockSize)) {
    this.#sink = sink;
    this.#blocks = new ParallelBlocks(gzipBlockSize, jobs, (block) => this.#deflate(block), sink);
    sink(header);
  }

  push(bytes: Uint8Array, release?: () => void): Promise<void> {
    this.#crc = crc32(bytes, this.#crc);
    this.#size += bytes.byteLength;
    return this.#blocks.push(bytes, release);
  }

  async finish(): Promise<void> {
    await this.#blocks.finish();
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#crc, 0);
    trailer.writeUInt32LE(this.#size % 2 ** 32, 4);
    this.#sink(Buffer.concat([finalBlock, trailer]));
  }

  #deflate(block: Uint8Array): Promise<Uint8Array> {
    const dictionary = this.#dictionary;
    // Copied, for the block may be overwritten before the next one is compressed.
    this.#dictionary = Buffer.from(block.subarray(Math.max(0, block.byteLength - windowSize)));
    const options = { level: gzipLevel, chunkSize: outputSize, finishFlush: constants.Z_SYNC_FLUSH };
    return compressBlock(createDeflateRaw({ ...options, ...(dictionary && { dictionary }) }), block);
  }
}

/**
 * True where this runtime brings a zlib other than Node's own (a Node linked with the system's, or Bun), whose
 * compressed bytes, and so layer digests, may differ from everybody else's. diffIDs never do.
 */
export function zlibIsForeign(): boolean {
  const variables = process.config.variables as unknown as Readonly<Record<string, unknown>>;
  return process.versions["bun"] !== undefined || variables["node_shared_zlib"] === true;
}
