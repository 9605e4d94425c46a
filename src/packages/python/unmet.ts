import type { Context } from "../../host/context.ts";
import type { WheelFile } from "./download.ts";
import { evaluateMarker } from "./marker.ts";
import { parseRequirement } from "./requirement.ts";
import { matchesSpecifiers } from "./specifier.ts";
import { markerEnvironment, type PythonTarget } from "./target.ts";
import { unpackWheel } from "./unpack.ts";

/** A requirement of an installed wheel that the others don't meet. */
export interface UnmetRequirement {
  /** The package that requires, normalised. */
  readonly name: string;
  /** As its METADATA says it. */
  readonly requirement: string;
  /** The version that is there instead; absent where the package isn't there at all. */
  readonly found?: string;
}

/**
 * What `pip check` would find on the target, from the wheels' own metadata: a lock written by hand, or with
 * `--no-deps`, may lack what its packages need. Requirements of extras are not judged. Throws what unpackWheel
 * throws; metadata that is no requirement is passed over, as pip does.
 */
export async function findUnmetRequirements(
  wheels: readonly WheelFile[],
  target: PythonTarget,
  ctx: Context,
): Promise<readonly UnmetRequirement[]> {
  const versions = new Map(wheels.map(({ name, version }) => [name, version]));
  const environment = markerEnvironment(target);
  const unmet: UnmetRequirement[] = [];
  for (const wheel of wheels)
    for (const text of (await unpackWheel(wheel, ctx)).requires) {
      const requirement = tryParse(text);
      if (requirement === undefined) continue;
      const { name, marker, specifiers } = requirement;
      if (marker !== undefined && !evaluateMarker(marker, environment)) continue;
      const found = versions.get(name);
      if (found !== undefined && (found === "" || matchesSpecifiers(specifiers, found))) continue;
      unmet.push({ name: wheel.name, requirement: text, ...(found !== undefined && { found }) });
    }
  return unmet;
}

function tryParse(text: string): ReturnType<typeof parseRequirement> | undefined {
  try {
    return parseRequirement(text);
  } catch {
    return undefined;
  }
}
