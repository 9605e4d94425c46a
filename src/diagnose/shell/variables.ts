import type { List, Part, Word } from "./syntax.ts";
import { isKnown, unknown } from "./unknown.ts";
import { globMatches } from "../../dockerfile/expand.ts";

/** Names that are missing aren't known; a name that is known to be unset has the empty value. */
export type Variables = ReadonlyMap<string, string>;

/** Longer values are cut: nobody names a file so. */
const longest = 20_000;

/** Expands a word. `split` tells whether an unquoted substitution brought white space that parts it. */
export function expandParts(
  word: Word,
  variables: Variables,
  run: (script: List) => string,
): { readonly text: string; readonly split: boolean } {
  const [only] = word.parts;
  if (word.parts.length === 1 && only?.kind === "text")
    return { text: only.text.slice(0, longest), split: false };
  let text = "";
  let split = false;
  let onlyUnquotedEmpty = word.parts.length > 0;
  for (const part of word.parts) {
    const value = expandPart(part, variables, run);
    if (part.kind !== "text" && !part.quoted) {
      if (/\s/.test(value)) split = true;
      if (value !== "") onlyUnquotedEmpty = false;
    } else onlyUnquotedEmpty = false;
    if (text.length < longest) text += value;
  }
  return { text, split: split || onlyUnquotedEmpty };
}

function expandPart(part: Part, variables: Variables, run: (script: List) => string): string {
  switch (part.kind) {
    case "text":
      return part.text;
    case "command":
      return run(part.script);
    case "arithmetic":
      return unknown;
    default:
      return expandVariable(part, variables, run);
  }
}

function expandVariable(
  part: Part & { readonly kind: "variable" },
  variables: Variables,
  run: (script: List) => string,
): string {
  const value = variables.get(part.name);
  if (part.operator === undefined) return value ?? unknown;
  const word = part.word === undefined ? "" : expandParts(part.word, variables, run).text;
  switch (part.operator) {
    case ":-":
    case ":=":
      return value === undefined || value === "" ? word : value;
    case "-":
    case "=":
      return value ?? word;
    case ":+":
    case "+":
      return value === undefined || value === "" ? "" : word;
    case "?":
    case ":?":
      return value ?? unknown;
    default:
      return value === undefined || !isKnown(value + word) ? unknown : changed(value, part.operator, word);
  }
}

/** `${X#…}`, `${X%…}`, `${X/a/b}`, `${X,,}` on short known values. */
function changed(value: string, operator: string, word: string): string {
  if (value.length > 500 || word.length > 200) return unknown;
  switch (operator) {
    case "#":
    case "##":
    case "%":
    case "%%":
      return trimmed(value, operator, word);
    case "/":
    case "//": {
      const slash = word.indexOf("/");
      const [from, to] = slash < 0 ? [word, ""] : [word.slice(0, slash), word.slice(slash + 1)];
      if (from === "" || /[*?[]/.test(from)) return unknown;
      return operator === "//" ? value.replaceAll(from, () => to) : value.replace(from, () => to);
    }
    case ",,":
      return value.toLowerCase();
    case "^^":
      return value.toUpperCase();
    default:
      return unknown;
  }
}

function trimmed(value: string, operator: string, pattern: string): string {
  const prefix = operator.startsWith("#");
  for (let step = 0; step <= value.length; step++) {
    const size = operator.length === 2 ? value.length - step : step;
    const part = prefix ? value.slice(0, size) : value.slice(value.length - size);
    if (globMatches(pattern, part)) return prefix ? value.slice(size) : value.slice(0, value.length - size);
  }
  return value;
}
