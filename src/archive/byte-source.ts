/** Reads exact amounts from an async iterable of chunks, without copying what lies within one chunk. */
export class ByteSource {
  /** Bytes given out or skipped so far. */
  position = 0;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #ended = false;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** The next `count` bytes as a view when they are at hand, else undefined: spares a promise in hot loops. */
  tryTake(count: number): Uint8Array | undefined {
    if (this.#chunk.byteLength - this.#at < count) return undefined;
    const view = this.#chunk.subarray(this.#at, this.#at + count);
    this.#at += count;
    this.position += count;
    return view;
  }

  /** The next `count` bytes, or fewer where the source ends. */
  async take(count: number): Promise<Uint8Array> {
    const view = this.tryTake(count);
    if (view !== undefined) return view;
    const parts: Uint8Array[] = [];
    let left = count;
    while (left > 0) {
      const part = await this.some(left);
      if (part === undefined) break;
      left -= part.byteLength;
      // The source may use a chunk's memory again as soon as the next one is asked for.
      parts.push(left > 0 ? Buffer.from(part) : part);
    }
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }

  /** What is at hand of the next `limit` (at least 1) bytes, as a view; undefined at the end. */
  async some(limit: number): Promise<Uint8Array | undefined> {
    if (this.#at >= this.#chunk.byteLength && !(await this.#advance())) return undefined;
    return this.tryTake(Math.min(limit, this.#chunk.byteLength - this.#at));
  }

  /** Passes over `count` bytes without looking at them. Resolves to how many there were. */
  async skip(count: number): Promise<number> {
    let left = count;
    while (left > 0) {
      if (this.#at >= this.#chunk.byteLength && !(await this.#advance())) break;
      const step = Math.min(left, this.#chunk.byteLength - this.#at);
      this.#at += step;
      this.position += step;
      left -= step;
    }
    return count - left;
  }

  /** Reads to the end, so that a source that checks a digest there does so. */
  async drain(): Promise<void> {
    while (await this.#advance());
  }

  /** Lets the source free what it holds; for readers that stop early. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#iterator.return?.();
  }

  async #advance(): Promise<boolean> {
    while (!this.#ended) {
      const next = await this.#iterator.next();
      if (next.done === true) this.#ended = true;
      else if (next.value.byteLength > 0) {
        this.#chunk = next.value;
        this.#at = 0;
        return true;
      }
    }
    return false;
  }
}
