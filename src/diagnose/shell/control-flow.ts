import { globMatches } from "../../dockerfile/expand.ts";
import { failureIsTaken, isTest, literalsOf, merged } from "./script-words.ts";
import type { Case, If, List, Loop, Node, Pipeline, SimpleCommand, Word } from "./syntax.ts";
import type { Branch, Stop, Unmatched } from "./trace.ts";
import { isKnown } from "./unknown.ts";
import type { Variables } from "./variables.ts";

/** Exit status: true for success, undefined where it isn't known. */
export type Status = boolean | undefined;

/** Commands evaluated per script; what goes beyond is left out, so that no input takes long. */
const mostSteps = 3000;

/** The part of the evaluation that decides which commands are run: lists, pipelines, conditions and loops. */
export abstract class ControlFlow {
  protected variables: Variables;
  protected readonly functions = new Map<string, Node>();
  protected readonly unmatched: Unmatched[] = [];
  protected branches: readonly Branch[] = [];
  protected stop: Stop | undefined;
  /** Greater than 0 where it isn't known whether what follows is run. */
  protected maybe = 0;
  /** Greater than 0 within conditions and substitutions. */
  protected inner = 0;
  /** Greater than 0 where a failure is taken. */
  protected tolerated = 0;
  /** What was printed, and what is piped in. */
  protected out = "";
  protected input = "";
  private steps = 0;

  constructor(variables: Variables) {
    this.variables = variables;
  }

  protected abstract simple(command: SimpleCommand): Status;
  protected abstract expand(word: Word): string;
  protected abstract fields(word: Word): readonly string[];
  protected abstract isOverridable(word: Word): boolean;
  protected abstract set(name: string, value: string): void;
  /** An offset in the outermost script. */
  protected abstract at(offset: number): number;

  list(list: List): Status {
    let status: Status = true;
    let previous: Node | undefined;
    for (const [index, { node, operator }] of list.items.entries()) {
      if (this.stop !== undefined || this.steps > mostSteps) return false;
      if (operator === "&&" && status === false) continue;
      if (operator === "||" && status === true) continue;
      // After `command &&` one takes it that the command works; after `command ||`, that it usually does.
      const unsure: boolean =
        status === undefined && (operator === "||" || (operator === "&&" && isTest(previous)));
      previous = node;
      const before = status;
      const taken = failureIsTaken(list, index) ? 1 : 0;
      this.tolerated += taken;
      status = unsure ? this.doubtfully(() => this.node(node)) : this.node(node);
      this.tolerated -= taken;
      if (unsure) status = undefined;
      else if (operator === "&&" && before === undefined && status === true) status = undefined;
    }
    return status;
  }

  protected doubtfully(run: () => Status): Status {
    const before = this.variables;
    this.maybe++;
    const status = run();
    this.maybe--;
    this.variables = merged(before, this.variables);
    return status;
  }

  protected node(node: Node): Status {
    this.steps++;
    switch (node.kind) {
      case "simple":
        return this.simple(node);
      case "pipeline":
        return this.pipeline(node);
      case "list":
        return this.list(node);
      case "group":
        return this.list(node.body);
      case "if":
        return this.if(node);
      case "case":
        return this.case(node);
      case "loop":
        return this.loop(node);
      default:
        this.functions.set(node.name, node.body);
        return true;
    }
  }

  protected pipeline(node: Pipeline): Status {
    const [outer, input] = [this.out, this.input];
    let status: Status;
    for (const [index, command] of node.commands.entries()) {
      if (index > 0) this.input = this.out;
      if (index < node.commands.length - 1) this.out = "";
      else this.out = outer;
      status = this.node(command);
    }
    this.input = input;
    return node.negated && status !== undefined ? !status : status;
  }

  /** A condition: what fails there doesn't end the script. */
  protected condition(list: List): Status {
    this.inner++;
    const status = this.list(list);
    this.inner--;
    return status;
  }

  protected within(branch: Branch, body: List): Status {
    const before = this.branches;
    this.branches = [...before, branch];
    const status = this.list(body);
    this.branches = before;
    return status;
  }

  protected if(node: If): Status {
    const literals: string[] = [];
    for (const [index, { at, condition, body }] of node.branches.entries()) {
      const status = this.condition(condition);
      literals.push(...literalsOf(condition));
      const branch: Branch = {
        kind: "if",
        at: this.at(node.at),
        branchAt: this.at(at),
        fallback: false,
        literals: literalsOf(condition),
      };
      if (status === true) return this.within(branch, body);
      if (status === undefined) {
        const rest: If = { ...node, branches: node.branches.slice(index + 1) };
        return this.either(branch, body, rest);
      }
    }
    if (node.otherwise === undefined) {
      const branches = node.branches.map(({ condition, body }) => ({
        literals: literalsOf(condition),
        body,
      }));
      const { variables } = this;
      if (branches.length > 1)
        this.unmatched.push({ kind: "if", at: this.at(node.at), subject: "", branches, variables });
      return true;
    }
    const { at, body } = node.otherwise;
    return this.within(
      { kind: "if", at: this.at(node.at), branchAt: this.at(at), fallback: true, literals },
      body,
    );
  }

  /** Both ways, since the condition isn't known. */
  protected either(branch: Branch, body: List, rest: If): Status {
    const before = this.variables;
    this.maybe++;
    this.within(branch, body);
    const after = this.variables;
    this.variables = before;
    if (rest.branches.length > 0 || rest.otherwise !== undefined) this.if(rest);
    this.maybe--;
    this.variables = merged(after, this.variables);
    return undefined;
  }

  protected case(node: Case): Status {
    const subject = this.expand(node.subject);
    const known = isKnown(subject) && !this.isOverridable(node.subject);
    const before = this.variables;
    let after: Variables | undefined;
    const literals: string[] = [];
    for (const { at, patterns, body } of node.items) {
      const texts = patterns.map((pattern) => this.expand(pattern));
      const fits = texts.some((text) => globMatches(text, subject));
      const fallback = texts.includes("*");
      if (!fallback) literals.push(...texts);
      const branch: Branch = {
        kind: "case",
        at: this.at(node.at),
        branchAt: this.at(at),
        fallback,
        literals: fallback ? literals : texts,
      };
      if (known) {
        if (fits) return this.within(branch, body);
        continue;
      }
      this.maybe++;
      this.variables = before;
      this.within(branch, body);
      this.maybe--;
      after = after === undefined ? this.variables : merged(after, this.variables);
    }
    if (known) {
      const branches = node.items.map(({ patterns, body }) => ({
        literals: patterns.map(({ raw }) => raw),
        body,
      }));
      this.unmatched.push({ kind: "case", at: this.at(node.at), subject, branches, variables: before });
    } else if (after !== undefined) this.variables = after;
    return known ? true : undefined;
  }

  protected loop(node: Loop): Status {
    if (node.condition !== undefined) {
      this.condition(node.condition);
      return this.doubtfully(() => this.list(node.body));
    }
    const values = (node.words ?? []).flatMap((word) => this.fields(word));
    for (const value of values.slice(0, 30)) {
      this.set(node.name ?? "", value);
      this.list(node.body);
    }
    return true;
  }
}
