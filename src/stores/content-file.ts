import { constants, createReadStream, createWriteStream } from "node:fs";
import { access, copyFile, rm, stat, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { withPath } from "../errors/system-error.ts";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import { verifiedStream, verifyBytes } from "../oci/verified-stream.ts";
import type { PushContent } from "./store.ts";

const chunkSize = 1 << 20;

/** Opens pushed content as a stream; it is not verified. */
export async function openContent(content: PushContent, signal: AbortSignal): Promise<Readable> {
  if (content instanceof Uint8Array) return Readable.from(content.length === 0 ? [] : [content]);
  if (typeof content === "function") return content(signal);
  return createReadStream(content.file, { highWaterMark: chunkSize, signal });
}

/** The bytes of a file, verified; `from` names the place for errors. */
export function openVerifiedFile(
  path: string,
  descriptor: Descriptor,
  from: string,
  hint?: string,
): Readable {
  const source = createReadStream(path, { highWaterMark: chunkSize });
  return verifiedStream(source, descriptor, { from, ownsChunks: true, ...(hint !== undefined && { hint }) });
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** True for a file of this size: content-addressed files are renamed into place whole. */
export async function isFileOfSize(path: string, size: number): Promise<boolean> {
  try {
    const found = await stat(path);
    return found.isFile() && found.size === size;
  } catch {
    return false;
  }
}

export interface WriteVerifiedOptions {
  /** Names the place for errors. */
  readonly from: string;
  readonly onProgress?: (current: number) => void;
}

/**
 * Writes content to a path that doesn't exist yet, verified; a host file is cloned where the file system can.
 * Leaves nothing behind when it fails. Throws DIGEST_MISMATCH, and what the content throws.
 */
export async function writeVerified(
  path: string,
  descriptor: Descriptor,
  content: PushContent,
  ctx: Context,
  options: WriteVerifiedOptions,
): Promise<void> {
  const { from, onProgress } = options;
  try {
    if (content instanceof Uint8Array) {
      await writeFile(path, verifyBytes(content, descriptor, from), { flag: "wx" });
      onProgress?.(content.length);
    } else if (typeof content === "function") {
      await writeStream(path, await content(ctx.signal), descriptor, ctx, options);
    } else {
      await copyFile(content.file, path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
      let read = 0;
      for await (const chunk of openVerifiedFile(path, descriptor, from) as AsyncIterable<Buffer>) {
        ctx.signal.throwIfAborted();
        read += chunk.length;
        onProgress?.(read);
      }
    }
  } catch (error) {
    await rm(path, { force: true });
    throw withPath(error, path);
  }
}

async function writeStream(
  path: string,
  source: Readable,
  descriptor: Descriptor,
  ctx: Context,
  { from, onProgress }: WriteVerifiedOptions,
): Promise<void> {
  const verified = verifiedStream(source, descriptor, { from });
  const file = createWriteStream(path, { flags: "wx", highWaterMark: chunkSize });
  if (onProgress === undefined) {
    await pipeline(verified, file, { signal: ctx.signal });
    return;
  }
  let written = 0;
  const count = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      written += chunk.length;
      onProgress(written);
      yield chunk;
    }
  };
  await pipeline(verified, count, file, { signal: ctx.signal });
}
