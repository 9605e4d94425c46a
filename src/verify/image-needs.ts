import { elfFits, isDeviceCode, isDynamic } from "./architecture.ts";
import type { ElfFacts } from "./elf.ts";
import { compareVersions } from "./elf-dynamic.ts";
import { type Libc, libcOf } from "./libc.ts";
import type { ScannedElf } from "./layer-scan.ts";
import type { PlacedFile, Subject } from "./subject.ts";

/** What an image of Linux needs of the machine that runs it, as its ELF files say; plain JSON. */
export interface ImageNeeds {
  /** ELF files for the image's platform that a container sees. */
  readonly elf: number;
  /** Of programs and libraries for the platform; empty where the image has none. */
  readonly bits: readonly (32 | 64)[];
  /** x86-64: the highest level that files declare to need, from 1, and the first of those that need it. */
  readonly isa?: { readonly level: number; readonly path: string };
  /** ARM, 32 bit. */
  readonly arm?: {
    /** The highest version that files need, but for those that choose when they are loaded. */
    readonly version?: number;
    readonly float: "hard" | "soft" | "mixed" | "unknown";
  };
  /** C libraries in the image, or asked for by its programs. */
  readonly libc: readonly LibcNeed[];
  /** "static" where no program or library of the image is loaded by a dynamic loader, "none" without ELF files. */
  readonly linking: "dynamic" | "static" | "none";
  /** What the container starts; absent where the config names nothing, or nothing that is there. */
  readonly start?: { readonly path: string; readonly linking: "dynamic" | "static" | "script" };
  /** The oldest Linux that the C library supports ("3.2.0"); absent where no file says it. */
  readonly kernel?: string;
}

export interface LibcNeed {
  readonly family: Libc;
  /** What the image has: "2.36"; absent where it has none or doesn't say. */
  readonly version?: string;
  /** The highest version whose symbols files want; of glibc only. */
  readonly needed?: string;
}

/** Pure. Only of what the image shows: files that a layer above hides count for nothing. */
export function imageNeeds(subject: Subject): ImageNeeds {
  const files = subject
    .elf()
    .filter(({ file, live }) => live && isCode(file.facts) && elfFits(file.facts, subject.platform).ok);
  const facts = files.map(({ file }) => file.facts);
  const kernel = highest(facts.map((one) => one.kernel));
  const isa = subject.platform.architecture === "amd64" ? isaNeed(files) : undefined;
  const start = startOf(subject, files);
  return {
    elf: files.length,
    bits: [...new Set(facts.map((one) => one.class))].toSorted((a, b) => a - b),
    ...(isa && { isa }),
    ...(subject.platform.architecture === "arm" && { arm: armNeed(facts) }),
    libc: libcNeeds(subject, facts),
    linking: facts.length === 0 ? "none" : facts.some(isDynamic) ? "dynamic" : "static",
    ...(start && { start }),
    ...(kernel !== undefined && { kernel }),
  };
}

function isCode(facts: ElfFacts): boolean {
  return (facts.type === "exec" || facts.type === "dyn") && !isDeviceCode(facts);
}

function highest(versions: readonly (string | undefined)[]): string | undefined {
  return versions
    .filter((version) => version !== undefined)
    .toSorted(compareVersions)
    .at(-1);
}

/** Where libraries for better processors lie beside those for all. */
const chosenByLoader = /(?:^|\/)(?:glibc-hwcaps|haswell)\//;

function isaNeed(files: readonly PlacedFile<ScannedElf>[]): ImageNeeds["isa"] {
  let found: ImageNeeds["isa"];
  for (const { file, path } of files) {
    const { isa: level } = file.facts;
    if (level !== undefined && level > (found?.level ?? 0) && !chosenByLoader.test(path))
      found = { level, path };
  }
  return found;
}

function armNeed(facts: readonly ElfFacts[]): NonNullable<ImageNeeds["arm"]> {
  const versions = facts.flatMap(({ armVersion, armChooses }) =>
    armVersion === undefined || armChooses === true ? [] : [armVersion],
  );
  const said = facts.flatMap(({ armFloat }) =>
    armFloat === "hard" || armFloat === "soft" ? [armFloat] : [],
  );
  const [first = "unknown", ...others] = new Set(said);
  return {
    ...(versions.length > 0 && { version: Math.max(...versions) }),
    float: others.length > 0 ? "mixed" : first,
  };
}

function libcNeeds(subject: Subject, facts: readonly ElfFacts[]): readonly LibcNeed[] {
  const families = new Set<Libc>(subject.libcs);
  for (const one of facts) {
    const libc = libcOf(one);
    if (libc !== undefined) families.add(libc);
  }
  return [...families].toSorted().map((family): LibcNeed => {
    const version = family === "glibc" ? glibcOf(facts) : muslOf(subject);
    const needed = family === "glibc" ? highest(facts.map((one) => one.glibc)) : undefined;
    return {
      family,
      ...(version !== undefined && subject.libcs.has(family) && { version }),
      ...(needed !== undefined && { needed }),
    };
  });
}

/** The highest version whose symbols libc.so.6 itself defines. */
function glibcOf(facts: readonly ElfFacts[]): string | undefined {
  return highest(facts.map((one) => (one.soname === "libc.so.6" ? one.glibcProvided : undefined)));
}

/** musl's file doesn't name its version; Alpine's package does: "1.2.5-r0". */
function muslOf({ layers }: Subject): string | undefined {
  const packages = layers.flatMap(({ scan }) => scan.packages);
  return packages
    .findLast(({ kind, name }) => kind === "apk" && name === "musl")
    ?.version?.replace(/-r\d+$/, "");
}

function startOf(subject: Subject, files: readonly PlacedFile<ScannedElf>[]): ImageNeeds["start"] {
  const path = subject.start?.path;
  if (path === undefined) return undefined;
  const elf = files.find(
    (placed) => placed.path === path || placed.file.path === path || placed.file.hardlinks?.includes(path),
  );
  if (elf !== undefined) return { path, linking: isDynamic(elf.file.facts) ? "dynamic" : "static" };
  const isScript = subject
    .files((scan) => scan.scripts)
    .some((placed) => placed.live && placed.path === path);
  return isScript ? { path, linking: "script" } : undefined;
}
