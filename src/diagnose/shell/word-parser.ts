import type { List, Part, Redirect, Word } from "./syntax.ts";

/** Depth of nested substitutions, quotes and groups from which on text is taken as it is. */
export const deepest = 40;

const wordEnd = new Set([" ", "\t", "\r", "\n", ";", "&", "|", "(", ")", "<", ">"]);

/** Reads words out of a script's text, each character once. The part of the parser that knows quotes and `$`. */
export abstract class WordParser {
  protected at = 0;
  protected depth = 0;
  protected readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The list up to `)` of a command substitution, which is consumed. */
  protected abstract substitution(): List;
  /** Another script, for backticks. */
  protected abstract inner(text: string): List;

  protected peek(offset = 0): string {
    return this.text[this.at + offset] ?? "";
  }

  protected blanks(): void {
    for (;;) {
      const char = this.peek();
      if (char === " " || char === "\t" || char === "\r") this.at++;
      else if (char === "\\" && this.peek(1) === "\n") this.at += 2;
      else if (char === "\\" && this.peek(1) === "\r" && this.peek(2) === "\n") this.at += 3;
      else return;
    }
  }

  /** A word; empty (no parts) where none begins here. */
  protected word(stop = wordEnd): Word {
    const start = this.at;
    const parts: Part[] = [];
    let plain = "";
    const flush = (): void => {
      if (plain !== "") parts.push({ kind: "text", text: plain, quoted: false });
      plain = "";
    };
    while (this.at < this.text.length) {
      const char = this.peek();
      if (stop.has(char)) break;
      if (char === "\\") {
        const next = this.peek(1);
        if (next !== "\n" && next !== "") {
          flush();
          parts.push({ kind: "text", text: next, quoted: true });
        }
        this.at += 2;
      } else if (char === "'" || char === '"') {
        flush();
        if (char === "'") parts.push(this.single());
        else this.double(parts);
      } else if ((char === "$" && this.dollarStarts()) || char === "`") {
        flush();
        this.dollar(parts, false);
      } else {
        plain += char;
        this.at++;
      }
    }
    flush();
    this.at = Math.min(this.at, this.text.length);
    return { parts, at: start, raw: this.text.slice(start, this.at) };
  }

  private single(): Part {
    const end = this.text.indexOf("'", this.at + 1);
    const stop = end < 0 ? this.text.length : end;
    const part: Part = { kind: "text", text: this.text.slice(this.at + 1, stop), quoted: true };
    this.at = stop + 1;
    return part;
  }

  private double(parts: Part[]): void {
    this.at++;
    parts.push({ kind: "text", text: "", quoted: true });
    this.quoted(parts, '"');
  }

  /** The inside of double quotes up to `end`, or to the end of the text where `end` is empty. */
  protected quoted(parts: Part[], end: string): void {
    let plain = "";
    const flush = (): void => {
      if (plain !== "") parts.push({ kind: "text", text: plain, quoted: true });
      plain = "";
    };
    while (this.at < this.text.length) {
      const char = this.peek();
      if (char === end) {
        this.at++;
        break;
      }
      if (char === "\\" && /[$`"\\\n]/.test(this.peek(1))) {
        if (this.peek(1) !== "\n") plain += this.peek(1);
        this.at += 2;
      } else if ((char === "$" && this.dollarStarts()) || char === "`") {
        flush();
        this.dollar(parts, true);
      } else {
        plain += char;
        this.at++;
      }
    }
    flush();
  }

  private dollarStarts(): boolean {
    return /[A-Za-z0-9_{(@*#?$!'-]/.test(this.peek(1));
  }

  private dollar(parts: Part[], quoted: boolean): void {
    if (this.peek() === "`") {
      parts.push({ kind: "command", script: this.backticks(), quoted });
      return;
    }
    const next = this.peek(1);
    if (next === "'") {
      this.at++;
      if (!quoted) parts.push(this.single());
      else parts.push({ kind: "text", text: "$", quoted });
    } else if (next === "(" && this.peek(2) === "(") {
      this.arithmetic();
      parts.push({ kind: "arithmetic", quoted });
    } else if (next === "(") {
      this.at += 2;
      parts.push({ kind: "command", script: this.substitution(), quoted });
    } else if (next === "{") {
      this.at += 2;
      parts.push(this.braced(quoted));
    } else {
      this.at++;
      parts.push({ kind: "variable", name: this.name(), quoted });
    }
  }

  private name(): string {
    const start = this.at;
    if (/[A-Za-z_]/.test(this.peek())) {
      while (/\w/.test(this.peek())) this.at++;
    } else this.at++;
    return this.text.slice(start, this.at);
  }

  private backticks(): List {
    let end = this.at + 1;
    while (end < this.text.length && this.text[end] !== "`") end += this.text[end] === "\\" ? 2 : 1;
    const inner = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return this.inner(inner.replaceAll(/\\([`$\\])/g, "$1"));
  }

  private arithmetic(): void {
    let open = 0;
    while (this.at < this.text.length) {
      const char = this.text[this.at++];
      if (char === "(") open++;
      else if (char === ")" && --open === 0) return;
    }
  }

  private braced(quoted: boolean): Part {
    if (this.peek() === "#" || this.peek() === "!") this.at++;
    const name = /[\w@*#?$!-]/.test(this.peek()) ? this.name() : "";
    if (this.peek() === "[") while (this.at < this.text.length && this.text[this.at++] !== "]");
    if (this.peek() === "}") {
      this.at++;
      return { kind: "variable", name, quoted };
    }
    const operator = /^(?::?[-+=?]|##?|%%?|\/[/#%]?|\^\^?|,,?|:)/.exec(
      this.text.slice(this.at, this.at + 2),
    )?.[0];
    this.at += operator?.length ?? 0;
    const word = this.bracedWord(quoted);
    return { kind: "variable", name, operator: operator ?? "?", word, quoted };
  }

  private bracedWord(quoted: boolean): Word {
    const start = this.at;
    if (++this.depth > deepest) {
      this.at = this.text.length;
      this.depth--;
      return { parts: [], at: start, raw: "" };
    }
    const word = this.word(quoted ? inBracesQuoted : inBraces);
    if (this.peek() === "}") this.at++;
    else if (quoted && this.peek() === '"') this.at++;
    this.depth--;
    return word;
  }

  /** The body of a here-document: as in double quotes, but quotes are plain; nothing expands where `literal`. */
  protected static body(parser: WordParser, at: number, raw: string, literal: boolean): Word {
    if (literal) return { parts: [{ kind: "text", text: raw, quoted: true }], at, raw };
    const parts: Part[] = [];
    parser.quoted(parts, "");
    return { parts, at, raw };
  }
}

const inBraces = new Set(["}"]);
const inBracesQuoted = new Set(["}"]);

/** A here-document that was named and whose body is still to come. */
export interface PendingBody {
  readonly redirect: { -readonly [K in keyof Redirect]: Redirect[K] };
  readonly delimiter: string;
  readonly literal: boolean;
  readonly chomp: boolean;
}
