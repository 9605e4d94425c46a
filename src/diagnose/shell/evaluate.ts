import { ControlFlow, type Status } from "./control-flow.ts";
import { filtered, grepFinds, testResult } from "./filters.ts";
import { architectureOutput, goAssignments, pathTest, printed } from "./known-output.ts";
import type { Machine } from "./machine.ts";
import { parseShell } from "./parse.ts";
import { innerScript } from "./script-words.ts";
import type { List, Node, SimpleCommand, Word } from "./syntax.ts";
import type { Executed, Stop, Trace } from "./trace.ts";
import { unknown } from "./unknown.ts";
import { expandParts, type Variables } from "./variables.ts";

/** Commands that assignments before them outlive. */
const lasting = new Set(["export", "readonly", "local", "declare", "typeset", "set", "eval", "."]);

const noRedirects = { input: [], outputs: [] } as const;

/** Calls of functions and inner scripts within each other. */
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

class Evaluation extends ControlFlow {
  readonly #machine: Machine;
  readonly #overridable: ReadonlySet<string>;
  readonly #commands: Executed[] = [];
  #calls = 0;
  #base: number | undefined;
  #innerStop: Stop | undefined;

  constructor(variables: Variables, machine: Machine, overridable: ReadonlySet<string>) {
    super(variables);
    this.#overridable = overridable;
    this.#machine = machine;
  }

  trace(): Trace {
    return {
      commands: this.#commands,
      ...(this.stop && { stop: this.stop }),
      ...(this.#innerStop && { innerStop: this.#innerStop }),
      unmatched: this.unmatched,
      variables: this.variables,
    };
  }

  protected override simple(command: SimpleCommand): Status {
    const outer = this.variables;
    for (const { name, value } of command.assignments) this.set(name, this.expand(value));
    const argv: string[] = [];
    for (const word of command.words) argv.push(...this.fields(word));
    const { input, outputs } = command.redirects.length === 0 ? noRedirects : this.#redirected(command);
    if (argv.length === 0) return command.assignments.length > 0 ? true : undefined;
    const status = this.#run({
      command,
      argv,
      variables: this.variables,
      maybe: this.maybe > 0,
      branches: this.branches,
      input: input.length > 0 ? input.join("\n") : this.input,
      outputs,
      inner: this.inner > 0,
      tolerated: this.tolerated > 0,
      wrapper: this.#calls < deepestCalls && innerScript(argv) !== undefined,
      at: this.at(command.at),
    });
    if (command.assignments.length > 0 && !lasting.has(argv[0] ?? "")) this.variables = outer;
    return status;
  }

  #redirected({ redirects }: SimpleCommand): { input: readonly string[]; outputs: readonly string[] } {
    const input = redirects.flatMap(({ operator, target, body }) => {
      if (body !== undefined) return [this.expand(body)];
      const text = this.expand(target);
      return operator.endsWith("<<<") ? [text] : [];
    });
    const outputs = redirects
      .filter(({ operator }) => /^[1&]?>>?\|?$/.test(operator))
      .map(({ target }) => this.expand(target));
    return { input, outputs };
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
        if (this.inner === 0) this.#end(executed);
        return false;
      case "exit":
      case "return":
        if ((argv[1] ?? "0") !== "0") this.#end(executed);
        return argv[1] === undefined || argv[1] === "0";
      case "[":
      case "test":
      case "[[":
        if (executed.command.words.some((word) => this.isOverridable(word))) return undefined;
        return this.#test(argv.slice(1, name === "test" ? undefined : -1), name === "[[");
      case "echo":
      case "printf":
        if (executed.outputs.length === 0) this.out += printed(argv);
        return true;
      case "export":
      case "readonly":
      case "local":
      case "declare":
      case "typeset":
        for (const word of argv.slice(1)) {
          const equals = word.indexOf("=");
          if (equals > 0) this.set(word.slice(0, equals), word.slice(equals + 1));
        }
        return true;
      case "go":
        for (const [key, value] of goAssignments(argv)) this.set(key, value);
        return this.#other(executed);
      case "grep":
      case "egrep":
        if (!argv.some((word) => /^-\w*q/.test(word))) this.out += unknown;
        return grepFinds(argv, input);
      case "cat":
        this.out += argv.length === 1 && input !== "" ? input : unknown;
        return undefined;
      default:
        return this.#other(executed);
    }
  }

  #test(words: readonly string[], globs: boolean): Status {
    return pathTest(words, this.#machine) ?? testResult(words, globs);
  }

  #other(executed: Executed): Status {
    const { argv, input } = executed;
    const body = this.functions.get(argv[0] ?? "");
    if (body !== undefined && this.#calls < deepestCalls) return this.#call(body, argv.slice(1));
    const script = innerScript(argv);
    if (script !== undefined && this.#calls < deepestCalls) return this.#script(script, executed);
    const answer = architectureOutput(argv, this.#machine) ?? this.#goArchitecture(argv);
    if (answer !== undefined) {
      this.out += answer;
      return true;
    }
    this.out += input === "" ? unknown : filtered(argv, input);
    return undefined;
  }

  /** `go env GOARCH`: what is set, else the machine's own. */
  #goArchitecture(argv: readonly string[]): string | undefined {
    if (argv.join(" ") !== "go env GOARCH") return undefined;
    return this.variables.get("GOARCH") ?? this.#machine.docker;
  }

  #call(body: Node, args: readonly string[]): Status {
    const outer = this.variables;
    for (const [index, value] of args.entries()) this.set(String(index + 1), value);
    this.#calls++;
    const status = this.node(body);
    this.#calls--;
    const inside = new Map(this.variables);
    for (const name of ["1", "2", "3", "4", "5", "6", "7", "8", "9"]) {
      const before = outer.get(name);
      if (before === undefined) inside.delete(name);
      else inside.set(name, before);
    }
    this.variables = inside;
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
    if (this.maybe === 0) this.stop = { at, branches: this.branches };
  }

  /** In the outermost script. */
  protected override at(offset: number): number {
    return this.#base === undefined ? offset : this.#base + offset;
  }

  protected override set(name: string, value: string): void {
    this.variables = new Map(this.variables).set(name, value.slice(0, 20_000));
  }

  protected override isOverridable({ parts }: Word): boolean {
    return parts.some((part) => part.kind === "variable" && this.#overridable.has(part.name));
  }

  protected override expand(word: Word): string {
    return expandParts(word, this.variables, (script) => this.#output(script)).text;
  }

  /** A word as a command gets it: split at white space that came out of unquoted substitutions. */
  protected override fields(word: Word): readonly string[] {
    const { text, split } = expandParts(word, this.variables, (script) => this.#output(script));
    if (!split) return [text];
    return text.split(/\s+/).filter(Boolean);
  }

  #output(script: List): string {
    const [out, input, stop] = [this.out, this.input, this.stop];
    this.out = "";
    this.input = "";
    this.inner++;
    this.list(script);
    this.inner--;
    const output = this.out.replace(/\n+$/, "");
    this.out = out;
    this.input = input;
    // `exit` in a substitution ends only that one.
    if (this.inner === 0 && stop === undefined) this.#innerStop ??= this.stop;
    this.stop = stop;
    return output;
  }
}
