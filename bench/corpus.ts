import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A small generator of numbers that are the same on every machine (Marsaglia's xorshift32). */
export function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const vocabulary =
  "def class return import from self None True False if else for in while with as try except raise yield lambda not and or is assert pass break continue global async await value index count name path size data result error config request response handler context".split(
    " ",
  );

/**
 * Writes text that compresses as a tree of source code does, to a fifth: files begin with the same licence, and
 * most lines are one that stood there before, with a word exchanged.
 */
export class SourceWriter {
  readonly #next: (below: number) => number;
  readonly #lines: string[][] = [];
  readonly #licence: string;

  constructor(next: (below: number) => number) {
    this.#next = next;
    this.#licence = Array.from({ length: 12 }, () => `# ${this.#fresh().join(" ")}`).join("\n");
  }

  /** About `size` bytes. */
  text(size: number): string {
    const lines = [this.#licence];
    for (let length = this.#licence.length; length < size;) {
      const words = this.#line();
      const line = `${"    ".repeat(1 + this.#next(3))}${words.join(" ")}`;
      lines.push(line);
      length += line.length + 1;
    }
    return `${lines.join("\n")}\n`;
  }

  #line(): readonly string[] {
    const seen = this.#lines.length;
    const before = seen > 0 && this.#next(8) > 0 ? this.#lines[this.#next(seen)] : undefined;
    const line = [...(before ?? this.#fresh())];
    if (before !== undefined && this.#next(3) === 0) line[this.#next(line.length)] = this.#word();
    if (seen < 400) this.#lines.push(line);
    else this.#lines[this.#next(seen)] = line;
    return line;
  }

  #fresh(): string[] {
    return Array.from({ length: 4 + this.#next(8) }, () => this.#word());
  }

  #word(): string {
    const plain = vocabulary[this.#next(vocabulary.length)] ?? "";
    return this.#next(2) === 0 ? `${plain}_${this.#next(1 << 30).toString(36)}` : plain;
  }
}

export interface Corpus {
  readonly directory: string;
  readonly files: number;
  readonly bytes: number;
}

/** Writes an application of 5,000 files in 500 directories, some 50 MB: source code, and every fortieth file binary. */
export function writeCorpus(directory: string): Corpus {
  const next = numbers(20_240_607);
  const source = new SourceWriter(next);
  let bytes = 0;
  const put = (name: string, content: string | Uint8Array): void => {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    bytes += content.length;
  };
  const files = 5_000;
  put("main.py", 'print("hello")\n');
  put("pyproject.toml", '[project]\nname = "bench"\nversion = "1.0.0"\nrequires-python = ">=3.9"\n');
  for (let at = 2; at < files; at++) {
    const folder = `package${at % 50}/module${at % 500}`;
    const size = 2_000 + next(16_400);
    if (at % 40 === 0)
      put(
        `${folder}/table${at}.bin`,
        Uint8Array.from({ length: size }, () => next(256)),
      );
    else put(`${folder}/file${at}.py`, source.text(size));
  }
  return { directory, files, bytes };
}

/** Changes the same file of the corpus in another way for each `round`. */
export function changeCorpus({ directory }: Corpus, round: number): void {
  writeFileSync(join(directory, "main.py"), `print("hello ${round}")\n`);
}
