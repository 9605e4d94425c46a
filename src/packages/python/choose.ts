import type { DistributionFile, LockedPackage } from "./lock.ts";
import type { MissingChoice, SourceChoice, WheelChoice } from "./select.ts";
import type { TagRanks } from "./tags.ts";
import { bestTag, compareBuilds, parseWheelName, type WheelName } from "./wheel-filename.ts";

/** A file that may be chosen: its place is known. */
export interface CandidateFile extends DistributionFile {
  readonly url: string;
  readonly version?: string;
  readonly requiresPython?: string;
  readonly yanked?: boolean;
}

interface Ranked {
  readonly file: CandidateFile;
  readonly wheel: WheelName;
  readonly tag: string;
  readonly rank: number;
}

/** The best wheel by tag, then by build number, as pip chooses; else the source; else missing. */
export function chooseFile(
  candidates: readonly CandidateFile[],
  ranks: TagRanks,
  locked: LockedPackage,
): WheelChoice | SourceChoice | MissingChoice {
  let best: Ranked | undefined;
  const platforms = new Set<string>();
  let source: CandidateFile | undefined;
  for (const file of candidates) {
    const wheel = parseWheelName(file.filename);
    if (wheel === undefined) {
      source ??= file;
      continue;
    }
    for (const platform of wheel.platforms) platforms.add(platform);
    const fit = bestTag(wheel, ranks);
    if (fit === undefined) continue;
    const ranked = { file, wheel, ...fit };
    if (best === undefined || compareRanked(ranked, best) < 0) best = ranked;
  }
  if (best !== undefined) return wheelChoice(best, locked.allowed);
  return sourceChoice(source, locked, [...platforms].sort());
}

function compareRanked(a: Ranked, b: Ranked): number {
  return a.rank - b.rank || compareBuilds(a.wheel.build, b.wheel.build);
}

function wheelChoice({ file, tag }: Ranked, allowed: readonly string[]): WheelChoice {
  const { filename, url, size, hashes } = file;
  const neutral = tag.endsWith("-none-any");
  return {
    kind: neutral ? "neutral" : "wheel",
    neutral,
    filename,
    url,
    hashes,
    ...unconfirmed(hashes, allowed),
    ...(size !== undefined && { size }),
    tag,
  };
}

/** What the lock allows, where what the index says of a file doesn't tell whether it is that. */
function unconfirmed(
  hashes: Readonly<Record<string, string>>,
  allowed: readonly string[],
): Pick<WheelChoice, "allowed"> {
  const confirmed = Object.entries(hashes).some(([name, hex]) => allowed.includes(`${name}:${hex}`));
  return allowed.length > 0 && !confirmed ? { allowed } : {};
}

function sourceChoice(
  source: CandidateFile | undefined,
  locked: LockedPackage,
  wheels: readonly string[],
): SourceChoice | MissingChoice {
  const { tree } = locked;
  if (tree?.kind === "directory")
    return { kind: "source", filename: tree.location, directory: tree.location, wheels };
  if (tree?.kind === "vcs") return { kind: "source", filename: tree.location, wheels };
  if (source === undefined) return { kind: "missing", wheels };
  const { filename, url, hashes } = source;
  return { kind: "source", filename, url, hashes, ...unconfirmed(hashes, locked.allowed), wheels };
}
