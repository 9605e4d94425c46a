import { StringDecoder } from "node:string_decoder";

const lineLimit = 8192;

/**
 * Pieces of one stream of a program's output → lines, whatever the pieces cut through. A carriage return ends a line
 * too (progress bars), and what is longer than 8192 characters is cut there. ANSI colours are removed.
 */
export class LogLines {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  push(data: Uint8Array): readonly string[] {
    this.#rest += this.#decoder.write(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    const lines = this.#rest.split(/\r?\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > lineLimit) {
      lines.push(this.#rest);
      this.#rest = "";
    }
    return lines.map(clean);
  }

  end(): readonly string[] {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = "";
    return rest === "" ? [] : [clean(rest)];
  }
}

// eslint-disable-next-line no-control-regex
const escapes = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

function clean(line: string): string {
  const short = line.length > lineLimit ? `${line.slice(0, lineLimit)}…` : line;
  return short.replace(escapes, "").trimEnd();
}

/** The last lines of something, no more than `limit`. */
export class Tail {
  readonly #limit: number;
  #lines: string[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(line: string): void {
    this.#lines.push(line);
    // Cut now and then and not each time: shifting an array is not free.
    if (this.#lines.length > this.#limit * 2) this.#lines = this.#lines.slice(-this.#limit);
  }

  get lines(): readonly string[] {
    return this.#lines.slice(-this.#limit);
  }
}
