import { AnyarchError } from "../errors/error.ts";
import { ByteSource } from "./byte-source.ts";
import {
  type Extensions,
  headerOnly,
  isFileType,
  noExtensions,
  parseTarHeader,
  type TarHeader,
} from "./parse-tar-header.ts";
import { TarContent } from "./tar-content.ts";
import {
  checksumHolds,
  isZeroBlock,
  MalformedTar,
  numberField,
  parsePax,
  paxNumber,
  type PaxRecords,
  textField,
} from "./tar-fields.ts";
import { tarBlockSize } from "./tar-header.ts";
import { checkLayout, oldGnuLayout, paxLayout, type SparseLayout } from "./tar-sparse.ts";

/**
 * Called for each entry in order; "stop" ends the reading. Content that isn't asked for is skipped. A visitor
 * that needs no content should not be async: that spares a promise per entry.
 */
export type TarVisitor = (header: TarHeader, content: TarContent) => void | "stop" | Promise<void | "stop">;

export interface TarReadOptions {
  /** For errors: "The layer sha256:…"; "The tar archive" by default. */
  readonly name?: string;
  /** Entries until the archive counts as hostile; 2,000,000 by default. */
  readonly maxEntries?: number;
  /** Bytes of content, holes included, until the archive counts as hostile; 256 GiB by default. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
}

/** Bytes that all extended headers of one entry may have together: bounds what hostile ones can make us hold. */
const maxExtension = 1 << 20;

/** Bytes that all headers for the rest of the archive may have: their records count for each entry once more. */
const maxGlobal = 64 << 10;

/**
 * Reads a tar archive in any format found in images and packages: V7, ustar, GNU (long names, base-256 numbers,
 * sparse files), star and PAX. Whiteouts are ordinary entries. The source is read to its end unless the visitor
 * says "stop".
 *
 * Throws ARCHIVE_INVALID with the offset for what is malformed or cut off, ARCHIVE_UNSAFE past the limits, the
 * signal's reason, and what the source or the visitor throw.
 */
export async function readTar(
  source: AsyncIterable<Uint8Array>,
  visitor: TarVisitor,
  options: TarReadOptions = {},
): Promise<void> {
  const reader = new TarReader(new ByteSource(source), options);
  try {
    while (await reader.next(visitor));
  } finally {
    await reader.source.close();
  }
}

class TarReader {
  readonly source: ByteSource;
  readonly #options: TarReadOptions;
  #global: PaxRecords = new Map();
  #entries = 0;
  #bytes = 0;
  #offset = 0;
  #extensionBytes = 0;
  #globalBytes = 0;

  constructor(source: ByteSource, options: TarReadOptions) {
    this.source = source;
    this.#options = options;
  }

  /** Reads one entry; false at the end. */
  async next(visitor: TarVisitor): Promise<boolean> {
    this.#offset = this.source.position;
    this.#extensionBytes = 0;
    try {
      let extensions = noExtensions;
      for (;;) {
        const block = await this.#nextHeader(extensions !== noExtensions);
        if (block === undefined) return false;
        const typeflag = String.fromCharCode(block[156] as number);
        if (!"xXgLKV".includes(typeflag)) return await this.#entry(block, typeflag, extensions, visitor);
        extensions = await this.#extend(block, typeflag, extensions);
      }
    } catch (error) {
      if (!(error instanceof MalformedTar)) throw error;
      const name = this.#options.name ?? "The tar archive";
      const what = `${name} is corrupt: in the entry at byte ${this.#offset}, ${error.message}.`;
      throw new AnyarchError("ARCHIVE_INVALID", what, { cause: error, details: { offset: this.#offset } });
    }
  }

  /** A header with a right checksum; undefined at the end mark, with the rest of the source read. */
  async #nextHeader(extended: boolean): Promise<Uint8Array | undefined> {
    const block = this.source.tryTake(tarBlockSize) ?? (await this.source.take(tarBlockSize));
    const atEnd = block.byteLength === 0 || (block.byteLength === tarBlockSize && isZeroBlock(block));
    if (atEnd) {
      if (extended) throw new MalformedTar("an extended header has no entry after it");
      if (block.byteLength > 0) {
        const second = await this.source.take(tarBlockSize);
        if (second.byteLength === tarBlockSize && !isZeroBlock(second))
          throw new MalformedTar("a block of zeros stands between entries");
      }
      await this.source.drain();
      return undefined;
    }
    if (block.byteLength < tarBlockSize) throw new MalformedTar("the header is cut off");
    if (!checksumHolds(block)) throw new MalformedTar("the header's checksum is wrong");
    return block;
  }

  /** Applies an entry that describes the next one (or, for "g", all further ones). */
  async #extend(block: Uint8Array, typeflag: string, before: Extensions): Promise<Extensions> {
    const size = numberField(block, 124, 12, "size");
    if (typeflag === "V") {
      await this.#skip(padded(size));
      return before;
    }
    if (size < 0) throw new MalformedTar("the extended header's size is negative");
    if (typeflag === "g") this.#globalBytes += size;
    else this.#extensionBytes += size;
    if (this.#extensionBytes > maxExtension || this.#globalBytes > maxGlobal)
      throw this.#unsafe(`extended headers that end with one of ${size} bytes`);
    const data = await this.source.take(size);
    if (data.byteLength < size) throw new MalformedTar("the extended header is cut off");
    const value = Buffer.from(data);
    await this.#skip(padded(size) - size);
    switch (typeflag) {
      case "L":
        return { ...before, longName: textField(value, 0, size) };
      case "K":
        return { ...before, longLink: textField(value, 0, size) };
      case "g":
        this.#global = new Map([...this.#global, ...parsePax(value)]);
        return { ...before };
      default:
        return { ...before, pax: new Map([...before.pax, ...parsePax(value)]) };
    }
  }

  async #entry(
    block: Uint8Array,
    typeflag: string,
    extensions: Extensions,
    visitor: TarVisitor,
  ): Promise<boolean> {
    const pax = this.#global.size === 0 ? extensions.pax : new Map([...this.#global, ...extensions.pax]);
    const header = parseTarHeader(block, typeflag, { ...extensions, pax }, this.#offset);
    // Read before the source goes on, for `block` is a view of its chunk.
    const stored = headerOnly.has(typeflag) ? 0 : paxNumber(pax, "size", numberField(block, 124, 12, "size"));
    if (stored < 0) throw new MalformedTar("its size is negative");
    const start = this.source.position;
    const layout = await this.#layout(block, typeflag, pax, stored);
    // Blocks that extend an old GNU map aren't part of the stored size.
    const dataStart = typeflag === "S" ? this.source.position : start;
    const size = header.type === "file" || header.type === "other" ? (layout?.size ?? stored) : 0;
    this.#count(size);
    const segments = layout?.segments ?? [{ offset: 0, length: size }];
    const content = new TarContent(this.source, size, segments);
    const answer = visitor({ ...header, size }, content);
    const wish = answer instanceof Promise ? await answer : answer;
    content.end();
    if (wish === "stop") return false;
    const left = dataStart + padded(stored) - this.source.position;
    if (left > 0) await this.#skip(left);
    this.#options.signal?.throwIfAborted();
    return true;
  }

  async #layout(
    block: Uint8Array,
    typeflag: string,
    pax: PaxRecords,
    stored: number,
  ): Promise<SparseLayout | undefined> {
    if (!isFileType(typeflag)) return undefined;
    const layout =
      typeflag === "S" ? await oldGnuLayout(block, this.source) : await paxLayout(pax, this.source, stored);
    if (layout !== undefined) checkLayout(layout, stored);
    return layout;
  }

  async #skip(count: number): Promise<void> {
    if (this.source.tryTake(count) !== undefined) return;
    if ((await this.source.skip(count)) < count) throw new MalformedTar("its content is cut off");
  }

  #count(size: number): void {
    const { maxEntries = 2_000_000, maxBytes = 256 * 2 ** 30 } = this.#options;
    this.#entries++;
    this.#bytes += size;
    if (this.#entries > maxEntries) throw this.#unsafe(`more than ${maxEntries} entries`);
    if (this.#bytes > maxBytes) throw this.#unsafe(`more than ${maxBytes} bytes of content`);
  }

  #unsafe(what: string): AnyarchError {
    const name = this.#options.name ?? "The tar archive";
    return new AnyarchError("ARCHIVE_UNSAFE", `${name} has ${what}: it was not read further.`, {
      details: { offset: this.#offset },
    });
  }
}

function padded(size: number): number {
  return Math.ceil(size / tarBlockSize) * tarBlockSize;
}
