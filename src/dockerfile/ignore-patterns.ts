import { AnyarchError } from "../errors/error.ts";

interface Pattern {
  readonly negated: boolean;
  readonly expression: RegExp;
}

/**
 * The patterns of a `.dockerignore` file, with the builder's meaning: relative to the context's root, `*` and
 * `?` within one path element, `**` across elements, `!` to take back, the last match wins, and a pattern that
 * matches a directory matches all below it.
 */
export class IgnorePatterns {
  readonly #patterns: readonly Pattern[];
  readonly #hasNegation: boolean;

  private constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    this.#hasNegation = patterns.some((pattern) => pattern.negated);
  }

  /** Throws INPUT_INVALID for a pattern that can't be read, naming `source` and the line. */
  static parse(lines: readonly string[], source: string): IgnorePatterns {
    const patterns: Pattern[] = [];
    for (const [index, raw] of lines.entries()) {
      const line = index === 0 ? raw.replace(/^\uFEFF/, "") : raw;
      if (line.startsWith("#")) continue;
      let text = line.trim();
      const negated = text.startsWith("!");
      if (negated) text = text.slice(1).trim();
      text = cleanPath(text);
      if (text === "" || text === ".") continue;
      patterns.push({ negated, expression: compile(text, `${source}, line ${index + 1}`) });
    }
    return new IgnorePatterns(patterns);
  }

  /** These patterns, then those of `other`, which so have the last word. */
  followedBy(other: IgnorePatterns): IgnorePatterns {
    return new IgnorePatterns([...this.#patterns, ...other.#patterns]);
  }

  /** True where `path` (relative, "/"-separated) or a directory above it is ignored. */
  ignores(path: string): boolean {
    let ignored = false;
    for (const { negated, expression } of this.#patterns) {
      if (negated === ignored && expression.test(path)) ignored = !negated;
    }
    return ignored;
  }

  /** True where nothing below an ignored directory can be taken back, so that it need not be read. */
  get prunes(): boolean {
    return !this.#hasNegation;
  }
}

/** What Go's filepath.Clean does to a pattern, without a leading slash. */
function cleanPath(text: string): string {
  const parts: string[] = [];
  for (const part of text.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}

function compile(pattern: string, place: string): RegExp {
  let source = "^";
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    if (char === "*" && pattern[at + 1] === "*") {
      at++;
      if (pattern[at + 1] === "/") {
        at++;
        source += "(?:.*/)?";
      } else source += ".*";
    } else if (char === "*") source += "[^/]*";
    else if (char === "?") source += "[^/]";
    else if (char === "[") {
      const end = classEnd(pattern, at);
      if (end < 0)
        throw new AnyarchError("INPUT_INVALID", `${place}: the pattern "${pattern}" has "[" without "]".`);
      const body = pattern.slice(at + 1, end).replace(/^!/, "^");
      source += `[${body}]`;
      at = end;
    } else if (char === "\\" && at + 1 < pattern.length) source += escape(pattern.charAt(++at));
    else source += escape(char);
  }
  try {
    return new RegExp(`${source}(?:/.*)?$`, "su");
  } catch (error) {
    throw new AnyarchError("INPUT_INVALID", `${place}: the pattern "${pattern}" can't be read.`, {
      cause: error,
    });
  }
}

function classEnd(pattern: string, start: number): number {
  for (let at = start + 1; at < pattern.length; at++) {
    if (pattern[at] === "\\") at++;
    else if (pattern[at] === "]" && at > start + 1) return at;
  }
  return -1;
}

function escape(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}
