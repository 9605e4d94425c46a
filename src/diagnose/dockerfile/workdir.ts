import { posix } from "node:path";
import type { DockerfileModel, ScenarioView } from "./model.ts";
import type { Place } from "./uses.ts";

/** The directory that an instruction of a stage runs in; "/" where nothing says. */
export function workdirOf(place: Place): string {
  return at(place.model, place.view, place.facts.index, place.order);
}

function at(model: DockerfileModel, view: ScenarioView, index: number, order: number): string {
  const parent = model.stages[index]?.parent;
  let directory = parent === undefined ? "/" : at(model, view, parent, Infinity);
  for (const [position, { instruction, words }] of (view.stages[index]?.instructions ?? []).entries()) {
    if (position >= order) break;
    if (instruction.keyword === "WORKDIR") directory = posix.resolve(directory, words[0] ?? "");
  }
  return directory;
}
