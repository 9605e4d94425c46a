import { builtinNames, declaredArguments } from "../../dockerfile/arguments.ts";
import type { Dockerfile, Instruction } from "../../dockerfile/dockerfile.ts";
import { expandWord } from "../../dockerfile/expand.ts";
import { rawWords } from "../../dockerfile/instruction-words.ts";
import type { StageRun } from "../../dockerfile/stage-flow.ts";
import { stageIndex } from "../../dockerfile/flow.ts";
import type { Platform } from "../../oci/platform.ts";
import { goAssignments } from "../shell/known-output.ts";
import { evaluateShell } from "../shell/evaluate.ts";
import type { Trace } from "../shell/trace.ts";
import { type Machine, machineOf } from "../shell/machine.ts";
import { unknown } from "../shell/unknown.ts";
import type { Scenario } from "./scenario.ts";
import type { Script } from "./script.ts";

/** One instruction as it works out in one scenario. */
export interface InstructionView {
  readonly instruction: Instruction;
  /** Words of COPY, ADD, ENV … expanded; of RUN empty. */
  readonly words: readonly string[];
  /** Of RUN. */
  readonly trace?: Trace;
  /** ARG and ENV as they are before it. */
  readonly variables: ReadonlyMap<string, string>;
}

/** One stage as it works out in one scenario. */
export interface StageView {
  readonly index: number;
  readonly run: StageRun;
  readonly platform: Platform;
  readonly machine: Machine;
  /** FROM's image or stage, expanded. */
  readonly base: string;
  readonly instructions: readonly InstructionView[];
  /** ENV at the end, for stages FROM this one. */
  readonly env: ReadonlyMap<string, string>;
  /** Likewise. */
  readonly args: ReadonlyMap<string, string>;
}

export interface ViewOptions {
  readonly dockerfile: Dockerfile;
  readonly scenario: Scenario;
  readonly run: StageRun;
  readonly globals: ReadonlyMap<string, string>;
  readonly before: readonly (StageView | undefined)[];
  script(instruction: Instruction): Script | undefined;
}

/** Follows a stage's instructions. Built-in arguments have their values whether declared or not: see rules. */
export function viewStage(options: ViewOptions): StageView {
  const { dockerfile, run, globals } = options;
  const escape = dockerfile.directives["escape"] ?? "\\";
  const base = safely(run.stage.base, globals, escape);
  const parent = stageIndex(dockerfile, base, run.stage.index);
  const inherited = parent === undefined || /^\d+$/.test(base) ? undefined : options.before[parent];
  const env = new Map(inherited?.env);
  // BuildKit hands ARGs on to stages FROM a stage.
  const args = new Map([...(inherited?.args ?? []), ...builtinsOf(options.scenario, globals)]);
  const machine = machineOf(run.platform);
  const windows = run.platform.os === "windows";
  let shared: ReadonlyMap<string, string> | undefined;
  const instructions = run.stage.instructions.map((instruction): InstructionView => {
    const variables = shared ?? new Map([...args, ...env]);
    shared = instruction.keyword === "ARG" || instruction.keyword === "ENV" ? undefined : variables;
    const words: string[] = [];
    if (instruction.keyword === "ARG") declare(instruction, { args, globals, variables, escape, dockerfile });
    else if (instruction.keyword === "ENV") words.push(...assign(instruction, env, variables, escape));
    else if (instruction.keyword === "RUN") {
      const script = windows ? undefined : options.script(instruction);
      const trace = script && evaluateShell(script.list, variables, machine, overridable(args, env));
      const settings = goSettings(trace);
      for (const [name, value] of settings) env.set(name, value);
      if (settings.length > 0) shared = undefined;
      return { instruction, words, variables, ...(trace && { trace }) };
    } else {
      words.push(...rawWords(instruction.text, escape).map((word) => safely(word, variables, escape)));
    }
    return { instruction, words, variables };
  });
  return { index: run.stage.index, run, platform: run.platform, machine, base, instructions, env, args };
}

/** `go env -w NAME=VALUE`, which go keeps in a file. */
function goSettings(trace: Trace | undefined): [string, string][] {
  return (trace?.commands ?? []).flatMap(({ argv }) => goAssignments(argv));
}

function builtinsOf(scenario: Scenario, globals: ReadonlyMap<string, string>): Map<string, string> {
  const values = new Map<string, string>();
  for (const name of builtinNames) values.set(name, globals.get(name) ?? "");
  const { build, target } = scenario;
  // A global default that hides one is a finding of its own; what depends on it is judged as if it weren't there.
  values.set("TARGETARCH", target.architecture).set("BUILDARCH", build.architecture);
  values.set("TARGETPLATFORM", platformText(target)).set("BUILDPLATFORM", platformText(build));
  return values;
}

function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, variant].filter(Boolean).join("/");
}

/** Arguments of the author's own: what a script asks of them may come out either way. */
function overridable(
  args: ReadonlyMap<string, string>,
  env: ReadonlyMap<string, string>,
): ReadonlySet<string> {
  return new Set([...args.keys()].filter((name) => !builtinNames.includes(name) && !env.has(name)));
}

interface ArgScope {
  readonly args: Map<string, string>;
  readonly globals: ReadonlyMap<string, string>;
  readonly variables: ReadonlyMap<string, string>;
  readonly escape: string;
  readonly dockerfile: Dockerfile;
}

/** A default counts as the value: it is what `--platform` alone gives. */
function declare(instruction: Instruction, { args, globals, variables, escape }: ArgScope): void {
  for (const { name, value } of declaredArguments(instruction, escape)) {
    if (builtinNames.includes(name)) continue;
    const text = value === undefined ? globals.get(name) : safely(value, variables, escape);
    args.set(name, text ?? unknown);
  }
}

/** ENV in its `K=V …` and its `K V` form; returns the values. */
function assign(
  instruction: Instruction,
  env: Map<string, string>,
  variables: ReadonlyMap<string, string>,
  escape: string,
): string[] {
  return envPairs(instruction, escape).map(({ name, value }) => {
    const text = safely(value, variables, escape);
    env.set(name, text);
    return text;
  });
}

/** Names and values as written. */
export function envPairs(
  instruction: Instruction,
  escape = "\\",
): { readonly name: string; readonly value: string }[] {
  const words = rawWords(instruction.text, escape);
  if (words[0]?.includes("=") === true) {
    return words.map((word) => {
      const equals = word.indexOf("=");
      return { name: word.slice(0, equals), value: word.slice(equals + 1) };
    });
  }
  const name = words[0] ?? "";
  return [{ name, value: instruction.text.slice(name.length).trim() }];
}

function safely(word: string, variables: ReadonlyMap<string, string>, escape: string): string {
  try {
    return expandWord(word, variables, escape).slice(0, 20_000);
  } catch {
    return unknown;
  }
}
