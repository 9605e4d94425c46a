/** A file's bytes, of which only some may be at hand: what streams by is kept only where it may be needed. */
export interface RandomAccess {
  /** Bytes of the whole file. */
  readonly size: number;
  /** The bytes at `offset`; undefined where they weren't kept. Only asked for ranges inside of `size`. */
  read(offset: number, length: number): Uint8Array | undefined;
}

/** All or the beginning of a file of `size` bytes. */
export function sourceOf(bytes: Uint8Array, size: number = bytes.byteLength): RandomAccess {
  return {
    size: Math.max(size, bytes.byteLength),
    read: (offset, length) =>
      offset + length <= bytes.byteLength ? bytes.subarray(offset, offset + length) : undefined,
  };
}

/** What a {@link ByteView} throws; never leaves the functions that read with one. */
export class OutOfRange extends Error {
  /** "missing": the file has the bytes but they weren't kept. "outside": the file ends before them. */
  readonly reason: "missing" | "outside";

  constructor(reason: "missing" | "outside", what: string) {
    super(reason === "outside" ? `${what} lies outside of the file` : `${what} wasn't kept`);
    this.reason = reason;
  }
}

/** Fixed-size numbers of one byte order and word size, bounds checked. */
export class ByteView {
  readonly source: RandomAccess;
  readonly little: boolean;
  /** True for 64-bit addresses and offsets. */
  readonly wide: boolean;

  constructor(source: RandomAccess, little: boolean, wide: boolean) {
    this.source = source;
    this.little = little;
    this.wide = wide;
  }

  /** Throws {@link OutOfRange} that names `what`. */
  bytes(offset: number, length: number, what: string): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.source.size)) {
      throw new OutOfRange("outside", what);
    }
    const found = this.source.read(offset, length);
    if (found === undefined) throw new OutOfRange("missing", what);
    return found;
  }

  /** A table that is read at once and then by field. */
  fields(offset: number, length: number, what: string): Fields {
    return new Fields(this.bytes(offset, length, what), this.little, this.wide);
  }
}

/** Numbers in bytes at hand; reading past their end throws {@link OutOfRange}. */
export class Fields {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #wide: boolean;

  constructor(bytes: Uint8Array, little: boolean, wide: boolean) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#little = little;
    this.#wide = wide;
  }

  get length(): number {
    return this.bytes.byteLength;
  }

  u8(offset: number): number {
    this.#check(offset, 1);
    return this.#view.getUint8(offset);
  }

  u16(offset: number): number {
    this.#check(offset, 2);
    return this.#view.getUint16(offset, this.#little);
  }

  u32(offset: number): number {
    this.#check(offset, 4);
    return this.#view.getUint32(offset, this.#little);
  }

  /** 8 bytes as a number: exact up to 2^53, beyond any file after that. */
  u64(offset: number): number {
    this.#check(offset, 8);
    const first = this.#view.getUint32(offset, this.#little);
    const second = this.#view.getUint32(offset + 4, this.#little);
    return this.#little ? second * 2 ** 32 + first : first * 2 ** 32 + second;
  }

  /** An address, offset or size of the file's class. */
  word(offset: number): number {
    return this.#wide ? this.u64(offset) : this.u32(offset);
  }

  #check(offset: number, length: number): void {
    if (!(offset >= 0 && offset + length <= this.bytes.byteLength)) {
      throw new OutOfRange("outside", "a field");
    }
  }
}

const latin1 = new TextDecoder("latin1");
const utf8 = new TextDecoder("utf-8");

/** The text up to the first NUL, or all of it. */
export function textUntilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Each byte a character: for comparing magic numbers and names of fixed length. */
export function asciiOf(bytes: Uint8Array): string {
  return latin1.decode(bytes);
}
