import { normalizePlatform } from "../../oci/platform.ts";
import { machineOf, pythonMinor, type PythonTarget } from "./target.ts";

/** The lowest glibc minor version that manylinux tags of an architecture go down to (PEP 513, 571, 599, 600). */
function lowestGlibc(machine: string): number {
  return machine === "x86_64" || machine === "i686" ? 5 : 17;
}

/** The names from before PEP 600, by glibc minor version. */
const legacyManylinux: Readonly<Record<number, string>> = {
  17: "manylinux2014",
  12: "manylinux2010",
  5: "manylinux1",
};

/**
 * The platform tags that a target accepts, best first, without "any": manylinux of its own glibc down to the
 * lowest there is (PEP 600), or musllinux down to 1_0 (PEP 656), then linux_<machine>. manylinux on ARM means
 * ARMv7 with hardware floating point, so that lower variants take only what names them.
 */
export function platformTags(target: PythonTarget): readonly string[] {
  const machine = machineOf(target.platform);
  const { architecture } = normalizePlatform(target.platform);
  const [major = 0, minor = 0] = target.libc.version.split(".").map((part) => Number.parseInt(part, 10) || 0);
  const tags: string[] = [];
  if (target.libc.family === "musl") {
    for (let version = minor; version >= 0; version--) tags.push(`musllinux_${major}_${version}_${machine}`);
  } else if (architecture !== "arm" || machine === "armv7l") {
    for (let version = minor; version >= lowestGlibc(machine); version--) {
      tags.push(`manylinux_${major}_${version}_${machine}`);
      const legacy = legacyManylinux[version];
      if (legacy !== undefined) tags.push(`${legacy}_${machine}`);
    }
  }
  return [...tags, `linux_${machine}`];
}

/** The ABI tag of a regular (not free-threaded, not debug) CPython build: cp311. */
export function abiTag(target: PythonTarget): string {
  const [major, minor] = pythonMinor(target);
  return `cp${major}${minor}${major === 3 && minor < 8 ? "m" : ""}`;
}

/**
 * All tags that the target's interpreter accepts, best first (PEP 425), in the order that pip uses: its own
 * ABI, the stable ABI, no ABI, the stable ABI of older Pythons, then the generic ones.
 */
export function compatibleTags(target: PythonTarget): readonly string[] {
  const [major, minor] = pythonMinor(target);
  const interpreter = `cp${major}${minor}`;
  const platforms = platformTags(target);
  const tags: string[] = [];
  const add = (python: string, abi: string, on: readonly string[]): void => {
    for (const platform of on) tags.push(`${python}-${abi}-${platform}`);
  };
  add(interpreter, abiTag(target), platforms);
  if (minor >= 2) add(interpreter, "abi3", platforms);
  add(interpreter, "none", platforms);
  for (let older = minor - 1; older >= 2; older--) add(`cp${major}${older}`, "abi3", platforms);
  const generic = [`py${major}${minor}`, `py${major}`];
  for (let older = minor - 1; older >= 0; older--) generic.push(`py${major}${older}`);
  for (const python of generic) add(python, "none", platforms);
  add(interpreter, "none", ["any"]);
  for (const python of generic) add(python, "none", ["any"]);
  return tags;
}

/** Position of each tag in {@link compatibleTags}: lower is better. */
export type TagRanks = ReadonlyMap<string, number>;

export function tagRanks(target: PythonTarget): TagRanks {
  const ranks = new Map<string, number>();
  for (const tag of compatibleTags(target)) if (!ranks.has(tag)) ranks.set(tag, ranks.size);
  return ranks;
}
