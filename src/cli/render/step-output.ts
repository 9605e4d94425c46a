/** Lines kept of one step: what fails is explained near its end. */
const kept = 1000;

/** What a running step wrote: the end of it, in bounded memory. */
export class StepOutput {
  #lines: string[] = [];
  #dropped = 0;

  add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length <= kept * 2) return;
    this.#dropped += kept;
    this.#lines = this.#lines.slice(kept);
  }

  /** The last line that isn't blank; "" where there is none. */
  get last(): string {
    return this.#lines.findLast((line) => line.trim() !== "") ?? "";
  }

  /** All that was kept, after a line that says how much was not. */
  *all(): Iterable<string> {
    if (this.#dropped > 0) yield `(${this.#dropped} lines before these)`;
    yield* this.#lines;
  }
}
