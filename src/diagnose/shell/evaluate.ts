import { globMatches } from "../../dockerfile/expand.ts";
import { architectureOutput, printed } from "./known-output.ts";
import { filtered, grepFinds, testResult } from "./filters.ts";
import type { Machine } from "./machine.ts";
import { parseShell } from "./parse.ts";
import type { Case, If, List, Loop, Node, Pipeline, SimpleCommand, Word } from "./syntax.ts";
import { isKnown, unknown } from "./unknown.ts";
import { expandParts, type Variables } from "./variables.ts";

/** A choice that was made on the way to a command. */
export interface Branch {
  readonly kind: "case" | "if";
  /** Offset of the whole construct and of the branch taken. */
  readonly at: number;
  readonly branchAt: number;
  /** True for `*)` and `else`: nothing before it fitted. */
  readonly fallback: boolean;
  /** Literals that the branch was chosen by: the patterns, or the words compared. */
  readonly literals: readonly string[];
}

/** One command as it would be run. */
export interface Executed {
  readonly command: SimpleCommand;
  /** Words expanded; wrappers such as sudo and env are still there. */
  readonly argv: readonly string[];
  /** Variables as the command sees them, its own assignments included. */
  readonly variables: Variables;
  /** True where it depends on what isn't known. */
  readonly maybe: boolean;
  readonly branches: readonly Branch[];
  /** Text of here-documents and here-strings, or what is piped in. */
  readonly input: string;
  /** Files that output is redirected to. */
  readonly outputs: readonly string[];
  /** Within `$( … )` or a condition: its success isn't the script's. */
  readonly inner: boolean;
  /** It only hands a script on (`sh -c '…'`), which is followed. */
  readonly wrapper: boolean;
  /** Offset in the outermost script. */
  readonly at: number;
}

/** The script ends early, with failure. */
export interface Stop {
  readonly at: number;
  readonly branches: readonly Branch[];
}

/** A `case` of which no branch fitted. */
export interface Unmatched {
  readonly node: Case;
  readonly at: number;
  readonly subject: string;
}

export interface Trace {
  readonly commands: readonly Executed[];
  readonly stop?: Stop;
  readonly unmatched: readonly Unmatched[];
  readonly variables: Variables;
}

type Status = boolean | undefined;

/** Commands evaluated per script; what goes beyond is left out, so that no input takes long. */
const mostSteps = 3000;
const deepestCalls = 8;

/**
 * Runs a script in thought on one machine: variables, conditions and `case` are followed, nothing is executed.
 * Conditions on `overridable` variables count as not known.
 */
export function evaluateShell(
  script: List,
  variables: Variables,
  machine: Machine,
  overridable: ReadonlySet<string> = new Set(),
): Trace {
  const evaluation = new Evaluation(variables, machine, overridable);
  evaluation.list(script);
  return evaluation.trace();
}

class Evaluation {
  #variables: Variables;
  readonly #machine: Machine;
  readonly #overridable: ReadonlySet<string>;
  readonly #commands: Executed[] = [];
  readonly #unmatched: Unmatched[] = [];
  readonly #functions = new Map<string, Node>();
  #branches: readonly Branch[] = [];
  #stop: Stop | undefined;
  #maybe = 0;
  #inner = 0;
  #calls = 0;
  #steps = 0;
  #out = "";
  #input: string = "";
  #base: number | undefined;

  constructor(variables: Variables, machine: Machine, overridable: ReadonlySet<string>) {
    this.#overridable = overridable;
    this.#variables = variables;
    this.#machine = machine;
  }

  trace(): Trace {
    return {
      commands: this.#commands,
      ...(this.#stop && { stop: this.#stop }),
      unmatched: this.#unmatched,
      variables: this.#variables,
    };
  }

  list(list: List): Status {
    let status: Status = true;
    let previous: Node | undefined;
    for (const { node, operator } of list.items) {
      if (this.#stop !== undefined || this.#steps > mostSteps) return false;
      if (operator === "&&" && status === false) continue;
      if (operator === "||" && status === true) continue;
      // After `command &&` one takes it that the command works; after `command ||`, that it usually does.
      const unsure: boolean =
        status === undefined && (operator === "||" || (operator === "&&" && isTest(previous)));
      previous = node;
      const before = status;
      status = unsure ? this.#doubtfully(() => this.#node(node)) : this.#node(node);
      if (unsure) status = undefined;
      else if (operator === "&&" && before === undefined && status === true) status = undefined;
    }
    return status;
  }

  #doubtfully(run: () => Status): Status {
    const before = this.#variables;
    this.#maybe++;
    const status = run();
    this.#maybe--;
    this.#variables = merged(before, this.#variables);
    return status;
  }

  #node(node: Node): Status {
    this.#steps++;
    switch (node.kind) {
      case "simple":
        return this.#simple(node);
      case "pipeline":
        return this.#pipeline(node);
      case "list":
        return this.list(node);
      case "group":
        return this.list(node.body);
      case "if":
        return this.#if(node);
      case "case":
        return this.#case(node);
      case "loop":
        return this.#loop(node);
      default:
        this.#functions.set(node.name, node.body);
        return true;
    }
  }

  #pipeline(node: Pipeline): Status {
    const [outer, input] = [this.#out, this.#input];
    let status: Status;
    for (const [index, command] of node.commands.entries()) {
      if (index > 0) this.#input = this.#out;
      if (index < node.commands.length - 1) this.#out = "";
      else this.#out = outer;
      status = this.#node(command);
    }
    this.#input = input;
    return node.negated && status !== undefined ? !status : status;
  }

  /** A condition: what fails there doesn't end the script. */
  #condition(list: List): Status {
    this.#inner++;
    const status = this.list(list);
    this.#inner--;
    return status;
  }

  #within(branch: Branch, body: List): Status {
    const before = this.#branches;
    this.#branches = [...before, branch];
    const status = this.list(body);
    this.#branches = before;
    return status;
  }

  #if(node: If): Status {
    const literals: string[] = [];
    for (const [index, { at, condition, body }] of node.branches.entries()) {
      const status = this.#condition(condition);
      literals.push(...literalsOf(condition));
      const branch: Branch = {
        kind: "if",
        at: this.#at(node.at),
        branchAt: this.#at(at),
        fallback: false,
        literals: literalsOf(condition),
      };
      if (status === true) return this.#within(branch, body);
      if (status === undefined) {
        const rest: If = { ...node, branches: node.branches.slice(index + 1) };
        return this.#either(branch, body, rest);
      }
    }
    if (node.otherwise === undefined) return true;
    const { at, body } = node.otherwise;
    return this.#within(
      { kind: "if", at: this.#at(node.at), branchAt: this.#at(at), fallback: true, literals },
      body,
    );
  }

  /** Both ways, since the condition isn't known. */
  #either(branch: Branch, body: List, rest: If): Status {
    const before = this.#variables;
    this.#maybe++;
    this.#within(branch, body);
    const after = this.#variables;
    this.#variables = before;
    if (rest.branches.length > 0 || rest.otherwise !== undefined) this.#if(rest);
    this.#maybe--;
    this.#variables = merged(after, this.#variables);
    return undefined;
  }

  #case(node: Case): Status {
    const subject = this.#expand(node.subject);
    const known = isKnown(subject) && !this.#isOverridable(node.subject);
    const before = this.#variables;
    let after: Variables | undefined;
    const literals: string[] = [];
    for (const { at, patterns, body } of node.items) {
      const texts = patterns.map((pattern) => this.#expand(pattern));
      const fits = texts.some((text) => globMatches(text, subject));
      const fallback = texts.includes("*");
      if (!fallback) literals.push(...texts);
      const branch: Branch = {
        kind: "case",
        at: this.#at(node.at),
        branchAt: this.#at(at),
        fallback,
        literals: fallback ? literals : texts,
      };
      if (known) {
        if (fits) return this.#within(branch, body);
        continue;
      }
      this.#maybe++;
      this.#variables = before;
      this.#within(branch, body);
      this.#maybe--;
      after = after === undefined ? this.#variables : merged(after, this.#variables);
    }
    if (known) this.#unmatched.push({ node, at: this.#at(node.at), subject });
    else if (after !== undefined) this.#variables = after;
    return known ? true : undefined;
  }

  #loop(node: Loop): Status {
    if (node.condition !== undefined) {
      this.#condition(node.condition);
      return this.#doubtfully(() => this.list(node.body));
    }
    const values = (node.words ?? []).flatMap((word) => this.#fields(word));
    for (const value of values.slice(0, 30)) {
      this.#set(node.name ?? "", value);
      this.list(node.body);
    }
    return true;
  }

  #simple(command: SimpleCommand): Status {
    const outer = this.#variables;
    for (const { name, value } of command.assignments) this.#set(name, this.#expand(value));
    const argv = command.words.flatMap((word) => this.#fields(word));
    const input = command.redirects.flatMap(({ operator, target, body }) => {
      if (body !== undefined) return [this.#expand(body)];
      const text = this.#expand(target);
      return operator.endsWith("<<<") ? [text] : [];
    });
    const outputs = command.redirects
      .filter(({ operator }) => /^[1&]?>>?\|?$/.test(operator))
      .map(({ target }) => this.#expand(target));
    if (argv.length === 0) return undefinedUnless(command.assignments.length > 0);
    const status = this.#run({
      command,
      argv,
      variables: this.#variables,
      maybe: this.#maybe > 0,
      branches: this.#branches,
      input: input.length > 0 ? input.join("\n") : this.#input,
      outputs,
      inner: this.#inner > 0,
      wrapper: this.#calls < deepestCalls && innerScript(argv) !== undefined,
      at: this.#at(command.at),
    });
    const lasting = ["export", "readonly", "local", "declare", "typeset", "set", "eval", "."].includes(
      argv[0] ?? "",
    );
    if (command.assignments.length > 0 && !lasting) this.#variables = outer;
    return status;
  }

  #run(executed: Executed): Status {
    this.#commands.push(executed);
    const { argv, input } = executed;
    const name = argv[0] ?? "";
    switch (name) {
      case "true":
      case ":":
        return true;
      case "false":
        if (this.#inner === 0) this.#end(executed);
        return false;
      case "exit":
      case "return":
        if ((argv[1] ?? "0") !== "0") this.#end(executed);
        return argv[1] === undefined || argv[1] === "0";
      case "[":
      case "test":
      case "[[":
        if (executed.command.words.some((word) => this.#isOverridable(word))) return undefined;
        return testResult(argv.slice(1, name === "test" ? undefined : -1), name === "[[");
      case "echo":
      case "printf":
        if (executed.outputs.length === 0) this.#out += printed(argv);
        return true;
      case "export":
      case "readonly":
      case "local":
      case "declare":
      case "typeset":
        for (const word of argv.slice(1)) {
          const equals = word.indexOf("=");
          if (equals > 0) this.#set(word.slice(0, equals), word.slice(equals + 1));
        }
        return true;
      case "grep":
      case "egrep":
        if (!argv.some((word) => /^-\w*q/.test(word))) this.#out += unknown;
        return grepFinds(argv, input);
      case "cat":
        this.#out += argv.length === 1 && input !== "" ? input : unknown;
        return undefined;
      default:
        return this.#other(executed);
    }
  }

  #other(executed: Executed): Status {
    const { argv, input } = executed;
    const body = this.#functions.get(argv[0] ?? "");
    if (body !== undefined && this.#calls < deepestCalls) return this.#call(body, argv.slice(1));
    const script = innerScript(argv);
    if (script !== undefined && this.#calls < deepestCalls) return this.#script(script, executed);
    const answer = architectureOutput(argv, this.#machine) ?? this.#goArchitecture(argv);
    if (answer !== undefined) {
      this.#out += answer;
      return true;
    }
    this.#out += input === "" ? unknown : filtered(argv, input);
    return undefined;
  }

  /** `go env GOARCH`: what is set, else the machine's own. */
  #goArchitecture(argv: readonly string[]): string | undefined {
    if (argv.join(" ") !== "go env GOARCH") return undefined;
    return this.#variables.get("GOARCH") ?? this.#machine.docker;
  }

  #call(body: Node, args: readonly string[]): Status {
    const outer = this.#variables;
    for (const [index, value] of args.entries()) this.#set(String(index + 1), value);
    this.#calls++;
    const status = this.#node(body);
    this.#calls--;
    const inside = new Map(this.#variables);
    for (const name of ["1", "2", "3", "4", "5", "6", "7", "8", "9"]) {
      const before = outer.get(name);
      if (before === undefined) inside.delete(name);
      else inside.set(name, before);
    }
    this.#variables = inside;
    return status;
  }

  /** A script that a command hands to a shell; its offsets are those of the word, but for escapes. */
  #script(text: string, { command, at }: Executed): Status {
    const base = this.#base;
    const word =
      command.words.find(({ raw }) => raw.length >= text.length && /[\s;]/.test(raw)) ?? command.words.at(-1);
    this.#base = at + (word === undefined ? 0 : word.at - command.at + 1);
    this.#calls++;
    const status = this.list(parseShell(text));
    this.#calls--;
    this.#base = base;
    return status;
  }

  #end({ at }: Executed): void {
    // What may or may not be reached can't be held against the script.
    if (this.#maybe === 0) this.#stop = { at, branches: this.#branches };
  }

  /** In the outermost script. */
  #at(offset: number): number {
    return this.#base === undefined ? offset : this.#base + offset;
  }

  #set(name: string, value: string): void {
    this.#variables = new Map(this.#variables).set(name, value.slice(0, 20_000));
  }

  #isOverridable({ parts }: Word): boolean {
    return parts.some((part) => part.kind === "variable" && this.#overridable.has(part.name));
  }

  #expand(word: Word): string {
    return expandParts(word, this.#variables, (script) => this.#output(script)).text;
  }

  /** A word as a command gets it: split at white space that came out of unquoted substitutions. */
  #fields(word: Word): readonly string[] {
    const { text, split } = expandParts(word, this.#variables, (script) => this.#output(script));
    if (!split) return [text];
    return text.split(/\s+/).filter(Boolean);
  }

  #output(script: List): string {
    const [out, input, stop] = [this.#out, this.#input, this.#stop];
    this.#out = "";
    this.#input = "";
    this.#inner++;
    this.list(script);
    this.#inner--;
    const output = this.#out.replace(/\n+$/, "");
    this.#out = out;
    this.#input = input;
    // `exit` in a substitution ends only that one.
    this.#stop = stop;
    return output;
  }
}

function isTest(node: Node | undefined): boolean {
  const last = node?.kind === "pipeline" ? node.commands.at(-1) : node;
  return (
    last?.kind === "simple" && /^(?:\[|\[\[|test|grep|egrep|command|which)$/.test(last.words[0]?.raw ?? "")
  );
}

function undefinedUnless(condition: boolean): Status {
  return condition ? true : undefined;
}

/** What is the same in both stays known. */
function merged(a: Variables, b: Variables): Variables {
  if (a === b) return a;
  const result = new Map<string, string>();
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const value = a.get(name);
    result.set(name, value !== undefined && value === b.get(name) ? value : unknown);
  }
  return result;
}

/** The script of `sh -c '…'`, of `eval` and of commands that hand one on. */
function innerScript(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((word) =>
    /^(?:\/bin\/|\/usr\/bin\/)?(?:(?:ba|da|a|z)?sh|su|runuser)$/.test(word),
  );
  if (argv[0] === "eval") return argv.slice(1).join(" ");
  if (at < 0 || at > 4) return undefined;
  const flag = argv.findIndex((word, index) => index > at && /^(?:-[a-z]*c|--command)$/.test(word));
  return flag < 0 ? undefined : argv[flag + 1];
}

/** Plain words that a condition compares with. */
function literalsOf(condition: List): string[] {
  const literals: string[] = [];
  for (const { node } of condition.items) {
    const commands = node.kind === "pipeline" ? node.commands : [node];
    for (const command of commands) {
      if (command.kind !== "simple") continue;
      for (const { parts } of command.words.slice(1)) {
        const text = parts.map((part) => (part.kind === "text" ? part.text : unknown)).join("");
        if (isKnown(text)) literals.push(text);
      }
    }
  }
  return literals;
}
