import { dirname, relative, sep } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import { contextSources } from "../dockerfile/copied-files.ts";
import type { DockerfileModel } from "../dockerfile/model.ts";
import { placesOf } from "../dockerfile/uses.ts";
import { ContextDirectory } from "./context-directory.ts";

/** How many directories above the Dockerfile's are tried. */
const mostParents = 6;

/**
 * The context that a Dockerfile is most likely built with: its own directory, else the nearest one above it, up to
 * `top`, that has all of what COPY and ADD name. Undefined where none has: then nothing is known of the files.
 */
export function guessContext(
  model: DockerfileModel,
  dockerfile: string,
  top: string,
  open: typeof openContext = openContext,
): ContextDirectory | undefined {
  const named = namedSources(model);
  let root = dirname(dockerfile);
  for (let step = 0; step <= mostParents; step += 1) {
    const context = open(root, dockerfile);
    if (context !== undefined && named.every((source) => context.matched(source) !== undefined))
      return context;
    const parent = dirname(root);
    if (parent === root || !isBelow(root, top)) return undefined;
    root = parent;
  }
  return undefined;
}

/** Undefined where its `.dockerignore` can't be read: the build says what is wrong with that. */
export function openContext(root: string, dockerfile?: string): ContextDirectory | undefined {
  try {
    return new ContextDirectory(root, dockerfile);
  } catch (error) {
    if (error instanceof AnyarchError && error.code === "INPUT_INVALID") return undefined;
    throw error;
  }
}

/** What the first scenario copies that isn't the whole context; patterns may match nothing. */
function namedSources(model: DockerfileModel): readonly string[] {
  return placesOf(model)
    .filter(({ view }) => view === model.views[0])
    .flatMap((place) => contextSources(place) ?? [])
    .filter((source) => !/[*?[]/.test(source) && !/^[./]*$/.test(source));
}

function isBelow(directory: string, top: string): boolean {
  const path = relative(top, directory);
  return path !== "" && path !== ".." && !path.startsWith(`..${sep}`);
}
