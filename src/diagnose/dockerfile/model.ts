import { sourcesOf, stageFlow, stageIndex } from "../../dockerfile/flow.ts";
import type { Dockerfile, Instruction, Stage } from "../../dockerfile/dockerfile.ts";
import { withoutOnbuild } from "../../dockerfile/onbuild.ts";
import { mountsOf } from "../../dockerfile/mounts.ts";
import { splitLines } from "../../dockerfile/logical-lines.ts";
import { parseDockerfile } from "../../dockerfile/parse.ts";
import type { StageRun } from "../../dockerfile/stage-flow.ts";
import type { Platform } from "../../oci/platform.ts";
import { globalVariables } from "../../dockerfile/arguments.ts";
import type { ContextFiles } from "./context-files.ts";
import { type Scenario, scenariosFor } from "./scenario.ts";
import { type Script, scriptOf } from "./script.ts";
import { type StageView, viewStage } from "./stage-view.ts";

/** What holds for a stage in every build. */
export interface StageFacts {
  readonly index: number;
  readonly stage: Stage;
  /** The stage that it is FROM. */
  readonly parent?: number;
  readonly follows: StageRun["follows"];
  /** The last stage, or one that nothing else uses and that says how it is started. */
  readonly isImage: boolean;
  /** It, or a stage FROM it, is an image: its files are shipped. */
  readonly ships: boolean;
  /** Of a stage that FROM picks by the target: the architectures that pick it. */
  readonly onlyFor?: ReadonlySet<string>;
  /** FROM or COPY picks it in some builds and not in others. */
  readonly selected: boolean;
  /** The stages that it may be FROM, by target. */
  readonly parents: readonly number[];
  /** Expanded FROM, per scenario the same unless it depends on one. */
  readonly name: string;
}

/** One scenario's view of the whole file. */
export interface ScenarioView {
  readonly scenario: Scenario;
  readonly flow: readonly StageRun[];
  /** By stage index; absent where the scenario doesn't need the stage. */
  readonly stages: readonly (StageView | undefined)[];
  readonly globals: ReadonlyMap<string, string>;
}

/** COPY --from or a mount: files that go from one stage or image to another stage. */
export interface CopyEdge {
  readonly instruction: Instruction;
  readonly to: number;
  /** Index of the stage, or undefined for an outside image. */
  readonly from?: number;
  readonly image: string;
  /** Of a mount the directory that it names; empty where it names none. */
  readonly sources: readonly string[];
  readonly destination: string;
}

/** A Dockerfile with all that rules ask about. */
export interface DockerfileModel {
  readonly dockerfile: Dockerfile;
  readonly lines: readonly string[];
  readonly stages: readonly StageFacts[];
  readonly views: readonly ScenarioView[];
  readonly copies: readonly CopyEdge[];
  readonly platforms: readonly Platform[];
  /** Undefined where the build's context isn't known. Looked for when it is asked for first. */
  readonly files: ContextFiles | undefined;
  script(instruction: Instruction): Script | undefined;
}

/** Parses and follows a Dockerfile for `platforms`. Throws DOCKERFILE_INVALID. */
export function modelOf(
  text: string,
  platforms: readonly Platform[],
  context?: (model: DockerfileModel) => ContextFiles | undefined,
): DockerfileModel {
  const dockerfile = withoutOnbuild(parseDockerfile(text));
  const scripts = new Map<Instruction, Script | undefined>();
  const script = (instruction: Instruction): Script | undefined => {
    if (!scripts.has(instruction)) scripts.set(instruction, scriptOf(instruction));
    return scripts.get(instruction);
  };
  // Where nothing asks for the build machine, another one changes nothing.
  const scenarios = scenariosFor(platforms).filter(
    ({ build, target }) =>
      build.architecture === target.architecture || /BUILD(?:PLATFORM|ARCH|OS|VARIANT)/.test(text),
  );
  const flows = scenarios.map((scenario) => ({ scenario, flow: flowOf(dockerfile, scenario) }));
  const everNeeded = new Set(
    flows.flatMap(({ flow }) => flow.filter(({ needed }) => needed).map(({ stage }) => stage.index)),
  );
  const views = flows.map(({ scenario, flow }) => {
    const globals = globalVariables(dockerfile, {
      buildPlatform: scenario.build,
      targetPlatform: scenario.target,
    });
    const stages: (StageView | undefined)[] = [];
    for (const run of flow) {
      const wanted = run.needed || !everNeeded.has(run.stage.index);
      stages.push(
        wanted ? viewStage({ dockerfile, scenario, run, globals, before: stages, script }) : undefined,
      );
    }
    return { scenario, flow, stages, globals };
  });
  const copies = dockerfile.stages.flatMap((stage) => copiesInto(dockerfile, stage));
  const stages = factsOf(dockerfile, views, copies, everNeeded);
  const lines = splitLines(text);
  let files: { readonly known: ContextFiles | undefined } | undefined;
  const model: DockerfileModel = {
    dockerfile,
    lines,
    stages,
    views,
    copies,
    platforms,
    script,
    get files() {
      files ??= { known: context?.(model) };
      return files.known;
    },
  };
  return model;
}

function flowOf(dockerfile: Dockerfile, { build, target }: Scenario): readonly StageRun[] {
  try {
    return stageFlow(dockerfile, { buildPlatform: build, targetPlatform: target });
  } catch {
    // A FROM that needs --build-arg: all that can be said is said of each stage as it stands.
    return dockerfile.stages.map((stage) => ({
      stage,
      platform: /BUILDPLATFORM/.test(stage.platform ?? "") ? build : target,
      follows: /BUILDPLATFORM/.test(stage.platform ?? "") ? ("build" as const) : ("target" as const),
      needed: true,
      runs: stage.instructions.filter(({ keyword }) => keyword === "RUN"),
    }));
  }
}

function copiesInto(dockerfile: Dockerfile, stage: Stage): CopyEdge[] {
  return stage.instructions.flatMap((instruction) =>
    sourcesOf(instruction).map((image) => {
      const from = stageIndex(dockerfile, image, stage.index);
      const paths =
        instruction.keyword === "COPY" ? copyPaths(instruction) : mountedPaths(instruction, image);
      return {
        instruction,
        to: stage.index,
        image,
        sources: paths.slice(0, -1),
        destination: paths.at(-1) ?? "",
        ...(from !== undefined && { from }),
      };
    }),
  );
}

/** What a RUN mounts of a stage or image, where it says which directory; its place, as if it were copied. */
function mountedPaths(instruction: Instruction, image: string): string[] {
  const mount = mountsOf(instruction).find(({ from }) => from === image);
  return mount?.source === undefined ? [] : [mount.source, mount.target];
}

/** Sources and destination of COPY and ADD as written. */
export function copyPaths(instruction: Instruction): string[] {
  const { text } = instruction;
  if (text.startsWith("[")) {
    try {
      const value: unknown = JSON.parse(text);
      if (Array.isArray(value)) return value.map(String);
    } catch {
      // Not the exec form after all.
    }
  }
  return text.split(/\s+/).filter((word) => word !== "" && !word.startsWith("<<"));
}

/** It says how it is started, or a base that does is only given files made elsewhere. */
function isStarted(instructions: readonly Instruction[]): boolean {
  const has = (...wanted: readonly string[]): boolean =>
    instructions.some(({ keyword }) => wanted.includes(keyword));
  return has("CMD", "ENTRYPOINT") || (!has("RUN") && instructions.some((each) => sourcesOf(each).length > 0));
}

function factsOf(
  dockerfile: Dockerfile,
  views: readonly ScenarioView[],
  copies: readonly CopyEdge[],
  everNeeded: ReadonlySet<number>,
): StageFacts[] {
  const parents = dockerfile.stages.map((stage, index) => {
    for (const { flow, stages } of views) {
      const base = stages[index]?.base ?? flow[index]?.stage.base ?? stage.base;
      const found = stageIndex(dockerfile, base, index);
      if (found !== undefined && !/^\d+$/.test(base)) return found;
    }
    return undefined;
  });
  const used = new Set([...parents, ...copies.map(({ from }) => from)]);
  const last = dockerfile.stages.length - 1;
  const isImage = (index: number): boolean =>
    index === last ||
    (!used.has(index) && !everNeeded.has(index) && isStarted(dockerfile.stages[index]?.instructions ?? []));
  const ships = new Set<number>();
  for (let index = last; index >= 0; index--) {
    if (!isImage(index) && !ships.has(index)) continue;
    ships.add(index);
    for (const { stages } of views) {
      const base = stages[index]?.base;
      const parent = base === undefined ? parents[index] : stageIndex(dockerfile, base, index);
      if (parent !== undefined) ships.add(parent);
    }
  }
  return dockerfile.stages.map((stage, index) => {
    const parent = parents[index];
    const onlyFor = everNeeded.has(index) ? neededFor(views, index) : nameArch(stage);
    return {
      index,
      stage,
      follows: views[0]?.flow[index]?.follows ?? "target",
      isImage: isImage(index),
      ships: ships.has(index),
      name: stage.name ?? String(index),
      selected: onlyFor !== undefined,
      parents: parentsOf(dockerfile, views, index),
      ...(parent !== undefined && { parent }),
      ...(onlyFor !== undefined && { onlyFor }),
    };
  });
}

function parentsOf(dockerfile: Dockerfile, views: readonly ScenarioView[], index: number): number[] {
  const found = views.flatMap(({ stages }) => {
    const base = stages[index]?.base;
    const parent = base === undefined || /^\d+$/.test(base) ? undefined : stageIndex(dockerfile, base, index);
    return parent ?? [];
  });
  return [...new Set(found)];
}

/** The target architectures that need a stage, where it isn't all. */
function neededFor(views: readonly ScenarioView[], index: number): ReadonlySet<string> | undefined {
  const needing = views.filter(({ flow }) => flow[index]?.needed === true);
  if (needing.length === views.length) return undefined;
  return new Set(needing.map(({ scenario }) => scenario.target.architecture));
}

/** A stage that no usual target needs, named after an architecture: picked by `FROM name-${TARGETARCH}`. */
function nameArch(stage: Stage): ReadonlySet<string> | undefined {
  const match = /[-_.](386|arm|arm64|amd64|ppc64le|s390x|riscv64|armv[67]|armhf|aarch64|x86_64)$/.exec(
    stage.name ?? "",
  );
  return match === null ? undefined : new Set([match[1] ?? ""]);
}

/** The lines that expand a variable. */
export function linesUsing(model: DockerfileModel, name: string): readonly string[] {
  if (!/^\w+$/.test(name)) return [];
  const used = new RegExp(`\\$\\{?${name}\\b`);
  return model.lines.filter((line) => used.test(line));
}
