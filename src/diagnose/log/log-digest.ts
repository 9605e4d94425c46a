import type { LogLine } from "./log-line.ts";

const headLines = 2000;
const tailLines = 300;
const decisiveLines = 2500;
const linesBefore = 6;
const linesAfter = 6;

/**
 * What is kept of a log of any length: its beginning, its end, and decisive lines with those around them (the first
 * and the last ones where there are very many). Bounded: some 8,000 lines.
 */
export class LogDigest {
  readonly #head: LogLine[] = [];
  readonly #first: LogLine[] = [];
  readonly #last = new Ring<LogLine>(decisiveLines);
  readonly #tail = new Ring<LogLine>(tailLines);
  #recent: LogLine[] = [];
  #wanted = 0;

  add(line: LogLine, decisive: boolean): void {
    if (this.#head.length < headLines) {
      this.#head.push(line);
      return;
    }
    this.#tail.push(line);
    if (decisive) {
      for (const earlier of this.#recent) this.#keep(earlier);
      this.#recent = [];
      this.#wanted = linesAfter;
      this.#keep(line);
      return;
    }
    if (this.#wanted > 0) {
      this.#wanted--;
      this.#keep(line);
      return;
    }
    this.#recent.push(line);
    if (this.#recent.length > linesBefore) this.#recent.shift();
  }

  #keep(line: LogLine): void {
    if (this.#first.length < decisiveLines) this.#first.push(line);
    else this.#last.push(line);
  }

  /** In the log's order, each once. */
  lines(): readonly LogLine[] {
    const kept = new Set([...this.#head, ...this.#first, ...this.#last.values()]);
    for (const line of this.#tail.values()) kept.add(line);
    return [...kept].toSorted((a, b) => a.number - b.number);
  }
}

class Ring<T> {
  readonly #items: T[] = [];
  readonly #size: number;
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  push(item: T): void {
    this.#items[this.#next] = item;
    this.#next = (this.#next + 1) % this.#size;
  }

  values(): readonly T[] {
    if (this.#items.length < this.#size) return this.#items;
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)];
  }
}
