import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { AnyarchError, systemCode } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";
import type { Entry, FileEntry } from "./entry.ts";
import { changed } from "./entry-content.ts";
import { assertSafePath } from "./entry-path.ts";
import { compareBytewise } from "./sort-entries.ts";
import { encodeTarHeader, tarBlockSize } from "./tar-header.ts";

/** Bytes of every block that {@link tarBlocks} yields, but for the last. */
export const tarOutputSize: number = 1 << 20;

export interface TarOptions {
  /** Seconds since the epoch for entries that have none; 0 by default. */
  readonly mtime?: number;
  /** Gives a buffer of {@link tarOutputSize} bytes to fill, so that a consumer can reuse its own. */
  readonly allocate?: () => Buffer;
}

/**
 * A tar archive (POSIX ustar, PAX only where ustar isn't enough) of entries that are sorted bytewise by path,
 * in blocks of 1 MiB. The same entries always make the same bytes. Files are read synchronously, straight into
 * the block: a consumer that wants the event loop to turn waits between blocks. A block belongs to the
 * consumer once yielded.
 *
 * Throws APP_FILE_CONFLICT for a path that occurs twice, ARCHIVE_UNSAFE for absolute paths and "..",
 * APP_FILE_CHANGED for a file that isn't as long as its entry says (or went away) and for a slice of a file that
 * hasn't the digest that its entry says, INPUT_UNREADABLE for one
 * that can't be read, ARCHIVE_INVALID for a hard link whose file doesn't come before it, and INTERNAL for entries out of order.
 */
export function* tarBlocks(
  entries: Iterable<Entry>,
  options: TarOptions = {},
): Generator<Buffer, void, undefined> {
  const output = new Output(options.allocate ?? (() => Buffer.allocUnsafe(tarOutputSize)));
  const files = new Set<string>();
  let previous: string | undefined;
  for (const entry of entries) {
    checkOrder(previous, entry.path);
    previous = entry.path;
    if (entry.type === "file") files.add(entry.path);
    else if (entry.type === "hardlink" && !files.has(entry.target)) throw danglingLink(entry);
    const header = encodeEntryHeader(entry, options.mtime ?? 0);
    // The header's buffer is used again by whoever encodes next: other layers do so while this one waits.
    yield* output.put(header.byteLength <= output.room ? header : Buffer.from(header));
    if (entry.type !== "file") continue;
    if ("bytes" in entry.content) yield* putBytes(output, entry, entry.content.bytes);
    else yield* putFile(output, entry, entry.content.file, entry.content.offset);
    yield* output.zeros((tarBlockSize - (entry.size % tarBlockSize)) % tarBlockSize);
  }
  yield* output.zeros(2 * tarBlockSize);
  yield* output.rest();
}

/** The header of an entry, with its PAX header where it needs one; may be overwritten by the next call. */
export function encodeEntryHeader(entry: Entry, mtime: number): Buffer {
  assertSafePath(entry.path, "The layer");
  const common = {
    mode: entry.mode,
    uid: entry.uid ?? 0,
    gid: entry.gid ?? 0,
    mtime: Math.floor(entry.mtime ?? mtime),
    size: 0,
    linkname: "",
  };
  switch (entry.type) {
    case "file":
      return encodeTarHeader({ ...common, path: entry.path, typeflag: "0", size: entry.size });
    case "directory":
      return encodeTarHeader({ ...common, path: `${entry.path}/`, typeflag: "5" });
    case "hardlink":
      return encodeTarHeader({ ...common, path: entry.path, typeflag: "1", linkname: entry.target });
    case "symlink":
      checkTarget(entry.path, entry.target);
      return encodeTarHeader({ ...common, path: entry.path, typeflag: "2", linkname: entry.target });
  }
}

/** Symbolic links may point anywhere (they are resolved inside of the container), but must be writable. */
function checkTarget(path: string, target: string): void {
  if (target === "" || target.includes("\0") || /\p{Surrogate}/u.test(target)) {
    throw new AnyarchError("ARCHIVE_UNSAFE", `The symbolic link ${path} has no valid target.`, {
      details: { path, target },
    });
  }
}

function checkOrder(previous: string | undefined, path: string): void {
  if (previous === undefined) return;
  const order = compareBytewise(previous, path);
  if (order === 0) {
    throw new AnyarchError("APP_FILE_CONFLICT", `The layer has two entries for ${path}.`, {
      hint: "Leave one of the two sources of this path out of the image.",
      details: { path },
    });
  }
  if (order > 0)
    throw new AnyarchError("INTERNAL", `Layer entries aren't sorted: ${path} after ${previous}.`);
}

function danglingLink(entry: { readonly path: string; readonly target: string }): AnyarchError {
  return new AnyarchError(
    "ARCHIVE_INVALID",
    `${entry.path} is a hard link to ${entry.target}, and no such file comes before it in the layer.`,
    { details: { path: entry.path, target: entry.target } },
  );
}

function* putBytes(output: Output, entry: FileEntry, bytes: Uint8Array): Generator<Buffer, void> {
  if (bytes.byteLength !== entry.size) {
    const what = `The entry ${entry.path} has ${bytes.byteLength} bytes of content, not ${entry.size}.`;
    throw new AnyarchError("INTERNAL", what);
  }
  yield* output.put(bytes);
}

function* putFile(
  output: Output,
  entry: FileEntry,
  file: string,
  offset: number | undefined,
): Generator<Buffer, void> {
  const fd = openFile(entry.path, file);
  try {
    let position = offset ?? 0;
    const end = position + entry.size;
    // A slice of a larger file has no end of its own to check, but the digest that it had when it was written.
    const hash = offset === undefined || entry.digest === undefined ? undefined : createHash("sha256");
    while (position < end) {
      if (output.room === 0) yield output.take();
      const length = Math.min(end - position, output.room);
      const got = readSync(fd, output.block, output.used, length, position);
      if (got === 0) throw changed(entry.path, file, `it ends ${end - position} bytes early`);
      hash?.update(output.block.subarray(output.used, output.used + got));
      output.used += got;
      position += got;
    }
    if (hash !== undefined && `sha256:${hash.digest("hex")}` !== entry.digest)
      throw changed(entry.path, file, "it has another digest");
    if (offset !== undefined) return;
    const { size } = fstatSync(fd);
    if (size !== entry.size) throw changed(entry.path, file, `it has ${size} bytes, not ${entry.size}`);
  } finally {
    closeSync(fd);
  }
}

function openFile(path: string, file: string): number {
  try {
    return openSync(file, "r");
  } catch (error) {
    if (systemCode(error) === "ENOENT") throw changed(path, file, "it is gone", error);
    throw new AnyarchError("INPUT_UNREADABLE", `${file} can't be read: ${systemReason(error)}.`, {
      cause: error,
    });
  }
}

/** The block being filled. */
class Output {
  block: Buffer;
  used = 0;
  readonly #allocate: () => Buffer;

  constructor(allocate: () => Buffer) {
    this.#allocate = allocate;
    this.block = allocate();
  }

  get room(): number {
    return this.block.length - this.used;
  }

  /** The full block; another takes its place. */
  take(): Buffer {
    const full = this.block.subarray(0, this.used);
    this.block = this.#allocate();
    this.used = 0;
    return full;
  }

  *put(bytes: Uint8Array): Generator<Buffer, void> {
    let at = 0;
    while (at < bytes.byteLength) {
      if (this.room === 0) yield this.take();
      const length = Math.min(bytes.byteLength - at, this.room);
      this.block.set(
        at === 0 && length === bytes.byteLength ? bytes : bytes.subarray(at, at + length),
        this.used,
      );
      this.used += length;
      at += length;
    }
  }

  *zeros(count: number): Generator<Buffer, void> {
    let left = count;
    while (left > 0) {
      if (this.room === 0) yield this.take();
      const length = Math.min(left, this.room);
      this.block.fill(0, this.used, this.used + length);
      this.used += length;
      left -= length;
    }
  }

  *rest(): Generator<Buffer, void> {
    if (this.used > 0) yield this.block.subarray(0, this.used);
  }
}
