/** Instructions of a Dockerfile as text: lines, continuations, comments and parser directives (BuildKit parser.go). */

/** One instruction with its continuations joined. */
export interface LogicalLine {
  readonly text: string;
  /** 1-based, of the first and of the last line. */
  readonly line: number;
  readonly endLine: number;
  /** Where in `text` each source line begins. */
  readonly starts: readonly { readonly at: number; readonly line: number }[];
}

export interface LineReader {
  readonly directives: Readonly<Record<string, string>>;
  readonly escape: "\\" | "`";
  /** The next instruction, or undefined at the end. */
  next(): LogicalLine | undefined;
  /** The next line as it is, without its line break; of here-documents. */
  raw(): string | undefined;
  /** 1-based number of the line that was read last. */
  readonly line: number;
}

const directivePattern = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/;
const knownDirectives = new Set(["syntax", "escape", "check"]);

export function splitLines(text: string): string[] {
  const lines = (text.startsWith("\ufeff") ? text.slice(1) : text).split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
}

/** Directives stand before all else; the first line that is none ends them. `fail` is told of faulty ones. */
function readDirectives(
  lines: readonly string[],
  fail: (line: number, why: string) => never,
): Record<string, string> {
  const directives: Record<string, string> = {};
  for (const [index, line] of lines.entries()) {
    const match = directivePattern.exec(line.trim());
    if (match === null) break;
    const name = (match[1] ?? "").toLowerCase();
    if (!knownDirectives.has(name)) continue;
    if (directives[name] !== undefined) fail(index + 1, `the directive "${name}" is there twice`);
    directives[name] = match[2] ?? "";
  }
  return directives;
}

/** The length of `line` without its continuation character, or -1 where the instruction ends with it. */
function continuedLength(line: string, escape: string): number {
  let end = line.length;
  while (end > 0 && (line[end - 1] === " " || line[end - 1] === "\t")) end--;
  if (line[end - 1] !== escape || line[end - 2] === escape) return -1;
  return end - 1;
}

export function readLines(text: string, fail: (line: number, why: string) => never): LineReader {
  const lines = splitLines(text);
  const directives = readDirectives(lines, fail);
  const escape = directives["escape"] ?? "\\";
  if (escape !== "\\" && escape !== "`") fail(1, `the escape character "${escape}" is neither \\ nor \``);
  let at = 0;
  const next = (): LogicalLine | undefined => {
    for (; at < lines.length; at++) {
      const first = (lines[at] ?? "").trimStart();
      if (first === "" || first.startsWith("#")) continue;
      const line = ++at;
      const starts = [{ at: 0, line }];
      let length = continuedLength(first, escape);
      const parts = [length < 0 ? first : first.slice(0, length)];
      let size = parts[0]?.length ?? 0;
      while (length >= 0 && at < lines.length) {
        const more = lines[at++] ?? "";
        const trimmed = more.trimStart();
        if (trimmed === "" || trimmed.startsWith("#")) continue;
        length = continuedLength(more, escape);
        const part = length < 0 ? more : more.slice(0, length);
        starts.push({ at: size, line: at });
        parts.push(part);
        size += part.length;
      }
      return { text: parts.join(""), line, endLine: at, starts };
    }
    return undefined;
  };
  return {
    directives,
    escape,
    next,
    raw: () => (at < lines.length ? lines[at++] : undefined),
    get line() {
      return at;
    },
  };
}
