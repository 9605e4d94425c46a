import { AnyarchError } from "../errors/error.ts";

/**
 * The words of a command: a JSON array of strings, or text split as a shell splits it (white space, single and
 * double quotes, backslash), without expansions. Throws USAGE, naming `flag`.
 */
export function commandWords(value: string | readonly string[], flag: string): readonly string[] {
  if (typeof value !== "string") return value;
  const text = value.trim();
  const words = text.startsWith("[") ? jsonWords(text, flag) : shellWords(text, flag);
  if (words.length === 0) throw new AnyarchError("USAGE", `${flag} is empty.`);
  return words;
}

function jsonWords(text: string, flag: string): readonly string[] {
  try {
    const words: unknown = JSON.parse(text);
    if (Array.isArray(words) && words.every((word) => typeof word === "string")) return words;
  } catch {
    // Reported below, like an array of other things.
  }
  throw new AnyarchError("USAGE", `${flag} ${text} is not a JSON array of strings.`);
}

function shellWords(text: string, flag: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === "\\" && quote !== "'" && at + 1 < text.length) word = (word ?? "") + text.charAt(++at);
    else if (char === quote) quote = "";
    else if (quote !== "") word = (word ?? "") + char;
    else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") throw new AnyarchError("USAGE", `${flag} has a quote that is not closed: ${text}`);
  return word === undefined ? words : [...words, word];
}
