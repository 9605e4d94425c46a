import type { Heredoc } from "./dockerfile.ts";

/** Flags at the start of what follows a keyword, and where the rest begins (BuildKit line_parsers.go). */
export function readFlags(
  text: string,
  escape: string,
): { readonly flags: { readonly name: string; readonly value?: string }[]; readonly rest: number } {
  const flags: { name: string; value?: string }[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && /\s/.test(text[at] ?? "")) at++;
    if (!text.startsWith("--", at)) return { flags, rest: at };
    const { word, end } = readWord(text, at, escape);
    at = end;
    if (word === "--") {
      while (at < text.length && /\s/.test(text[at] ?? "")) at++;
      return { flags, rest: at };
    }
    const equals = word.indexOf("=");
    flags.push(
      equals < 0 ? { name: word.slice(2) } : { name: word.slice(2, equals), value: word.slice(equals + 1) },
    );
  }
}

/** One word with quotes and escapes removed. */
function readWord(text: string, from: number, escape: string): { word: string; end: number } {
  let word = "";
  let quote = "";
  let at = from;
  for (; at < text.length; at++) {
    const char = text[at] ?? "";
    if (quote === "" && /\s/.test(char)) break;
    if (char === escape && quote !== "'" && at + 1 < text.length) word += text[++at] ?? "";
    else if (quote === "" && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = "";
    else word += char;
  }
  return { word, end: at };
}

/** Words as written, quotes kept; separated by white space outside quotes, or anywhere where a quote has no end. */
export function rawWords(text: string, escape: string): string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (quote === "" && /\s/.test(char)) {
      if (word !== "") words.push(word);
      word = "";
      continue;
    }
    word += char;
    if (char === escape && quote !== "'" && at + 1 < text.length) word += text[++at] ?? "";
    else if (quote === "" && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = "";
  }
  if (quote !== "") return text.split(/\s+/).filter(Boolean);
  if (word !== "") words.push(word);
  return words;
}

function openQuote(text: string): boolean {
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (char === "\\" && quote !== "'") at++;
    else if (quote === "" && (char === '"' || char === "'")) quote = char;
    else if (char === quote) quote = "";
  }
  return quote !== "";
}

export interface HeredocStart {
  readonly name: string;
  readonly expand: boolean;
  /** `<<-`: leading tabs don't count. */
  readonly chomp: boolean;
}

/** The here-documents that an instruction's line opens, in order. */
export function heredocStarts(text: string): HeredocStart[] {
  if (!text.includes("<<") || openQuote(text)) return [];
  const found: HeredocStart[] = [];
  // BuildKit always takes the backslash as this escape character.
  for (const word of rawWords(text, "\\")) {
    const match = /^\d*<<(-?)([^<]+)$/.exec(word);
    if (match === null) continue;
    const written = match[2] ?? "";
    const name = written.replace(/\\(.)|['"]/g, "$1");
    if (name === "") continue;
    found.push({ name, expand: name === written, chomp: match[1] === "-" });
  }
  return found;
}

/** Reads the body of one here-document; undefined where its end is missing. */
export function readHeredoc(
  start: HeredocStart,
  reader: { raw(): string | undefined; readonly line: number },
): Heredoc | undefined {
  const line = reader.line + 1;
  const body: string[] = [];
  for (let raw = reader.raw(); raw !== undefined; raw = reader.raw()) {
    const content = start.chomp ? raw.replace(/^\t+/, "") : raw;
    if (content === start.name) {
      return { name: start.name, body: body.join(""), expand: start.expand, line };
    }
    body.push(content, "\n");
  }
  return undefined;
}
