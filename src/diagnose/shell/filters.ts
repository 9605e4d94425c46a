import { globMatches } from "../../dockerfile/expand.ts";
import { unknown } from "./unknown.ts";

/** What filters make of known input. Values longer than this aren't followed. */
const longest = 4096;

/** The output of `sed`, `tr`, `cut`, `awk` … for `input`; unknown where it isn't one that is understood. */
export function filtered(argv: readonly string[], input: string): string {
  if (input.includes(unknown) || input.length > longest) return unknown;
  switch (argv[0]) {
    case "cat":
    case "tee":
    case "sort":
    case "xargs":
      return argv.length === 1 ? input : unknown;
    case "sed":
      return sed(argv.slice(1), input);
    case "tr":
      return translate(argv.slice(1), input);
    case "head":
    case "tail":
      return input.trim().includes("\n") ? unknown : input;
    case "cut":
      return cut(argv.slice(1), input);
    default:
      return unknown;
  }
}

function sed(argv: readonly string[], input: string): string {
  const scripts: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "-e" || word === "--expression") scripts.push(argv[++index] ?? "");
    else if (/^-[Er]e$/.test(word)) scripts.push(argv[++index] ?? "");
    else if (/^-[Erun]+$/.test(word)) continue;
    else if (scripts.length === 0) scripts.push(word);
    else return unknown;
  }
  let text = input;
  for (const command of scripts.flatMap((script) => script.split(/;|\n/))) {
    const next = substituted(command.trim(), text);
    if (next === undefined) return unknown;
    text = next;
  }
  return text;
}

/** One `s/pattern/replacement/flags` whose pattern is plain text but for anchors, `.*` and `\|`. */
function substituted(command: string, input: string): string | undefined {
  if (command === "") return input;
  const delimiter = command[1] ?? "";
  if (command[0] !== "s" || delimiter === "" || /[\w\s]/.test(delimiter)) return undefined;
  const [pattern = "", replacement = "", flags, more] = command.slice(2).split(delimiter);
  if (flags === undefined || more !== undefined || /[&\\]/.test(replacement)) return undefined;
  for (const alternative of pattern.replaceAll(/^\\?\(|\\?\)$/g, "").split(/\\?\|/)) {
    const next = replacedOnce(alternative, replacement, flags.includes("g"), input);
    if (next === undefined) return undefined;
    if (next !== input) return next;
  }
  return input;
}

function replacedOnce(pattern: string, by: string, all: boolean, input: string): string | undefined {
  const start = pattern.startsWith("^");
  const end = pattern.endsWith("$");
  const body = pattern.slice(start ? 1 : 0, end ? -1 : undefined).replaceAll(/\\([./_-])/g, "$1");
  const wild = body.endsWith(".*");
  const plain = wild ? body.slice(0, -2) : body;
  if (/[*[\]\\^$+?(){}]/.test(plain)) return undefined;
  const line = input.replace(/\n$/, "");
  const at = line.indexOf(plain);
  if (plain === "" || at < 0 || (start && at !== 0) || (end && !wild && !line.endsWith(plain))) return input;
  if (wild) return `${line.slice(0, at)}${by}`;
  return all ? input.replaceAll(plain, () => by) : input.replace(plain, () => by);
}

function translate(argv: readonly string[], input: string): string {
  const [from = "", to = ""] = argv;
  const classes: Readonly<Record<string, string>> = { "[:upper:]": "A-Z", "[:lower:]": "a-z" };
  const [source, target] = [classes[from] ?? from, classes[to] ?? to];
  if (source === "A-Z" && target === "a-z") return input.toLowerCase();
  if (source === "a-z" && target === "A-Z") return input.toUpperCase();
  if (from === "-d")
    return /^(?:\\n|[\w-])$/.test(to) ? input.replaceAll(to === "\\n" ? "\n" : to, "") : unknown;
  if (from.length === 1 && to.length === 1) return input.replaceAll(from, () => to);
  return unknown;
}

function cut(argv: readonly string[], input: string): string {
  const joined = argv.join(" ");
  const delimiter = /-d ?(.)/.exec(joined)?.[1];
  const field = /-f ?(\d)\b(?![,-])/.exec(joined)?.[1];
  if (delimiter === undefined || field === undefined) return unknown;
  return input.replace(/\n$/, "").split(delimiter)[Number(field) - 1] ?? "";
}

/** Whether `grep` finds something in known input; undefined where that can't be told. */
export function grepFinds(argv: readonly string[], input: string): boolean | undefined {
  if (input.includes(unknown) || input.length > longest) return undefined;
  const flags = argv.slice(1).filter((word) => word.startsWith("-") && word !== "-e");
  const words = argv.slice(1).filter((word) => !word.startsWith("-"));
  const [pattern] = words;
  if (pattern === undefined || words.length > 1 || pattern.includes(unknown)) return undefined;
  const found = pattern.split(/\\?\|/).some((part) => contains(input, part));
  return flags.some((flag) => /^-\w*v/.test(flag)) ? !found : found;
}

function contains(input: string, pattern: string): boolean {
  const start = pattern.startsWith("^");
  const end = pattern.endsWith("$");
  const body = pattern
    .slice(start ? 1 : 0, end ? -1 : undefined)
    .replaceAll(".*", "*")
    .replaceAll(/[()\\]/g, "");
  const glob = `${start ? "" : "*"}${body}${end ? "" : "*"}`;
  return input.split("\n").some((line) => globMatches(glob, line));
}

/** `[ … ]` and `[[ … ]]` without the brackets; undefined where it depends on what isn't known. */
export function testResult(words: readonly string[], globs: boolean): boolean | undefined {
  return disjunction(
    words.filter((word) => word !== "(" && word !== ")"),
    globs,
  );
}

function disjunction(words: readonly string[], globs: boolean): boolean | undefined {
  const alternatives = new Set(split(words, ["-o", "||"]).map((part) => conjunction(part, globs)));
  if (alternatives.has(true)) return true;
  return alternatives.has(undefined) ? undefined : false;
}

function conjunction(words: readonly string[], globs: boolean): boolean | undefined {
  const parts = new Set(split(words, ["-a", "&&"]).map((part) => single(part, globs)));
  if (parts.has(false)) return false;
  return parts.has(undefined) ? undefined : true;
}

function split(words: readonly string[], separators: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  for (const word of words) {
    if (separators.includes(word)) parts.push([]);
    else parts.at(-1)?.push(word);
  }
  return parts;
}

function single(words: readonly string[], globs: boolean): boolean | undefined {
  if (words[0] === "!") {
    const result = single(words.slice(1), globs);
    return result === undefined ? undefined : !result;
  }
  const [first = "", operator = "", second = ""] = words;
  if (words.length === 2) {
    if (operator.includes(unknown)) return undefined;
    if (first === "-z") return operator === "";
    return first === "-n" ? operator !== "" : undefined;
  }
  if (words.length === 1) return first.includes(unknown) ? undefined : first !== "";
  if (words.length !== 3 || first.includes(unknown) || second.includes(unknown)) return undefined;
  switch (operator) {
    case "=":
    case "==":
      return globs ? globMatches(second, first) : first === second;
    case "!=":
      return globs ? !globMatches(second, first) : first !== second;
    case "=~":
      return second.split("|").some((part) => contains(first, part));
    case "-eq":
    case "-ne":
      return /^\d+$/.test(first) && /^\d+$/.test(second)
        ? (Number(first) === Number(second)) === (operator === "-eq")
        : undefined;
    default:
      return undefined;
  }
}
