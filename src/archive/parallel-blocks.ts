import { availableParallelism } from "node:os";
import type { Transform } from "node:stream";
import { releaseMemory } from "./release-memory.ts";

/**
 * Takes compressed bytes, in order; they are valid only until it returns, so it copies what it keeps. What it
 * throws, `push` and `finish` throw.
 */
export type Sink = (chunk: Uint8Array) => void;

/** A compressor that {@link writeLayer} can feed. */
export interface BlockCompressor {
  /**
   * Takes bytes, which must stay unchanged until `release` is called (at once when they were copied). Resolves
   * when more may be given, and not before the event loop has turned.
   */
  push(bytes: Uint8Array, release?: () => void): Promise<void>;
  /** Compresses and writes what is left. Nothing may be pushed afterwards. */
  finish(): Promise<void>;
}

interface Job {
  readonly result: Promise<Uint8Array>;
  done: Uint8Array | undefined;
  readonly release: (() => void) | undefined;
}

/**
 * Cuts what it is given into blocks of a fixed size, compresses several at once (`compress` is expected to use
 * libuv's thread pool) and hands the results to the sink in order. Blocks, and with them the output, depend on
 * the bytes only: not on how they were cut when pushed, nor on the number of jobs or threads.
 */
export class ParallelBlocks implements BlockCompressor {
  readonly #size: number;
  readonly #compress: (block: Uint8Array) => Promise<Uint8Array>;
  readonly #sink: Sink;
  readonly #jobs: number;
  readonly #queue: Job[] = [];
  readonly #spare: Buffer[] = [];
  #partial: Buffer | undefined;
  #used = 0;

  /** `jobs` is the number of blocks in flight; see {@link defaultJobs}. */
  constructor(size: number, jobs: number, compress: (block: Uint8Array) => Promise<Uint8Array>, sink: Sink) {
    this.#size = size;
    this.#jobs = jobs;
    this.#compress = compress;
    this.#sink = sink;
  }

  async push(bytes: Uint8Array, release?: () => void): Promise<void> {
    if (this.#used === 0 && bytes.byteLength === this.#size) {
      await this.#start(bytes, release);
      return;
    }
    for (let at = 0; at < bytes.byteLength;) {
      this.#partial ??= this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#size);
      const length = Math.min(bytes.byteLength - at, this.#size - this.#used);
      this.#partial.set(bytes.subarray(at, at + length), this.#used);
      this.#used += length;
      at += length;
      if (this.#used === this.#size) await this.#startPartial();
    }
    release?.();
  }

  async finish(): Promise<void> {
    if (this.#used > 0) await this.#startPartial();
    while (this.#queue.length > 0) await this.#settleFirst();
  }

  async #startPartial(): Promise<void> {
    const partial = this.#partial;
    if (partial === undefined) return;
    const block = partial.subarray(0, this.#used);
    this.#partial = undefined;
    this.#used = 0;
    await this.#start(block, () => this.#spare.push(partial));
  }

  async #start(block: Uint8Array, release: (() => void) | undefined): Promise<void> {
    const result = this.#compress(block);
    const job: Job = { result, done: undefined, release };
    // A failure surfaces when its turn comes; without a handler Node would end the process before that.
    result.then(
      (bytes) => (job.done = bytes),
      () => undefined,
    );
    this.#queue.push(job);
    if (this.#queue.length >= this.#jobs) await this.#settleFirst();
    else await new Promise(setImmediate);
    while (this.#queue[0]?.done !== undefined) await this.#settleFirst();
  }

  async #settleFirst(): Promise<void> {
    const job = this.#queue.shift();
    if (job === undefined) return;
    const bytes = await job.result;
    job.release?.();
    this.#sink(bytes);
    releaseMemory(bytes);
  }
}

/**
 * Runs a block through a fresh zlib stream whose `chunkSize` holds all of the output: then it is one piece of
 * memory, is not copied (as zlib's own one-call functions do) and can be given back as soon as it is written.
 */
export function compressBlock(stream: Transform, block: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    stream.on("data", (piece: Buffer) => pieces.push(piece));
    stream.on("error", reject);
    stream.on("end", () => resolve(joined(pieces)));
    stream.end(block);
  });
}

function joined(pieces: readonly Buffer[]): Uint8Array {
  const [first] = pieces;
  if (first === undefined) return Buffer.alloc(0);
  let end = first.byteOffset;
  for (const piece of pieces) {
    if (piece.buffer !== first.buffer || piece.byteOffset !== end) return Buffer.concat(pieces);
    end += piece.byteLength;
  }
  return Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset);
}

/**
 * How many blocks of `size` bytes to have in flight: twice the cores, so that no thread waits for the main
 * one, but never more than 64 MiB of input.
 */
export function defaultJobs(size: number): number {
  const bound = Math.max(2, Math.floor((64 << 20) / size));
  return Math.min(Math.max(4, 2 * availableParallelism()), bound);
}
