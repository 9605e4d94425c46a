import { AnyarchError } from "../errors/error.ts";
import { type Platform, parsePlatform } from "../oci/platform.ts";
import { globalVariables } from "./arguments.ts";
import type { Dockerfile, Instruction, Stage } from "./dockerfile.ts";
import { expandWord, type Variables } from "./expand.ts";
import type { FlowOptions, StageFlow, StageRun } from "./stage-flow.ts";

type Follows = StageRun["follows"];

/** The variables of FROM lines: as they are, and as they would be for other platforms. */
interface Scopes {
  readonly actual: Variables;
  readonly otherBuild: Variables;
  readonly otherTarget: Variables;
}

const nowhere: Platform = { os: "nowhere", architecture: "none", variant: "v0" };

function scopesOf(dockerfile: Dockerfile, options: FlowOptions): Scopes {
  return {
    actual: globalVariables(dockerfile, options),
    otherBuild: globalVariables(dockerfile, { ...options, buildPlatform: nowhere }),
    otherTarget: globalVariables(dockerfile, { ...options, targetPlatform: nowhere }),
  };
}

/**
 * Which platform each stage runs on in a build of one platform, and which stages it needs; in the file's order.
 * FROM is expanded with the global arguments; a stage FROM a stage has that stage's platform, whatever its
 * `--platform` says (BuildKit convert.go). Throws DOCKERFILE_INVALID for a FROM or `--platform` that is empty or
 * malformed in a stage that is needed, and for a target that isn't there.
 */
export const stageFlow: StageFlow = (dockerfile, options) => {
  const escape = dockerfile.directives["escape"] ?? "\\";
  const scopes = scopesOf(dockerfile, options);
  const bases: (number | undefined)[] = [];
  const names = new Map<string, number>();
  const failures = new Map<number, unknown>();
  const placed: { platform: Platform; follows: Follows }[] = [];
  for (const stage of dockerfile.stages) {
    let base: string | undefined;
    try {
      base = expandWord(stage.base, scopes.actual, escape);
      if (base === "") throw malformed(stage, `FROM ${stage.base} comes to nothing`);
    } catch (error) {
      failures.set(stage.index, located(stage, error));
    }
    const parent = base === undefined ? undefined : names.get(base.toLowerCase());
    const inherited = parent === undefined ? undefined : placed[parent];
    bases.push(parent);
    try {
      placed.push(inherited ?? platformOf(stage, options, scopes, escape));
    } catch (error) {
      failures.set(stage.index, located(stage, error));
      placed.push({ platform: options.targetPlatform, follows: "target" });
    }
    if (stage.name !== undefined) names.set(stage.name, stage.index);
  }
  const needed = neededStages(dockerfile, targetIndex(dockerfile, options.target), bases);
  for (const index of needed) if (failures.has(index)) throw failures.get(index);
  return dockerfile.stages.map((stage, index) => ({
    stage,
    ...(placed[index] ?? { platform: options.targetPlatform, follows: "target" }),
    needed: needed.has(index),
    runs: stage.instructions.filter(({ keyword }) => keyword === "RUN"),
  }));
};

function malformed(stage: Stage, why: string): AnyarchError {
  const { line } = stage.from;
  return new AnyarchError("DOCKERFILE_INVALID", `Line ${line}: ${why}.`, { details: { line } });
}

function located(stage: Stage, error: unknown): unknown {
  if (!(error instanceof AnyarchError) || error.details["line"] !== undefined) return error;
  return malformed(stage, error.message.replace(/\.$/, ""));
}

function platformOf(
  stage: Stage,
  options: FlowOptions,
  scopes: Scopes,
  escape: string,
): { platform: Platform; follows: Follows } {
  if (stage.platform === undefined) return { platform: options.targetPlatform, follows: "target" };
  const text = expandWord(stage.platform, scopes.actual, escape);
  if (text === "") throw malformed(stage, `--platform=${stage.platform} comes to nothing`);
  return {
    platform: parseStagePlatform(text, options.targetPlatform),
    follows: followedSide(stage.platform, scopes, escape),
  };
}

/** BuildKit also takes an architecture alone ("arm64"), or an operating system alone, and fills in the rest. */
function parseStagePlatform(text: string, target: Platform): Platform {
  if (text.includes("/")) return parsePlatform(text);
  if (text === "linux" || text === "windows") return { ...target, os: text };
  return parsePlatform(`linux/${text}`);
}

/** What decides about a `--platform`: tried by changing the platforms of either side. */
function followedSide(written: string, scopes: Scopes, escape: string): Follows {
  const value = expandWord(written, scopes.actual, escape);
  if (expandWord(written, scopes.otherBuild, escape) !== value) return "build";
  return expandWord(written, scopes.otherTarget, escape) === value ? "constant" : "target";
}

function targetIndex(dockerfile: Dockerfile, target: string | undefined): number {
  const last = dockerfile.stages.length - 1;
  if (target === undefined || target === "") return last;
  const index = stageIndex(dockerfile, target, dockerfile.stages.length);
  if (index !== undefined) return index;
  const names = dockerfile.stages.flatMap(({ name }) => name ?? []);
  throw new AnyarchError("DOCKERFILE_INVALID", `The Dockerfile has no stage "${target}".`, {
    hint: names.length === 0 ? "None of its stages has a name." : `Its stages are ${names.join(", ")}.`,
    details: { target },
  });
}

/** The stage before `before` that a name or an index means; the last of that name. */
export function stageIndex(dockerfile: Dockerfile, name: string, before: number): number | undefined {
  const lower = name.toLowerCase();
  for (let index = before - 1; index >= 0; index--)
    if (dockerfile.stages[index]?.name === lower) return index;
  if (!/^\d{1,6}$/.test(name)) return undefined;
  return Number(name) < before ? Number(name) : undefined;
}

/** What an instruction takes from elsewhere: the values of `COPY --from` and `RUN --mount=…,from=`. */
export function sourcesOf(instruction: Instruction): readonly string[] {
  if (instruction.keyword === "COPY") {
    return instruction.flags.flatMap(({ name, value }) => (name === "from" && value ? [value] : []));
  }
  if (instruction.keyword !== "RUN") return [];
  return instruction.flags.flatMap(({ name, value }) => {
    if (name !== "mount" || value === undefined) return [];
    const from = value.split(",").find((part) => part.trim().toLowerCase().startsWith("from="));
    return from === undefined ? [] : [from.trim().slice("from=".length)];
  });
}

function neededStages(
  dockerfile: Dockerfile,
  target: number,
  bases: readonly (number | undefined)[],
): ReadonlySet<number> {
  const needed = new Set<number>();
  const waiting = [target];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    const stage = dockerfile.stages[index];
    if (stage === undefined || needed.has(index)) continue;
    needed.add(index);
    const base = bases[index];
    if (base !== undefined) waiting.push(base);
    for (const instruction of stage.instructions) {
      for (const source of sourcesOf(instruction)) {
        const found = stageIndex(dockerfile, source, index);
        if (found !== undefined) waiting.push(found);
      }
    }
  }
  return needed;
}
