import type { Transform, TransformOptions } from "node:stream";
import { pipeline } from "node:stream/promises";
import zlib, { type ZlibOptions } from "node:zlib";
import type { XzReadableStream as XzStream } from "xz-decompress";
import { AnyarchError } from "../errors/error.ts";
import type { LayerCompression } from "../oci/media-type.ts";
import { ByteSource } from "./byte-source.ts";
import { releaseMemory } from "./release-memory.ts";
import { MalformedZstd, zstdFrames } from "./zstd-frames.ts";

/** "auto" looks at the first bytes; what no compression begins with is taken as not compressed. */
export type Compression = LayerCompression | "xz" | "auto";

/** Bytes per output chunk of zlib: fewer trips through the thread pool than with its 16 KiB. */
const chunkSize = 256 << 10;

/** How far zlib's threads may be ahead of who reads, in bytes: they work while this thread looks at a chunk. */
const readAhead = 4 * chunkSize;

export interface DecompressOptions {
  /**
   * True where a chunk isn't needed any more when the next one is asked for: its memory is given back then, which
   * saves a large part of the time. False by default.
   */
  readonly transient?: boolean;
  /** True where the source's chunks are nobody else's: their memory is given back, too. False by default. */
  readonly ownsSource?: boolean;
}

/**
 * Decompresses as a stream: gzip of any number of members, Zstandard of any number of frames, xz, or nothing.
 * The source is read to its very end (past the end of the compressed data, too), so that a source that checks a
 * digest there does so; leaving the iteration early closes the source.
 *
 * Throws ARCHIVE_INVALID, naming `name`, where the data is corrupt or cut off; errors of the source pass through.
 */
export async function* decompressLayer(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  name = "The layer",
  options: DecompressOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  let input = source;
  let kind: Exclude<Compression, "auto">;
  if (compression === "auto") [kind, input] = await detect(source);
  else kind = compression;
  try {
    if (kind === "none") yield* input;
    else if (kind === "gzip") yield* throughTransform(input, createGunzip(), options);
    else if (kind === "zstd") yield* inTurns(decompressZstd(input, options));
    else yield* inTurns(decompressXz(input));
  } catch (error) {
    if (!isCorruption(error)) throw error;
    const what = error instanceof Error ? error.message : String(error);
    throw new AnyarchError("ARCHIVE_INVALID", `${name} isn't whole ${kind} data: ${what}.`, { cause: error });
  }
}

/** How long a decoder that works in this thread may keep it from timers, requests and progress. */
const turnMs = 25;

async function* inTurns(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  let started = performance.now();
  for await (const chunk of chunks) {
    yield chunk;
    if (performance.now() - started < turnMs) continue;
    await new Promise((resolve) => setImmediate(resolve));
    started = performance.now();
  }
}

/** The compression that `start`, the first bytes of a file (6 are enough), shows. */
export function detectCompression(start: Uint8Array): Exclude<Compression, "auto"> {
  const begins = (...bytes: number[]): boolean => bytes.every((byte, at) => start[at] === byte);
  if (begins(0x1f, 0x8b)) return "gzip";
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return "zstd";
  // A skippable frame, as pzstd and seekable zstd files begin with.
  if (((start[0] ?? 0) & 0xf0) === 0x50 && start[1] === 0x2a && start[2] === 0x4d && start[3] === 0x18)
    return "zstd";
  return begins(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00) ? "xz" : "none";
}

async function detect(
  source: AsyncIterable<Uint8Array>,
): Promise<[Exclude<Compression, "auto">, AsyncIterable<Uint8Array>]> {
  const bytes = new ByteSource(source);
  const start = Buffer.from(await bytes.take(6));
  return [detectCompression(start), resume(start, bytes)];
}

async function* resume(start: Uint8Array, bytes: ByteSource): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (start.byteLength > 0) yield start;
    const all = Number.POSITIVE_INFINITY;
    for (let chunk = await bytes.some(all); chunk !== undefined; chunk = await bytes.some(all)) yield chunk;
  } finally {
    await bytes.close();
  }
}

function createGunzip(): Transform {
  // Passed on to the stream: the types don't know it.
  const options: ZlibOptions & TransformOptions = { chunkSize, readableHighWaterMark: readAhead };
  return zlib.createGunzip(options);
}

/** zlib's own errors, and those of the two decoders. */
function isCorruption(error: unknown): boolean {
  if (error instanceof CorruptData || error instanceof MalformedZstd) return true;
  if (!(error instanceof Error) || error instanceof AnyarchError) return false;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" && /^(?:Z_|ZSTD_)/.test(code);
}

class CorruptData extends Error {}

async function* throughTransform(
  source: AsyncIterable<Uint8Array>,
  transform: Transform,
  { transient = false, ownsSource = false }: DecompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const fed = ownsSource ? feed(source, transform) : pipeline(source, transform);
  fed.catch(() => undefined); // The iteration below meets the same error.
  let complete = false;
  try {
    // Not destroyed at its end, for the source may have more to say (a wrong digest) after the last member.
    for await (const chunk of transform.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
      yield chunk;
      // Where a chunk ends before its memory does, zlib goes on writing behind it.
      if (transient && chunk.byteLength === chunk.buffer.byteLength) releaseMemory(chunk);
    }
    complete = true;
  } finally {
    if (!complete) transform.destroy();
  }
  await fed;
}

/** As pipeline() does, but each chunk's memory is given back once zlib has read it. */
async function feed(source: AsyncIterable<Uint8Array>, transform: Transform): Promise<void> {
  // What follows the last member is never answered: the end of the output is.
  let ended = false;
  const over = new Promise<void>((resolve, reject) => {
    transform.once("end", () => {
      ended = true;
      resolve();
    });
    transform.once("close", () => reject(new Error("The decompressor was closed.")));
  });
  over.catch(() => undefined);
  // Who reads hears of errors; after the end nobody does.
  transform.on("error", () => undefined);
  try {
    for await (const chunk of source) {
      if (ended) continue;
      const written = new Promise<void>((resolve) => transform.write(chunk, () => resolve()));
      await Promise.race([written, over]);
      if (transform.destroyed) return;
      if (chunk.byteLength === chunk.buffer.byteLength) releaseMemory(chunk);
    }
    if (!ended) transform.end();
  } catch (error) {
    transform.destroy(error as Error);
    throw error;
  }
}

type CreateTransform = (options: { chunkSize: number }) => Transform;

async function* decompressZstd(
  source: AsyncIterable<Uint8Array>,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { createZstdDecompress } = zlib as unknown as { readonly createZstdDecompress?: CreateTransform };
  if (createZstdDecompress === undefined) {
    yield* decompressZstdInJavaScript(source);
    return;
  }
  for await (const frame of zstdFrames(source)) {
    yield* throughTransform(frame, createZstdDecompress({ chunkSize }), options);
  }
}

async function* decompressZstdInJavaScript(
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { Decompress } = await import("fzstd");
  for await (const frame of zstdFrames(source)) {
    const output: Uint8Array[] = [];
    const decoder = new Decompress((bytes) => output.push(bytes));
    for await (const chunk of frame) {
      attempt(() => decoder.push(chunk));
      // Copied: the decoder writes into the memory of its window again.
      for (const bytes of output.splice(0)) if (bytes.byteLength > 0) yield Buffer.from(bytes);
    }
    attempt(() => decoder.push(new Uint8Array(0), true));
    for (const bytes of output) if (bytes.byteLength > 0) yield bytes;
  }
}

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new CorruptData(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

async function* decompressXz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const XzReadableStream = await loadXz();
  const bytes = new ByteSource(source);
  let failure: unknown;
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    try {
      const chunk = await bytes.some(chunkSize);
      if (chunk !== undefined) controller.enqueue(chunk);
      // The decoder takes this as the end, and knows whether the data is complete, but for no data at all.
      else if (bytes.position > 0) controller.close();
      else throw new CorruptData("unexpected end of file");
    } catch (error) {
      failure = error;
      controller.error(error);
    }
  };
  const compressed = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
  try {
    for await (const chunk of new XzReadableStream(compressed)) if (chunk.byteLength > 0) yield chunk;
  } catch (error) {
    if (failure !== undefined) throw failure;
    throw error instanceof Error && /error code/.test(error.message)
      ? new CorruptData("the data is corrupt", { cause: error })
      : error;
  } finally {
    await bytes.close();
  }
}

interface Xz {
  readonly XzReadableStream: typeof XzStream;
}

/** The library is CommonJS whose names Node.js can't see from outside: all it exports is under `default`. */
async function loadXz(): Promise<typeof XzStream> {
  const library = (await import("xz-decompress")) as { readonly default?: Xz } & Partial<Xz>;
  const stream = library.default?.XzReadableStream ?? library.XzReadableStream;
  if (stream === undefined) throw new AnyarchError("INTERNAL", "The xz library has changed.");
  return stream;
}
