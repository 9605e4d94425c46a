import { closeSync, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { pipeline, type Readable, Transform } from "node:stream";
import { crc32, createInflateRaw, inflateRawSync } from "node:zlib";
import type { Entry as RawEntry } from "yauzl";
import { AnyarchError } from "../errors/error.ts";
import {
  invalidZip,
  type Listed,
  readZipDirectory,
  type ZipEntry,
  type ZipOptions,
} from "./zip-directory.ts";

const stored = 0;
const deflated = 8;
const localHeaderSize = 30;

/**
 * Opens a zip file (APPNOTE.TXT 6.3) and reads its central directory. The limits are checked on declared sizes, and declared
 * sizes when content is read, so a bomb fails before it is inflated. Close it, or let `using` do so.
 *
 * Throws ARCHIVE_UNSAFE for absolute names, "..", and what is past the limits; ARCHIVE_INVALID for a file that
 * isn't a zip or is cut off, and names that occur twice; INPUT_UNREADABLE where it can't be opened.
 */
export async function openZip(path: string, options: ZipOptions = {}): Promise<ZipArchive> {
  const { name = path } = options;
  const fd = openForReading(path);
  try {
    return new ZipArchive({ path, name }, fd, await readZipDirectory(name, fd, options));
  } catch (error) {
    closeSync(fd);
    if (error instanceof AnyarchError) throw error;
    throw invalidZip(name, undefined, error instanceof Error ? error.message : String(error), error);
  }
}

/** A zip file that is open for reading. */
export class ZipArchive implements Disposable {
  readonly path: string;
  /** For people. */
  readonly name: string;
  /** In the order of the central directory. */
  readonly entries: readonly ZipEntry[];
  readonly #fd: number;
  readonly #raw: ReadonlyMap<string, Listed>;
  #open = true;

  constructor(
    file: { readonly path: string; readonly name: string },
    fd: number,
    listed: ReadonlyMap<string, Listed>,
  ) {
    this.path = file.path;
    this.name = file.name;
    this.#fd = fd;
    this.#raw = listed;
    this.entries = [...listed.values()].map((item) => item.entry);
  }

  find(name: string): ZipEntry | undefined {
    return this.#raw.get(name)?.entry;
  }

  /**
   * The content of an entry, checked for size and CRC: synchronous, for wheels have thousands of small ones.
   * Throws ARCHIVE_INVALID.
   */
  read(entry: ZipEntry): Buffer {
    const raw = this.#rawOf(entry);
    const compressed = this.#readAt(this.#contentOffset(raw, entry), entry.compressedSize, entry);
    const content = raw.compressionMethod === stored ? compressed : this.#inflate(compressed, entry);
    if (content.byteLength !== entry.size) throw this.#invalid(entry, sizeProblem(content.byteLength, entry));
    if (crc32(content) !== entry.crc) throw this.#invalid(entry, "its CRC is wrong");
    return content;
  }

  /** The content of a large entry; fails with ARCHIVE_INVALID where size or CRC aren't as declared. */
  stream(entry: ZipEntry): Readable {
    const raw = this.#rawOf(entry);
    const start = this.#contentOffset(raw, entry);
    const check = new ContentCheck(entry, (why, cause) => this.#invalid(entry, why, cause));
    if (entry.compressedSize === 0) {
      check.end();
      return check;
    }
    const source = createReadStream(this.path, {
      fd: this.#fd,
      autoClose: false,
      start,
      end: start + entry.compressedSize - 1,
      highWaterMark: 256 << 10,
    });
    const settle = (error: Error | null | undefined): void => {
      if (error && !check.destroyed) check.destroy(error);
    };
    if (raw.compressionMethod === stored) pipeline(source, check, settle);
    else {
      const inflate = createInflateRaw({ chunkSize: 256 << 10 });
      inflate.on("error", (error) => check.destroy(this.#invalid(entry, error.message, error)));
      pipeline(source, inflate, check, settle);
    }
    return check;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #rawOf(entry: ZipEntry): RawEntry {
    const listed = this.#raw.get(entry.name);
    if (listed === undefined || listed.entry !== entry)
      throw new AnyarchError("INTERNAL", `${entry.name} isn't an entry of ${this.path}.`);
    if (!this.#open) throw new AnyarchError("INTERNAL", `${this.path} was closed already.`);
    const { raw } = listed;
    if (raw.isEncrypted()) throw this.#invalid(entry, "it is encrypted");
    if (raw.compressionMethod !== stored && raw.compressionMethod !== deflated)
      throw this.#invalid(entry, `its compression method ${raw.compressionMethod} isn't supported`);
    return raw;
  }

  /** Where the content begins. The local header must name the same file, else readers would disagree. */
  #contentOffset(raw: RawEntry, entry: ZipEntry): number {
    const at = raw.relativeOffsetOfLocalHeader;
    const header = this.#readAt(at, localHeaderSize, entry);
    if (header.readUInt32LE(0) !== 0x04034b50) throw this.#invalid(entry, "its local header is missing");
    const nameLength = header.readUInt16LE(26);
    const name = this.#readAt(at + localHeaderSize, nameLength, entry);
    if (!name.equals(raw.fileNameRaw)) throw this.#invalid(entry, "its local header has another name");
    const start = at + localHeaderSize + nameLength + header.readUInt16LE(28);
    if (start + entry.compressedSize > fstatSync(this.#fd).size) throw this.#invalid(entry, "it is cut off");
    return start;
  }

  #inflate(compressed: Buffer, entry: ZipEntry): Buffer {
    try {
      // One byte more than declared is enough to see that there is more.
      return inflateRawSync(compressed, { maxOutputLength: entry.size + 1 });
    } catch (error) {
      const tooLong = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
      const what = error instanceof Error ? error.message : String(error);
      throw this.#invalid(
        entry,
        tooLong ? `it is longer than the declared ${entry.size} bytes` : what,
        error,
      );
    }
  }

  #readAt(position: number, length: number, entry: ZipEntry): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let got = 0; got < length;) {
      const count = readSync(this.#fd, bytes, got, length - got, position + got);
      if (count === 0) throw this.#invalid(entry, "it is cut off");
      got += count;
    }
    return bytes;
  }

  #invalid(entry: ZipEntry, why: string, cause?: unknown): AnyarchError {
    return invalidZip(this.name, entry.name, why, cause);
  }
}

function sizeProblem(got: number, entry: ZipEntry): string {
  return `it has ${got} bytes, not the declared ${entry.size}`;
}

function openForReading(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new AnyarchError("INPUT_UNREADABLE", `${path} can't be read: ${what}`, { cause: error });
  }
}

/** Checks content as it passes. */
class ContentCheck extends Transform {
  readonly #entry: ZipEntry;
  readonly #fail: (why: string, cause?: unknown) => AnyarchError;
  #size = 0;
  #crc = 0;

  constructor(entry: ZipEntry, fail: (why: string, cause?: unknown) => AnyarchError) {
    super();
    this.#entry = entry;
    this.#fail = fail;
  }

  override _transform(chunk: Buffer, _: string, done: (error: Error | null, chunk?: Buffer) => void): void {
    this.#size += chunk.byteLength;
    this.#crc = crc32(chunk, this.#crc);
    if (this.#size > this.#entry.size)
      done(this.#fail(`it is longer than the declared ${this.#entry.size} bytes`));
    else done(null, chunk);
  }

  override _flush(done: (error?: Error | null) => void): void {
    if (this.#size !== this.#entry.size) done(this.#fail(sizeProblem(this.#size, this.#entry)));
    else if (this.#crc !== this.#entry.crc) done(this.#fail("its CRC is wrong"));
    else done();
  }
}
