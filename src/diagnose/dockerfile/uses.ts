import type { Instruction } from "../../dockerfile/dockerfile.ts";
import { isKnown } from "../shell/unknown.ts";
import type { Executed } from "../shell/trace.ts";
import type { DockerfileModel, ScenarioView, StageFacts } from "./model.ts";
import { lineInText } from "./script.ts";
import type { InstructionView, StageView } from "./stage-view.ts";

/** A place in a scenario: one instruction of one stage. */
export interface Place {
  readonly model: DockerfileModel;
  readonly view: ScenarioView;
  readonly facts: StageFacts;
  readonly stage: StageView;
  readonly instruction: Instruction;
  readonly at: InstructionView;
  /** Position among the stage's instructions. */
  readonly order: number;
}

/** A command that a RUN would execute in one scenario, wrappers such as sudo taken off. */
export interface Use extends Place {
  readonly executed: Executed;
  /** Without its directory. */
  readonly program: string;
  /** Without the program. */
  readonly args: readonly string[];
  readonly line: number;
}

const places = new WeakMap<DockerfileModel, readonly Place[]>();
const commands = new WeakMap<DockerfileModel, readonly Use[]>();

/** True where build machine and target are alike: what is wrong here is written out as a constant. */
export function isNative(view: ScenarioView): boolean {
  return view.scenario.build.architecture === view.scenario.target.architecture;
}

export function placesOf(model: DockerfileModel): readonly Place[] {
  const known = places.get(model);
  if (known !== undefined) return known;
  const found: Place[] = [];
  for (const view of model.views) {
    for (const [index, stage] of view.stages.entries()) {
      const facts = model.stages[index];
      if (stage === undefined || facts === undefined || !isFor(facts, view)) continue;
      for (const [order, at] of stage.instructions.entries())
        found.push({ model, view, facts, stage, instruction: at.instruction, at, order });
    }
  }
  places.set(model, found);
  return found;
}

/** A stage that is picked for other architectures says nothing in this scenario. */
function isFor(facts: StageFacts, view: ScenarioView): boolean {
  if (isWindows(view, facts.index)) return false;
  return facts.onlyFor === undefined || facts.onlyFor.has(view.scenario.target.architecture);
}

const windowsStages = new WeakMap<ScenarioView, Map<number, boolean>>();

/** Images for Windows exist for amd64 in all but name; their scripts aren't shell scripts. */
function isWindows(view: ScenarioView, index: number): boolean {
  const known = windowsStages.get(view) ?? new Map<number, boolean>();
  windowsStages.set(view, known);
  let answer = known.get(index);
  if (answer === undefined) {
    answer = looksWindows(view, index);
    known.set(index, answer);
  }
  return answer;
}

function looksWindows(view: ScenarioView, index: number): boolean {
  const stage = view.stages[index];
  if (stage === undefined) return false;
  if (
    /windowsservercore|nanoserver|mcr\.microsoft\.com\/(?:windows\b|dotnet\/framework)|-windows-|ltsc20\d\d/i.test(
      stage.base,
    )
  )
    return true;
  const own = stage.run.stage.instructions.some(
    ({ keyword, text }) =>
      (keyword === "SHELL" && /powershell|pwsh\.exe|cmd(?:\.exe)?"/i.test(text)) ||
      (keyword === "RUN" && /^(?:powershell|cmd)\b|\bC:\\\w/i.test(text)),
  );
  const parent = view.stages.findIndex(
    (each, at) =>
      at < index && each?.run.stage.name !== undefined && each.run.stage.name === stage.base.toLowerCase(),
  );
  return own || (parent >= 0 && isWindows(view, parent));
}

export function usesOf(model: DockerfileModel): readonly Use[] {
  const known = commands.get(model);
  if (known !== undefined) return known;
  const found: Use[] = [];
  for (const place of placesOf(model)) {
    for (const executed of place.at.trace?.commands ?? []) {
      // What a shell is handed stands there by itself.
      if (executed.wrapper) continue;
      const [program = "", ...args] = unwrapped(executed.argv, executed.input);
      const { model: of, view, facts, stage, instruction, at, order } = place;
      // Written out: a spread takes ten times as long, and there are thousands.
      found.push({
        model: of,
        view,
        facts,
        stage,
        instruction,
        at,
        order,
        executed,
        program: program.slice(program.lastIndexOf("/") + 1),
        args,
        line: lineAt(place, executed.at),
      });
    }
  }
  commands.set(model, found);
  return found;
}

/** The source line of an offset in a RUN's script. */
export function lineAt({ model, instruction }: Place, offset: number): number {
  return model.script(instruction)?.lineOf(offset) ?? instruction.line;
}

/** The source line of the first word of a command, or of an instruction, that `wanted` is in. */
export function lineOfWord(use: Use, wanted: RegExp): number {
  const { command, at } = use.executed;
  if (at !== command.at) return use.line;
  const word = command.words.find(({ raw }) => wanted.test(raw));
  if (word === undefined) return use.line;
  const within = Math.max(0, word.raw.search(wanted));
  return lineAt(use, word.at + within);
}

export function lineOfText(instruction: Instruction, wanted: RegExp): number {
  const at = instruction.text.search(wanted);
  return at < 0 ? instruction.line : lineInText(instruction, at);
}

const wrappers = new Set([
  "sudo",
  "exec",
  "command",
  "builtin",
  "time",
  "nice",
  "nohup",
  "env",
  "eatmydata",
  "xvfb-run",
  "linux32",
  "linux64",
  "retry",
  "proot",
  "fakeroot",
  "ionice",
  "stdbuf",
]);

/** The command that xargs starts, with what it reads as arguments where that is known. */
function behindXargs(argv: readonly string[], input: string): readonly string[] {
  let at = 1;
  let placeholder = "";
  for (; at < argv.length && argv[at]?.startsWith("-") === true; at++) {
    const word = argv[at] ?? "";
    if (/^-[inPLdsaEI]$/.test(word)) at++;
    if (word.startsWith("-I")) placeholder = word.slice(2) || (argv[at] ?? "");
  }
  const command = argv.slice(at);
  if (!isKnown(input) || input.length > 5000) return command;
  const words = input.split(/\s+/).filter(Boolean);
  return placeholder === ""
    ? [...command, ...words.slice(0, 200)]
    : command.flatMap((word) => (word === placeholder ? words.slice(0, 50) : [word]));
}

function unwrapped(argv: readonly string[], input: string): readonly string[] {
  let rest = argv;
  for (let step = 0; step < 6; step++) {
    const [first = ""] = rest;
    if (wrappers.has(first)) {
      rest = rest.slice(1);
      while (/^-|^[A-Za-z_]\w*=/.test(rest[0] ?? "")) rest = rest.slice(1);
    } else if (first === "xargs" && rest.length > 1) rest = behindXargs(rest, input);
    else if (first === "timeout" || first === "gosu" || first === "su-exec" || first === "chroot") {
      rest = rest.slice(2);
    } else break;
  }
  return rest;
}

/** The value of a variable as a command sees it; undefined where it isn't set or known. */
export function variable(use: Use, name: string): string | undefined {
  const wrapped = use.executed.argv.find((word) => word.startsWith(`${name}=`));
  return wrapped === undefined ? use.executed.variables.get(name) : wrapped.slice(name.length + 1);
}

/** The value of `--name VALUE` or `--name=VALUE`. */
export function option(args: readonly string[], ...names: readonly string[]): string | undefined {
  for (const [index, word] of args.entries()) {
    for (const name of names) {
      if (word === name) return args[index + 1];
      if (word.startsWith(`${name}=`)) return word.slice(name.length + 1);
      if (/^-\w$/.test(name) && word.startsWith(name) && word.length > 2 && !word.startsWith("--"))
        return word.slice(2);
    }
  }
  return undefined;
}
