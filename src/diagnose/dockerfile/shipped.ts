import { posix } from "node:path";
import { isShippedImage } from "./image-stages.ts";
import type { CopyEdge, DockerfileModel } from "./model.ts";

/** Stages whose file system `index` has at its start, itself included: it and the stages FROM it. */
function descendants(model: DockerfileModel, index: number): ReadonlySet<number> {
  const found = new Set([index]);
  for (const { index: each, parent } of model.stages)
    if (parent !== undefined && found.has(parent)) found.add(each);
  return found;
}

/** What other stages copy out of a stage, or out of one FROM it. */
export function copiesFrom(model: DockerfileModel, index: number): readonly CopyEdge[] {
  const sources = descendants(model, index);
  return model.copies.filter(({ from, to }) => from !== undefined && sources.has(from) && !sources.has(to));
}

/** Whether files of a stage end in an image, directly or by COPY. */
export function reachesImage(model: DockerfileModel, index: number, seen = new Set<number>()): boolean {
  if (seen.has(index)) return false;
  seen.add(index);
  if (model.stages[index]?.ships === true || isAlternative(model, index)) return true;
  return copiesFrom(model, index).some(({ to }) => reachesImage(model, to, seen));
}

/** A stage that no default build needs and nothing names: `FROM base-${FLAVOR}` or --target picks it. */
export function isAlternative(model: DockerfileModel, index: number): boolean {
  const needed = model.views.some(({ flow }) => flow[index]?.needed === true);
  const used =
    model.stages.some(({ parent }) => parent === index) || model.copies.some(({ from }) => from === index);
  return !needed && !used;
}

/** Whether files of a stage that a COPY takes out end in an image that somebody runs. */
export function reachesShippedImage(
  model: DockerfileModel,
  index: number,
  seen = new Set<number>(),
): boolean {
  if (seen.has(index)) return false;
  seen.add(index);
  return copiesFrom(model, index).some(
    ({ to }) => endsInShippedImage(model, to) || reachesShippedImage(model, to, seen),
  );
}

/** Whether a stage, or one FROM it, is an image that somebody runs. */
export function endsInShippedImage(model: DockerfileModel, index: number): boolean {
  return [...descendants(model, index)].some((each) => isShippedImage(model, each));
}

/** The copies that take `path` (absolute, or relative to an unknown directory) out of a stage. */
export function copiesOf(model: DockerfileModel, index: number, path: string): readonly CopyEdge[] {
  return copiesFrom(model, index).filter(({ sources }) => sources.some((source) => takes(source, path)));
}

/** Whether a COPY of `source` takes the file or directory `path` along. */
export function takes(source: string, path: string): boolean {
  const from = posix.normalize(source.replaceAll(/["']/g, "")).replace(/\/+$/, "");
  const wanted = posix.normalize(path).replace(/\/+$/, "");
  if (from === "" || from === ".") return true;
  if (from === wanted || wanted.startsWith(`${from}/`) || from.startsWith(`${wanted}/`)) return true;
  const pattern = from.replace(/\/?\*+$/, "");
  if (pattern !== from && (wanted.startsWith(pattern) || pattern === "")) return true;
  if (!wanted.startsWith("/"))
    return from.endsWith(`/${wanted}`) || posix.basename(from) === posix.basename(wanted);
  return !from.startsWith("/") && wanted.endsWith(`/${from}`);
}
