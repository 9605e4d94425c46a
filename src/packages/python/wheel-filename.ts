import { normalizeName } from "./name.ts";
import type { TagRanks } from "./tags.ts";
import { canonicalVersion } from "./version.ts";

/** What a wheel's file name says (binary distribution format, "File name convention"). */
export interface WheelName {
  readonly filename: string;
  /** Normalised. */
  readonly name: string;
  /** Canonical (PEP 440). */
  readonly version: string;
  /** [number, rest] of the build tag; [] without one. Higher wins among equal tags. */
  readonly build: readonly [] | readonly [number, string];
  /** Compressed tag sets expanded: every python-abi-platform combination. */
  readonly tags: readonly string[];
  /** The platform tags, in the order of the name. */
  readonly platforms: readonly string[];
}

const pattern = /^([^-]+)-([^-]+)(?:-(\d[^-]*))?-([^-]+)-([^-]+)-([^-]+)\.whl$/;

/** Undefined where the name isn't that of a wheel. */
export function parseWheelName(filename: string): WheelName | undefined {
  const match = pattern.exec(filename);
  if (match === null) return undefined;
  const [, name = "", version = "", build, pythons = "", abis = "", platforms = ""] = match;
  const tags: string[] = [];
  for (const python of pythons.split("."))
    for (const abi of abis.split("."))
      for (const platform of platforms.split(".")) tags.push(`${python}-${abi}-${platform}`.toLowerCase());
  const [, number, rest = ""] = /^(\d+)(.*)$/.exec(build ?? "") ?? [];
  return {
    filename,
    name: normalizeName(name),
    version: canonicalVersion(version.replaceAll("_", "-")),
    build: number === undefined ? [] : [Number(number), rest],
    tags,
    platforms: platforms.split("."),
  };
}

/** The best of the wheel's tags on the target, and its rank (lower is better); undefined where none fits. */
export function bestTag(
  wheel: WheelName,
  ranks: TagRanks,
): { readonly tag: string; readonly rank: number } | undefined {
  let best: { tag: string; rank: number } | undefined;
  for (const tag of wheel.tags) {
    const rank = ranks.get(tag);
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { tag, rank };
  }
  return best;
}

/** Negative where build tag `a` wins over `b`: a higher number first, none last. */
export function compareBuilds(a: WheelName["build"], b: WheelName["build"]): number {
  const numbers = (b[0] ?? -1) - (a[0] ?? -1);
  if (numbers !== 0) return numbers;
  const [left, right] = [a[1] ?? "", b[1] ?? ""];
  return left === right ? 0 : left > right ? -1 : 1;
}
