import { translatedStems } from "./translate-line.ts";
import { decisiveWords, strongWords, structuralWords } from "./decisive-words.ts";
import { type ScanStop, WordScanner } from "./word-scanner.ts";

/** Takes lines with their numbers; lines in between were left out. */
export type TakeLine = (text: string, number: number) => void;

/** So much of the beginning and of the end is read line by line. In bytes. */
const headBytes = 2 << 20;
const tailBytes = 256 << 10;
/** A line longer than this is read in pieces. */
const longestLine = 1 << 20;
const contextBefore = 6;
const contextAfter = 6;
/** After so many telling lines only those with strong words are still looked at. */
const mostTellingLines = 100_000;

/**
 * Cuts the bytes of a log into lines and hands over those that may matter: the beginning, the end, and in between the
 * lines with one of the words that rules look for, with those around them. Memory doesn't grow with the log.
 */
export class LogBytes {
  readonly #take: TakeLine;
  readonly #all: boolean;
  #pending: Buffer = Buffer.alloc(0);
  #headLeft = headBytes;
  #number = 0;
  #broad: WordScanner | undefined;
  #narrow: WordScanner | undefined;
  #telling = 0;
  /** Lines after a telling one that are still to be handed over. */
  #after = 0;

  /** `all` hands every line over: for logs in JSON, whose text can't be searched as it stands. */
  constructor(take: TakeLine, all = false) {
    this.#take = take;
    this.#all = all;
  }

  add(chunk: Buffer): void {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    if (this.#headLeft > 0) {
      this.#headLeft -= this.#eachLine(false);
      return;
    }
    const keep = this.#all ? 0 : tailBytes;
    if (this.#pending.length < keep + longestLine) return;
    let end = this.#pending.lastIndexOf(0x0a, this.#pending.length - keep - 1) + 1;
    if (end === 0) end = this.#pending.length - keep;
    if (this.#all) this.#eachLine(false);
    else {
      this.#scan(end);
      this.#pending = this.#pending.subarray(end);
    }
  }

  end(): void {
    this.#eachLine(true);
  }

  /** Hands over all pending lines; the last one, which has no line break, only at the end. Returns the bytes read. */
  #eachLine(last: boolean): number {
    const bytes = this.#pending;
    let start = 0;
    for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, start)) {
      this.#take(bytes.toString("utf8", start, at), ++this.#number);
      start = at + 1;
    }
    const rest = bytes.length - start;
    if (rest > 0 && (last || rest > longestLine)) {
      this.#take(bytes.toString("utf8", start), ++this.#number);
      start = bytes.length;
    }
    this.#pending = bytes.subarray(start);
    return start;
  }

  /** Goes through whole lines up to `end`, and hands over those with a word and their neighbours. */
  #scan(end: number): void {
    const bytes = this.#pending;
    const starts: number[] = [];
    const stop: ScanStop = { at: 0, kind: "end" };
    let line = 0;
    while (line < end) {
      this.#scanner().scan(bytes, stop.at, end, stop);
      if (stop.kind === "word") {
        this.#telling++;
        this.#before(bytes, starts, line);
        const lineEnd = lineEndAfter(bytes, stop.at, end);
        this.#hand(bytes, line, lineEnd);
        this.#after = contextAfter;
        stop.at = lineEnd + 1;
        line = stop.at;
        starts.length = 0;
        continue;
      }
      if (this.#after > 0) {
        this.#after--;
        this.#hand(bytes, line, stop.kind === "line" ? stop.at - 1 : stop.at);
        starts.length = 0;
      } else {
        this.#number++;
        starts.push(line);
        if (starts.length > 64) starts.splice(0, 64 - contextBefore);
      }
      line = stop.at;
    }
  }

  #scanner(): WordScanner {
    if (this.#telling < mostTellingLines) {
      return (this.#broad ??= new WordScanner([...decisiveWords, ...structuralWords, ...translatedStems]));
    }
    return (this.#narrow ??= new WordScanner([...strongWords, ...structuralWords]));
  }

  /** The lines before a telling one, which were counted but not handed over. */
  #before(bytes: Buffer, starts: readonly number[], line: number): void {
    const earlier = starts.slice(-contextBefore);
    for (const [index, start] of earlier.entries()) {
      const until = (earlier[index + 1] ?? line) - 1;
      this.#take(text(bytes, start, until), this.#number - earlier.length + index + 1);
    }
  }

  #hand(bytes: Buffer, start: number, end: number): void {
    this.#take(text(bytes, start, end), ++this.#number);
  }
}

function lineEndAfter(bytes: Buffer, from: number, end: number): number {
  const at = bytes.indexOf(0x0a, from - 1);
  return at < 0 || at >= end ? end : at;
}

function text(bytes: Buffer, start: number, end: number): string {
  return bytes.toString("utf8", start, Math.min(end, start + longestLine));
}
