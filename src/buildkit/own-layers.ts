import type { Image } from "../image/image.ts";
import { globalVariables } from "../dockerfile/arguments.ts";
import type { Dockerfile } from "../dockerfile/dockerfile.ts";
import { expandWord } from "../dockerfile/expand.ts";
import { stageIndex } from "../dockerfile/flow.ts";
import type { Digest } from "../oci/digest.ts";
import type { Platform } from "../oci/platform.ts";

export interface OwnLayersOptions {
  readonly target: string | undefined;
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly platform: Platform;
}

/**
 * The layers that the Dockerfile's own instructions made, without those of the image that its target stage starts
 * from: BuildKit writes one entry of history for each instruction of the stage and of those it is FROM. Undefined
 * where history, layers and instructions don't fit together, so that nothing is known.
 */
export function ownLayers(
  image: Image,
  dockerfile: Dockerfile,
  options: OwnLayersOptions,
): ReadonlySet<Digest> | undefined {
  const { history = [] } = image.config;
  const { layers } = image.manifest;
  if (history.filter(({ empty_layer: empty }) => empty !== true).length !== layers.length) return undefined;
  const count = instructionCount(dockerfile, options);
  if (count === undefined || history.length < count) return undefined;
  const own = count === 0 ? [] : history.slice(-count).filter(({ empty_layer: empty }) => empty !== true);
  return new Set(layers.slice(layers.length - own.length).map(({ digest }) => digest));
}

/** Instructions of the target stage and of the stages that it is FROM. */
function instructionCount(
  dockerfile: Dockerfile,
  { target, buildArgs, platform }: OwnLayersOptions,
): number | undefined {
  const { stages } = dockerfile;
  const scope = { buildArgs, buildPlatform: platform, targetPlatform: platform };
  const variables = globalVariables(dockerfile, scope);
  const escape = dockerfile.directives["escape"] ?? "\\";
  let index = target === undefined ? stages.length - 1 : stageIndex(dockerfile, target, stages.length);
  if (index === undefined) return undefined;
  let count = 0;
  while (index !== undefined) {
    const stage = stages[index];
    if (stage === undefined) return undefined;
    count += stage.instructions.length;
    const base = expandWord(stage.base, variables, escape);
    // Only by name: "FROM 0" is an image.
    index = /^\d+$/.test(base) ? undefined : stageIndex(dockerfile, base, index);
  }
  return count;
}
