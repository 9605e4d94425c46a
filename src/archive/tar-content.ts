import { AnyarchError } from "../errors/error.ts";
import type { ByteSource } from "./byte-source.ts";
import { MalformedTar } from "./tar-fields.ts";
import type { Segment } from "./tar-sparse.ts";

/** Large, for a hostile sparse file can be one hole of hundreds of GiB; made with the first hole. */
let hole: Uint8Array | undefined;

/**
 * The content of the entry that a visitor looks at; valid until the visitor is done. Ask for the `head`, then
 * for all of it by `bytes` or by iterating, or for nothing: what isn't asked for is skipped, not copied.
 */
export class TarContent implements AsyncIterable<Uint8Array> {
  /** Bytes; with their holes for sparse files. */
  readonly size: number;
  readonly #source: ByteSource;
  readonly #segments: readonly Segment[];
  #segment = 0;
  #position = 0;
  #head: Uint8Array = new Uint8Array(0);
  #state: "fresh" | "read" | "over" = "fresh";

  constructor(source: ByteSource, size: number, segments: readonly Segment[]) {
    this.#source = source;
    this.size = size;
    this.#segments = segments;
  }

  /**
   * The first `count` bytes, or fewer where the file is shorter: a view of the source's chunk, to be copied by
   * who keeps it. Reading all of the content afterwards begins at its first byte again.
   */
  async head(count: number): Promise<Uint8Array> {
    this.#expect("fresh");
    const wanted = Math.min(count, this.size);
    if (this.#head.byteLength < wanted) {
      const parts: Uint8Array[] = this.#head.byteLength > 0 ? [Buffer.from(this.#head)] : [];
      while (this.#position < wanted) {
        const part = await this.#pull(wanted - this.#position);
        parts.push(this.#position < wanted ? Buffer.from(part) : part);
      }
      this.#head = parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
    }
    return this.#head.subarray(0, wanted);
  }

  /** All bytes, in a buffer of their own. Throws ARCHIVE_UNSAFE past `limit` bytes (default 256 MiB). */
  async bytes(limit: number = 256 << 20): Promise<Buffer> {
    if (this.size > limit) {
      throw new AnyarchError(
        "ARCHIVE_UNSAFE",
        `A file of ${this.size} bytes is longer than the ${limit} allowed.`,
      );
    }
    const all = Buffer.allocUnsafe(this.size);
    let used = 0;
    for await (const chunk of this) {
      all.set(chunk, used);
      used += chunk.byteLength;
    }
    return all;
  }

  /** The chunks as they come: views that are valid until the next one is asked for. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    this.#expect("fresh");
    this.#state = "read";
    if (this.#head.byteLength > 0) yield this.#head;
    while (this.#position < this.size) {
      this.#expect("read");
      yield await this.#pull(this.size - this.#position);
    }
  }

  /** Ends the validity; for the reader. */
  end(): void {
    this.#state = "over";
  }

  #expect(state: "fresh" | "read"): void {
    if (this.#state === state) return;
    const why = this.#state === "over" ? "after its visitor was done" : "twice";
    throw new AnyarchError("INTERNAL", `The content of a tar entry was asked for ${why}.`);
  }

  async #pull(limit: number): Promise<Uint8Array> {
    let segment = this.#segments[this.#segment];
    while (segment !== undefined && this.#position >= segment.offset + segment.length) {
      segment = this.#segments[++this.#segment];
    }
    const start = segment?.offset ?? this.size;
    if (segment === undefined || this.#position < start) {
      hole ??= new Uint8Array(1 << 20);
      const zeros = hole.subarray(0, Math.min(limit, start - this.#position));
      this.#position += zeros.byteLength;
      return zeros;
    }
    const chunk = await this.#source.some(Math.min(limit, start + segment.length - this.#position));
    if (chunk === undefined) throw new MalformedTar("its content is cut off");
    this.#position += chunk.byteLength;
    return chunk;
  }
}
