import { builtinNames, declaredArguments } from "../../dockerfile/arguments.ts";
import type { Instruction } from "../../dockerfile/dockerfile.ts";
import type { DockerfileModel, StageFacts } from "./model.ts";
import { envPairs } from "./stage-view.ts";
import { lineInText } from "./script.ts";

/** A built-in platform variable that is read in a stage where nothing declares it before. */
export interface UndeclaredUse {
  readonly facts: StageFacts;
  readonly instruction: Instruction;
  readonly name: string;
  readonly line: number;
  /** `${NAME:-…}` and its like: something else takes its place. */
  readonly hasDefault: boolean;
  /** What takes its place is what linux/amd64 has: a declaration changes nothing there. */
  readonly sameOnAmd64: boolean;
  /** It stands in an address, a path, a file name or a setting that decides on files. */
  readonly selects: boolean;
}

const reference = new RegExp(
  `(\\\\?)\\$(?:\\{(${builtinNames.join("|")})(:?[-+])?|(${builtinNames.join("|")})\\b)`,
  "g",
);

const expanding = new Set([
  "RUN",
  "ENV",
  "COPY",
  "ADD",
  "WORKDIR",
  "LABEL",
  "USER",
  "VOLUME",
  "EXPOSE",
  "ONBUILD",
  "ARG",
  "SHELL",
  "HEALTHCHECK",
]);

export function undeclaredUses(model: DockerfileModel): UndeclaredUse[] {
  const found: UndeclaredUse[] = [];
  const environments: ReadonlySet<string>[] = [];
  const declared: ReadonlySet<string>[] = [];
  for (const facts of model.stages) {
    const env = new Set(facts.parent === undefined ? [] : environments[facts.parent]);
    const args = inAll(facts.parents.map((parent) => declared[parent]));
    for (const instruction of facts.stage.instructions) {
      if (expanding.has(instruction.keyword)) {
        found.push(...usesIn(facts, instruction, (name) => args.has(name) || env.has(name)));
      }
      if (instruction.keyword === "ARG")
        for (const { name } of declaredArguments(instruction)) args.add(name);
      if (instruction.keyword === "ENV") for (const { name } of envPairs(instruction)) env.add(name);
    }
    environments.push(env);
    declared.push(args);
  }
  return found;
}

/** ARGs are inherited by stages FROM a stage; where FROM picks the stage, those that each has. */
function inAll(sets: readonly (ReadonlySet<string> | undefined)[]): Set<string> {
  return new Set([...(sets[0] ?? [])].filter((name) => sets.every((set) => set?.has(name))));
}

function usesIn(
  facts: StageFacts,
  instruction: Instruction,
  isSet: (name: string) => boolean,
): UndeclaredUse[] {
  const found = new Map<string, UndeclaredUse>();
  const add = (text: string, lineOf: (at: number) => number): void => {
    for (const match of text.matchAll(reference)) {
      const name = match[2] ?? match[4] ?? "";
      if (match[1] !== "" || isSet(name) || found.has(name) || assignedBefore(text, name, match.index))
        continue;
      if (instruction.keyword === "RUN" && inSingleQuotes(text, match.index)) continue;
      const around = text.slice(Math.max(0, match.index - 200), match.index + 100);
      found.set(name, {
        facts,
        instruction,
        name,
        line: lineOf(match.index),
        hasDefault: match[3] !== undefined,
        sameOnAmd64: /^:?-["']?(?:amd64|linux|linux\/amd64)["']?\}/.test(
          text.slice(match.index + match[0].length - (match[3]?.length ?? 0), match.index + 60),
        ),
        selects:
          !/^\s*(?:echo|printf)\b[^|>&]*$/.test(
            text.slice(text.lastIndexOf("&&", match.index) + 2 || 0, match.index),
          ) && /https?:|\/|-o\s|GOARCH|GOOS|case|\[|=|--/.test(around),
      });
    }
  };
  add(instruction.text, (at) => lineInText(instruction, at));
  for (const { body, line, expand } of instruction.heredocs) {
    if (!expand && instruction.keyword !== "RUN") continue;
    add(body, (at) => (line ?? instruction.line) + body.slice(0, at).split("\n").length - 1);
  }
  return [...found.values()];
}

/** `TARGETARCH=$(…) && … $TARGETARCH` in the same script. */
function assignedBefore(text: string, name: string, at: number): boolean {
  return (
    new RegExp(`(?:^|[\\s;&|({])(?:export\\s+)?${name}=`).test(text.slice(0, at)) && text.includes(`${name}=`)
  );
}

function inSingleQuotes(text: string, at: number): boolean {
  let single = false;
  let double = false;
  for (let index = 0; index < at; index++) {
    const char = text[index];
    if (char === "\\" && !single) index++;
    else if (char === "'" && !double) single = !single;
    else if (char === '"' && !single) double = !double;
  }
  return single;
}
