import { mountsOf } from "../../dockerfile/mounts.ts";
import type { ContextFiles, MatchedFiles } from "./context-files.ts";
import { isNative, type Place, placesOf } from "./uses.ts";

/** What one instruction takes from the build context. */
export interface CopiedFiles {
  readonly place: Place;
  /** As written, variables expanded. */
  readonly source: string;
  readonly matched: MatchedFiles;
}

/** Sources of COPY and ADD in the context as they are written, or undefined for what comes from elsewhere. */
export function contextSources({ instruction, at }: Place): readonly string[] | undefined {
  if (instruction.keyword !== "COPY" && instruction.keyword !== "ADD") return undefined;
  if (instruction.flags.some(({ name }) => name === "from") || instruction.heredocs.length > 0)
    return undefined;
  return at.words.slice(0, -1).filter((word) => !/^\w+:\/\/|^git@|\ufffc/.test(word));
}

/** What COPY and ADD take from the context, in stages for the target as they are built there. */
export function* copiedFiles(places: Iterable<Place>, files: ContextFiles): Generator<CopiedFiles> {
  for (const place of places) {
    for (const source of contextSources(place) ?? []) {
      const matched = files.matched(source);
      if (matched !== undefined) yield { place, source, matched };
    }
  }
}

/**
 * The path in the context of the file `name` that a command finds in its stage: copied into it or a stage that it is
 * FROM, or mounted. The least deep where there are several.
 */
export function copiedFile(at: Place, name: string, files: ContextFiles): string | undefined {
  const stages = new Set<number>();
  for (let index: number | undefined = at.facts.index; index !== undefined && !stages.has(index);) {
    stages.add(index);
    index = at.model.stages[index]?.parent;
  }
  const found: string[] = [];
  for (const place of placesOf(at.model)) {
    if (place.view !== at.view || !stages.has(place.facts.index)) continue;
    if (place.facts.index === at.facts.index && place.order > at.order) continue;
    const mounted = place.instruction === at.instruction ? mountSources(place) : [];
    for (const source of [...(contextSources(place) ?? []), ...mounted]) {
      for (const path of files.matched(source)?.files ?? []) {
        if (path.slice(path.lastIndexOf("/") + 1) === name && !path.includes("node_modules/"))
          found.push(path);
      }
    }
  }
  const depth = (path: string): number => path.split("/").length;
  return found.sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1))[0];
}

function mountSources({ instruction }: Place): readonly string[] {
  return mountsOf(instruction).flatMap(({ from, source }) =>
    from === "" && source !== undefined && !source.includes("$") ? [source] : [],
  );
}

/** Places of stages that follow the target, seen from a machine of the target's own. */
export function targetPlaces(places: readonly Place[]): readonly Place[] {
  return places.filter(({ view, facts }) => isNative(view) && facts.follows === "target");
}
