import { archNames, withoutArchs } from "./arch-names.ts";
import type { DockerfileModel } from "./model.ts";
import { type Text, textsOf } from "./texts.ts";

const known = new WeakMap<DockerfileModel, Map<unknown, ReadonlySet<string>>>();

/**
 * Whether the same stage names the target's counterpart of `text` too: files of several architectures are made or
 * handled side by side, and none is chosen here.
 */
export function hasTwin(model: DockerfileModel, text: Text): boolean {
  return twinsIn(model, text.place.stage, text.place.view.scenario.target.architecture).has(
    family(text.text),
  );
}

/** The same for a word. */
export function twinOf(model: DockerfileModel, { place }: Pick<Text, "place">, word: string): boolean {
  return twinsIn(model, place.stage, place.view.scenario.target.architecture).has(family(word));
}

function twinsIn(model: DockerfileModel, stage: unknown, architecture: string): ReadonlySet<string> {
  const stages = known.get(model) ?? new Map<unknown, ReadonlySet<string>>();
  known.set(model, stages);
  const found = stages.get(stage);
  if (found !== undefined) return found;
  const families = new Set<string>();
  for (const { text, place } of textsOf(model)) {
    if (place.stage !== stage || text.length > 2000) continue;
    if (archNames(text).some(({ arch }) => arch === architecture)) families.add(family(text));
  }
  stages.set(stage, families);
  return families;
}

function family(text: string): string {
  return withoutArchs(text.slice(0, 2000)).replaceAll(/\.so\.\d+/g, ".so");
}
