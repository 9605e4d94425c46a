import type { Entry } from "../../archive/entry.ts";
import { sortEntries } from "../../archive/sort-entries.ts";
import { AnyarchError } from "../../errors/error.ts";
import type { Context } from "../../host/context.ts";
import { formatPlatform, type Platform } from "../../oci/platform.ts";
import { alternativeEntries, findAlternatives } from "./alternatives.ts";
import { type OpenedPackage, openPackages } from "./deb-store.ts";
import { directory, dpkgDatabase } from "./dpkg-database.ts";
import { type DebianFacts, debianFacts } from "./facts.ts";
import { type FileTree, layFiles, mergeEntry } from "./file-tree.ts";
import type { DebianLock } from "./lock.ts";
import { debianArchitecture, type DebianSource } from "./request.ts";
import { requestSources } from "./resolve.ts";
import { scriptNotes, type ScriptNote } from "./script-notes.ts";
import { addSystemFiles } from "./system-files.ts";

/** Entries of one layer, sorted bytewise by path, parents first. */
interface DebianLayer {
  readonly name: string;
  /** True where the bytes are the same for all platforms whose sets of `Architecture: all` packages are the same. */
  readonly neutral: boolean;
  readonly entries: readonly Entry[];
}

export interface DebianLayers {
  /** The neutral one first, so that platforms share it; left out where there are no such packages. */
  readonly layers: readonly DebianLayer[];
  readonly facts: DebianFacts;
  /** For the image's config. */
  readonly env: Readonly<Record<string, string>>;
  readonly notes: readonly ScriptNote[];
}

export interface DebianLayersOptions {
  /** Where to download from; the machine's own apt sources where absent. */
  readonly mirrors?: readonly DebianSource[];
}

/**
 * The layers that hold a platform's locked packages, installed as dpkg would have left them but without running
 * anything: files, merged /usr, dpkg's database, and what the scripts of the base packages would have made.
 *
 * Throws LOCK_OUTDATED where the lock lacks the platform, HASH_MISMATCH, DEBIAN_PACKAGE_MISSING,
 * DEBIAN_SOURCE_MISSING, DEBIAN_UNSATISFIABLE for file conflicts, ARCHIVE_INVALID and ARCHIVE_UNSAFE.
 */
export async function debianLayers(
  lock: DebianLock,
  platform: Platform,
  ctx: Context,
  options: DebianLayersOptions = {},
): Promise<DebianLayers> {
  const architecture = debianArchitecture(platform);
  const locked = lock.architectures[architecture];
  if (locked === undefined) {
    throw new AnyarchError(
      "LOCK_OUTDATED",
      `The Debian lock has no packages for ${architecture} (${formatPlatform(platform)}).`,
      { hint: "Resolve again with this platform, so that the lock gets them." },
    );
  }
  const { mirrors } = options;
  const sources = (): Promise<DebianSource[]> =>
    requestSources({ suite: lock.suite, ...(mirrors && { mirrors }) }, ctx);
  const packages = await openPackages(locked, sources, platform, ctx);
  const { tree, replaced } = layFiles(packages);
  addSystemFiles(tree, packages, lock.suite);
  for (const entry of dpkgDatabase(packages, architecture, replaced)) {
    tree.set(entry.path, { entry, owner: undefined });
  }
  const alternatives = packages.flatMap((one) => findAlternatives(one.texts.postinst).alternatives);
  for (const entry of alternativeEntries(alternatives, (path) => tree.has(path))) {
    if (!tree.has(entry.path)) tree.set(entry.path, { entry, owner: undefined });
  }
  return {
    layers: splitLayers(tree, packages, architecture),
    facts: debianFacts(locked),
    env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
    notes: scriptNotes(packages),
  };
}

/**
 * What the packages for all architectures bring goes into a layer of its own, which must not depend on the
 * platform's other packages: its directories are those that its own packages have.
 */
function splitLayers(
  tree: FileTree,
  packages: readonly OpenedPackage[],
  architecture: string,
): DebianLayer[] {
  const neutral = new Map<string, Entry>();
  for (const one of packages.filter(isNeutral)) {
    for (const { path, entry } of directoriesOf(one)) {
      if (tree.get(path)?.entry.type === "directory" && !neutral.has(path)) neutral.set(path, entry);
    }
  }
  const specific: Entry[] = [];
  for (const { entry, owner } of tree.values()) {
    if (owner === undefined || !isNeutral(owner)) specific.push(entry);
    else if (entry.type !== "directory") neutral.set(entry.path, entry);
  }
  const layers: DebianLayer[] = [
    { name: `Debian packages for ${architecture}`, neutral: false, entries: withParents(specific, tree) },
  ];
  const shared = withParents(neutral.values(), new Map());
  if (shared.length > 0) {
    layers.unshift({ name: "Debian packages for all architectures", neutral: true, entries: shared });
  }
  return layers;
}

function isNeutral(one: OpenedPackage): boolean {
  return one.locked.architecture === "all";
}

function directoriesOf(one: OpenedPackage): { path: string; entry: Entry }[] {
  return one.entries
    .filter((entry) => entry.type === "directory")
    .map((entry) => mergeEntry(entry))
    .map((entry) => ({ path: entry.path, entry }));
}

/** Adds the parent directories that are missing, as the tree has them. */
function withParents(entries: Iterable<Entry>, tree: FileTree): Entry[] {
  const given = [...entries];
  const byPath = new Map(given.map((entry) => [entry.path, entry]));
  for (const { path } of given) {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const parent = path.slice(0, slash);
      const there = byPath.get(parent);
      if (there === undefined) {
        const known = tree.get(parent)?.entry;
        byPath.set(parent, known?.type === "directory" ? known : directory(parent));
      } else if (there.type !== "directory") {
        throw new AnyarchError(
          "DEBIAN_UNSATISFIABLE",
          `Packages have /${path}, but /${parent} is a ${there.type} of another package.`,
          { details: { path, parent } },
        );
      } else break;
    }
  }
  return sortEntries(byPath.values());
}
