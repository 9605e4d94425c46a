import { cLibraryMessages } from "./translations/c-library-messages.ts";
import { compilerMessages } from "./translations/compiler-messages.ts";
import { networkMessages } from "./translations/network-messages.ts";
import { packageMessages } from "./translations/package-messages.ts";

/** A message in one other language. */
interface Translation {
  /** A piece of it, without capitals outside ASCII: a line without it doesn't hold the message. */
  readonly stem: string;
  readonly english: string;
  readonly translated: string;
  /** Made when a line has the stem: most logs need none. */
  replacement?: Replacement;
}

interface Replacement {
  readonly pattern: RegExp;
  /** The English message with $1 … for the values. */
  readonly text: string;
}

const quoteMarks = "'\"`´«»‹›„“”‚‘’";
const placeholder = /%(?:(\d)\$)?([sd])/g;
const foreignScript = /[\u0400-\u04ff\u3040-\u30ff\u4e00-\u9fff]/;
/** Words that stand for themselves on a line; within others they say something else. */
const oneWord = /^[A-Z]\w+$/;
const longestStem = 14;
/** A shorter piece without accents is in too many lines. */
const leastPlain = 5;

const translations: readonly Translation[] = [
  cLibraryMessages,
  compilerMessages,
  networkMessages,
  packageMessages,
]
  .flatMap(readMessages)
  // A message may begin or end like a longer one.
  .toSorted((a, b) => b.translated.length - a.translated.length);

const latin = translations.filter(({ stem }) => !foreignScript.test(stem));
const others = translations.filter(({ stem }) => foreignScript.test(stem));
const anyLatin = new RegExp([...new Set(latin.map(({ stem }) => escaped(stem)))].join("|"), "i");

/** Pieces of which each translated message holds one, for a search in the bytes of a log. */
export const translatedStems: readonly string[] = [...new Set(translations.map(({ stem }) => stem))];

/**
 * The line with messages of the C library, apt, dpkg, bash, make, gcc and git in English, which rules read, whatever
 * LANG was where they were printed; the very line where it holds none. Values (names, paths, numbers) are kept. Also
 * where a narrow character set made "?" or a plain letter of an accented one.
 */
export function inEnglish(text: string): string {
  let english = text;
  if (anyLatin.test(text)) english = withReplaced(english, latin);
  if (foreignScript.test(text)) english = withReplaced(english, others);
  return english === text ? text : english.replaceAll(/\s?：\s?|[ \u00a0]: /g, ": ");
}

function withReplaced(text: string, candidates: readonly Translation[]): string {
  let replaced = text;
  const folded = text.toLowerCase();
  for (const candidate of candidates) {
    if (!folded.includes(candidate.stem)) continue;
    const { pattern, text: english } = (candidate.replacement ??= replacementOf(candidate));
    replaced = replaced.replace(pattern, english);
  }
  return replaced;
}

/** Paragraphs of an English message and, indented, its translations. */
function readMessages(block: string): readonly Translation[] {
  let english = "";
  return block.split("\n").flatMap((line) => {
    const translated = line.trim();
    if (line.startsWith("  ")) return [{ english, translated, stem: stemOf(translated) }];
    english = line;
    return [];
  });
}

function replacementOf({ english, translated }: Translation): Replacement {
  const order: string[] = [];
  let source = "";
  let end = 0;
  for (const { 0: whole, 1: position, 2: kind, index } of translated.matchAll(placeholder)) {
    source += literal(translated.slice(end, index), true);
    end = index + whole.length;
    order.push(position ?? String(order.length + 1));
    if (kind === "d") source += String.raw`(\d{1,9})`;
    else if (translated[index - 1] === "'") source += `([^${quoteMarks}]{1,200}?)`;
    else source += String.raw`(\S{1,300})`;
  }
  source += literal(translated.slice(end), false);
  let value = 0;
  const target = english.replaceAll("$", "$$$$").replaceAll(placeholder, (_whole, position?: string) => {
    value++;
    return `$${order.indexOf(position ?? String(value)) + 1}`;
  });
  return {
    pattern: new RegExp(bounded(source, english, translated), "iu"),
    text: translated.endsWith("：") ? `${target} ` : target,
  };
}

function bounded(source: string, english: string, translated: string): string {
  if (oneWord.test(english))
    return String.raw`(?<=^\s{0,8}|[:：]\s{0,4}|\d\s{1,12})${source}(?=$|\s{2}|\s?[(（])`;
  const before = /^[\p{Script=Latin}\p{Script=Cyrillic}]/u.test(translated)
    ? String.raw`(?<![\p{L}\p{N}])`
    : "";
  const after = /[\p{Script=Latin}\p{Script=Cyrillic}]\.?$/u.test(translated)
    ? String.raw`(?![\p{L}\p{N}])`
    : "";
  return `${before}${source}${after}`;
}

/** A piece of a message as it may stand in a log: other spaces and quotation marks, no hyphen, no accent, no full stop. */
function literal(text: string, opens: boolean): string {
  return Array.from(text, (letter, at) => {
    if (letter === " ") return "[ \u00a0\u202f]{1,2}";
    if (letter === "'" && at === text.length - 1 && opens) return `[${quoteMarks}][ \u00a0\u202f]?`;
    if (letter === "'") return `[ \u00a0\u202f]?[${quoteMarks}]`;
    if (letter === "-") return "-?";
    if (letter === "." && at === text.length - 1) return "\\.?";
    const plain = letter.normalize("NFD")[0] ?? letter;
    return plain !== letter && plain < "\u0080" ? `[${letter}${plain}?\ufffd]` : escaped(letter);
  }).join("");
}

/** The longest piece that every spelling of the message holds. */
function stemOf(translated: string): string {
  const pieces = translated.split(/%(?:\d\$)?.|[-'.]/);
  const plain = longestOf(translated.split(/%(?:\d\$)?.|[^ -~]|[-'.]/));
  const stem = foreignScript.test(translated) || plain.length < leastPlain ? longestOf(pieces) : plain;
  return stem
    .replace(/^(?=\P{ASCII})\p{Lu}/u, "")
    .slice(0, longestStem)
    .toLowerCase();
}

function longestOf(pieces: readonly string[]): string {
  return pieces.reduce((best, piece) => (piece.trim().length > best.length ? piece.trim() : best), "");
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, String.raw`\$&`);
}
