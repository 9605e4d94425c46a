import { AnyarchError } from "../errors/error.ts";

/** Values of ARG and ENV by name. */
export type Variables = ReadonlyMap<string, string>;

/** Depth of `${A:-${B:-…}}`; deeper ones are taken as empty, so that no input exhausts the stack. */
const deepest = 50;

/**
 * Expands `$VAR`, `${VAR}` and its modifiers (`:-` `-` `:+` `+` `:?` `?` `#` `##` `%` `%%` `/` `//`) as BuildKit's
 * shell/lex.go does for everything but RUN: one word, quotes removed, unset variables empty. Throws
 * DOCKERFILE_INVALID where `${` has no end or `:?` finds nothing.
 */
export function expandWord(word: string, variables: Variables, escape = "\\"): string {
  return new Expansion(word, variables, escape).all();
}

class Expansion {
  #at = 0;
  readonly #text: string;
  readonly #variables: Variables;
  readonly #escape: string;

  constructor(text: string, variables: Variables, escape: string) {
    this.#text = text;
    this.#variables = variables;
    this.#escape = escape;
  }

  all(): string {
    return this.#until("", 0);
  }

  /** Up to `stop` at this level, which is consumed, or to the end where `stop` is empty. */
  #until(stop: string, depth: number): string {
    let out = "";
    while (this.#at < this.#text.length) {
      const char = this.#text[this.#at] ?? "";
      if (char === stop) {
        this.#at++;
        return out;
      }
      if (char === "'" && stop !== '"') out += this.#single();
      else if (char === '"' && stop !== '"') {
        this.#at++;
        out += this.#until('"', depth + 1);
      } else if (char === "$") out += this.#dollar(depth);
      else if (char === this.#escape) {
        const next = this.#text[this.#at + 1] ?? "";
        if (stop === '"' && next !== '"' && next !== "$" && next !== this.#escape) out += char;
        out += this.#text[this.#at + 1] ?? "";
        this.#at += 2;
      } else {
        out += char;
        this.#at++;
      }
    }
    if (stop !== "") throw invalid(this.#text, stop === '"' ? "a quote has no end" : "${ has no }");
    return out;
  }

  #single(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) throw invalid(this.#text, "a quote has no end");
    const inner = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return inner;
  }

  #dollar(depth: number): string {
    this.#at++;
    if (this.#text[this.#at] === "{") {
      this.#at++;
      if (depth > deepest) throw invalid(this.#text, "it is nested too deeply");
      return this.#braced(depth);
    }
    const name = this.#name();
    return name === "" ? "$" : (this.#variables.get(name) ?? "");
  }

  #name(): string {
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])/.exec(this.#text.slice(this.#at))?.[0] ?? "";
    this.#at += name.length;
    return name;
  }

  #braced(depth: number): string {
    const name = this.#name();
    if (name === "") throw invalid(this.#text, "${ has no name");
    const value = this.#variables.get(name);
    const operator = /^(?:\}|:?[-+?]|##?|%%?|\/\/?)/.exec(this.#text.slice(this.#at, this.#at + 2))?.[0];
    if (operator === undefined) throw invalid(this.#text, `\${${name} is followed by what isn't known`);
    this.#at += operator.length;
    if (operator === "}") return value ?? "";
    if (operator === "/" || operator === "//") return this.#replaced(value ?? "", operator, depth);
    const word = this.#until("}", depth + 1);
    const set = operator.startsWith(":") ? value !== undefined && value !== "" : value !== undefined;
    switch (operator.at(-1)) {
      case "-":
        return set ? (value ?? "") : word;
      case "+":
        return set ? word : "";
      case "?":
        if (!set) throw invalid(this.#text, `${name} is not set${word === "" ? "" : `: ${word}`}`);
        return value ?? "";
      default:
        return trimmed(value ?? "", operator, word);
    }
  }

  #replaced(value: string, operator: string, depth: number): string {
    const pattern = this.#until("/", depth + 1);
    const replacement = this.#until("}", depth + 1);
    if (pattern === "" || /[*?]/.test(pattern)) return value;
    return operator === "//"
      ? value.replaceAll(pattern, () => replacement)
      : value.replace(pattern, () => replacement);
  }
}

/** `${VAR#pattern}` and its kin; `*` and `?` match as in a shell. */
function trimmed(value: string, operator: string, pattern: string): string {
  const prefix = operator.startsWith("#");
  const longest = operator.length === 2;
  const sizes = Array.from({ length: value.length + 1 }, (_, size) => size);
  for (const size of longest ? sizes.reverse() : sizes) {
    const part = prefix ? value.slice(0, size) : value.slice(value.length - size);
    if (globMatches(pattern, part)) return prefix ? value.slice(size) : value.slice(0, value.length - size);
  }
  return value;
}

/** Glob with `*` and `?`, in time proportional to both lengths' product at worst. */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (pattern[p] === "*") {
      star = p++;
      mark = t;
    } else if (p < pattern.length && (pattern[p] === "?" || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

function invalid(word: string, why: string): AnyarchError {
  return new AnyarchError("DOCKERFILE_INVALID", `"${word}" can't be expanded: ${why}.`, {
    details: { word },
  });
}
