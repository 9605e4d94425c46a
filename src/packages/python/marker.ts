import { AnyarchError } from "../../errors/error.ts";
import { normalizeName } from "./name.ts";
import { matchesSpecifier, parseSpecifier } from "./specifier.ts";

/** What markers are evaluated against: the target's values, never the host's. */
export interface MarkerEnvironment {
  /** The variables of PEP 508 but `extra`: "python_version" → "3.11". */
  readonly variables: Readonly<Record<string, string>>;
  /** Normalised names of the extras asked for: `extra` (PEP 508) and `extras` (PEP 751). */
  readonly extras: ReadonlySet<string>;
  /** Normalised names: `dependency_groups` (PEP 751). */
  readonly groups: ReadonlySet<string>;
}

export type Marker =
  | { readonly kind: "and" | "or"; readonly operands: readonly Marker[] }
  | { readonly kind: "compare"; readonly left: Operand; readonly operator: string; readonly right: Operand };

interface Operand {
  readonly variable: boolean;
  readonly text: string;
}

const variables: ReadonlySet<string> = new Set([
  "python_version",
  "python_full_version",
  "os_name",
  "sys_platform",
  "platform_release",
  "platform_system",
  "platform_version",
  "platform_machine",
  "platform_python_implementation",
  "implementation_name",
  "implementation_version",
  "extra",
  "extras",
  "dependency_groups",
]);

/** Spellings from before PEP 508 that packages on the index still use. */
const legacyVariables: Readonly<Record<string, string>> = {
  "os.name": "os_name",
  "sys.platform": "sys_platform",
  "platform.version": "platform_version",
  "platform.machine": "platform_machine",
  "platform.python_implementation": "platform_python_implementation",
  python_implementation: "platform_python_implementation",
};

const tokenPattern = /\s*(?:(\(|\))|(===|~=|==|!=|<=|>=|<|>)|("[^"]*"|'[^']*')|([A-Za-z_][A-Za-z0-9_.]*))/y;

interface Token {
  readonly kind: "paren" | "operator" | "string" | "word";
  readonly text: string;
}

class MarkerParser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = this.#tokenize();
  }

  parse(): Marker {
    const marker = this.#or();
    if (this.#position < this.#tokens.length) throw this.#malformed();
    return marker;
  }

  #tokenize(): Token[] {
    const tokens: Token[] = [];
    const source = this.#text.trimEnd();
    tokenPattern.lastIndex = 0;
    while (tokenPattern.lastIndex < source.length) {
      const match = tokenPattern.exec(source);
      if (match === null) throw this.#malformed();
      const [, paren, operator, string, word] = match;
      if (paren !== undefined) tokens.push({ kind: "paren", text: paren });
      else if (operator !== undefined) tokens.push({ kind: "operator", text: operator });
      else if (string !== undefined) tokens.push({ kind: "string", text: string.slice(1, -1) });
      else tokens.push({ kind: "word", text: word ?? "" });
    }
    return tokens;
  }

  #malformed(): AnyarchError {
    return new AnyarchError("INPUT_INVALID", `"${this.#text.trim()}" is not an environment marker.`, {
      hint: "Markers look like: python_version < '3.12' and platform_machine == 'aarch64'.",
    });
  }

  #take(kind: Token["kind"], text?: string): Token | undefined {
    const token = this.#tokens[this.#position];
    if (token?.kind !== kind || (text !== undefined && token.text !== text)) return undefined;
    this.#position++;
    return token;
  }

  #or(): Marker {
    const operands = [this.#and()];
    while (this.#take("word", "or")) operands.push(this.#and());
    return operands.length === 1 && operands[0] ? operands[0] : { kind: "or", operands };
  }

  #and(): Marker {
    const operands = [this.#atom()];
    while (this.#take("word", "and")) operands.push(this.#atom());
    return operands.length === 1 && operands[0] ? operands[0] : { kind: "and", operands };
  }

  #atom(): Marker {
    if (this.#take("paren", "(")) {
      const inner = this.#or();
      if (!this.#take("paren", ")")) throw this.#malformed();
      return inner;
    }
    const left = this.#operand();
    const operator = this.#operator();
    return { kind: "compare", left, operator, right: this.#operand() };
  }

  #operator(): string {
    const symbol = this.#take("operator");
    if (symbol !== undefined) return symbol.text;
    if (this.#take("word", "in")) return "in";
    if (this.#take("word", "not") && this.#take("word", "in")) return "not in";
    throw this.#malformed();
  }

  #operand(): Operand {
    const string = this.#take("string");
    if (string !== undefined) return { variable: false, text: string.text };
    const word = this.#take("word");
    const name = word === undefined ? "" : (legacyVariables[word.text] ?? word.text);
    if (!variables.has(name)) throw this.#malformed();
    return { variable: true, text: name };
  }
}

const parsed = new Map<string, Marker>();

/** Parses a marker (PEP 508, with the additions of PEP 751). Throws INPUT_INVALID. */
export function parseMarker(text: string): Marker {
  let marker = parsed.get(text);
  if (marker === undefined) {
    marker = new MarkerParser(text).parse();
    parsed.set(text, marker);
  }
  return marker;
}

/** Whether the marker holds in `environment`. */
export function evaluateMarker(marker: Marker | string, environment: MarkerEnvironment): boolean {
  const tree = typeof marker === "string" ? parseMarker(marker) : marker;
  switch (tree.kind) {
    case "and":
      return tree.operands.every((operand) => evaluateMarker(operand, environment));
    case "or":
      return tree.operands.some((operand) => evaluateMarker(operand, environment));
    case "compare":
      return compare(tree, environment);
  }
}

function compare(
  { left, operator, right }: Extract<Marker, { kind: "compare" }>,
  environment: MarkerEnvironment,
): boolean {
  const set = [left, right].find(({ variable, text }) => variable && collections.has(text));
  if (set !== undefined) {
    const member = normalizeName((set === left ? right : left).text);
    const holds = (set.text === "dependency_groups" ? environment.groups : environment.extras).has(member);
    return operator === "==" || operator === "in" ? holds : !holds;
  }
  const value = (operand: Operand): string =>
    operand.variable ? (environment.variables[operand.text] ?? "") : operand.text;
  return compareValues(value(left), operator, value(right));
}

const collections: ReadonlySet<string> = new Set(["extra", "extras", "dependency_groups"]);

/** Version comparison where the right side makes a specifier, else that of text (PEP 508). */
function compareValues(left: string, operator: string, right: string): boolean {
  if (operator === "in") return right.includes(left);
  if (operator === "not in") return !right.includes(left);
  const specifier = parseSpecifier(operator + right);
  if (specifier !== undefined && specifier.operator !== "===") return matchesSpecifier(specifier, left);
  switch (operator) {
    case "==":
    case "===":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    default:
      return false;
  }
}
