import { archNames } from "./arch-names.ts";
import type { Stop, Trace } from "../shell/trace.ts";
import type { DockerfileModel } from "./model.ts";
import { isNative, lineAt, placesOf } from "./uses.ts";

/** A RUN that ends the build on purpose for one architecture and not for another. */
export interface ArchitectureStop {
  readonly line: number;
  readonly constructLine: number;
  readonly architecture: string;
  /** True where a branch names the architecture; false where it is in the branch for everything else. */
  readonly explicit: boolean;
}

/** The end of a script; within a substitution only where it was chosen by an architecture. */
function stopOf(trace: Trace | undefined): Stop | undefined {
  if (trace?.stop !== undefined || trace?.innerStop === undefined) return trace?.stop;
  const { branches } = trace.innerStop;
  return branches.some(({ literals }) => literals.some((text) => archNames(text).length > 0))
    ? trace.innerStop
    : undefined;
}

export function stopsOf(model: DockerfileModel): readonly ArchitectureStop[] {
  const native = placesOf(model).filter(
    ({ view, instruction }) => isNative(view) && instruction.keyword === "RUN",
  );
  const passing = new Set(
    native.filter(({ at }) => stopOf(at.trace) === undefined).map(({ instruction }) => instruction),
  );
  return native.flatMap((place): ArchitectureStop[] => {
    const stop = stopOf(place.at.trace);
    // What ends for everybody has other reasons, or is understood wrongly.
    if (stop === undefined || !passing.has(place.instruction)) return [];
    const { architecture } = place.view.scenario.target;
    const branch = stop.branches.findLast(({ literals }) =>
      literals.some((text) => archNames(text).length > 0),
    );
    const line = lineAt(place, stop.at);
    if (branch === undefined) return [{ line, constructLine: line, architecture, explicit: true }];
    const constructLine = lineAt(place, branch.at);
    const explicit = !branch.fallback && branch.literals.length <= 4;
    return [
      {
        line,
        constructLine: explicit ? lineAt(place, branch.branchAt) : constructLine,
        architecture,
        explicit,
      },
    ];
  });
}
