import type { Entry } from "../../archive/entry.ts";
import { AnyarchError } from "../../errors/error.ts";
import type { OpenedPackage } from "./deb-store.ts";
import { parseParagraphs } from "./deb822.ts";
import { parseRelations, type Relation } from "./relation.ts";
import { mergeIntoUsr } from "./usr-merge.ts";
import { versionSatisfies } from "./version.ts";

/** What lies at a path, and the package that put it there; undefined for what anyarch makes itself. */
interface Placed {
  readonly entry: Entry;
  readonly owner: OpenedPackage | undefined;
}

/** Paths → what is there, /usr merged. */
export type FileTree = Map<string, Placed>;

/** Files of other packages that replaced a package's own, by package name: dpkg takes them off its list. */
export type ReplacedFiles = Map<string, Set<string>>;

/**
 * Lays the packages' files into one tree. Directories are shared; of two packages with the same file the one that
 * Replaces the other wins (Debian Policy 7.6); equal files are no conflict. Throws DEBIAN_UNSATISFIABLE.
 */
export function layFiles(packages: readonly OpenedPackage[]): { tree: FileTree; replaced: ReplacedFiles } {
  const tree: FileTree = new Map();
  const replaced: ReplacedFiles = new Map();
  const replaces = new Map(packages.map((one) => [one.locked.name, replacesOf(one)]));
  // As in a bootstrap, where base-files comes first and its directories' modes stay.
  const ordered = [...packages].sort((a, b) => rank(a) - rank(b));
  for (const owner of ordered) {
    for (const original of owner.entries) {
      const entry = mergeEntry(original);
      if (isOwnLink(entry)) continue;
      const there = tree.get(entry.path);
      if (there === undefined || wins(owner, entry, there)) {
        if (there?.owner !== undefined && there.owner !== owner)
          takeOff(replaced, there.owner, original.path);
        tree.set(entry.path, { entry, owner });
      } else if (entry.type !== "directory" && there.owner !== owner) takeOff(replaced, owner, original.path);
    }
  }
  return { tree, replaced };

  function wins(owner: OpenedPackage, entry: Entry, there: Placed): boolean {
    const other = there.owner;
    if (entry.type === "directory") {
      // A link to a directory stays, as dpkg leaves it.
      if (there.entry.type === "directory" || there.entry.type === "symlink") return false;
    } else if (there.entry.type === "directory" && entry.type === "symlink") return false;
    if (other === undefined || other === owner) return entry.type !== "symlink"; // One package, before and after merging.
    if (excludes(replaces.get(owner.locked.name), other)) return true;
    if (excludes(replaces.get(other.locked.name), owner) || sameContent(entry, there.entry)) return false;
    const names = `${other.locked.name} and ${owner.locked.name}`;
    throw new AnyarchError(
      "DEBIAN_UNSATISFIABLE",
      `The packages ${names} both have the file /${entry.path}.`,
      {
        hint: "Leave out one of the two.",
        details: { path: entry.path, packages: [other.locked.name, owner.locked.name] },
      },
    );
  }
}

function rank(one: OpenedPackage): number {
  return one.locked.name === "base-files" ? 0 : 1;
}

function replacesOf(one: OpenedPackage): readonly Relation[] {
  const [fields] = parseParagraphs(one.control, `the control file of ${one.locked.name}`);
  return parseRelations(fields?.get("replaces")).flat();
}

function excludes(relations: readonly Relation[] | undefined, other: OpenedPackage): boolean {
  return (relations ?? []).some(({ name, operator, version }) => {
    if (name !== other.locked.name) return false;
    if (operator === undefined || version === undefined) return true;
    return versionSatisfies(other.locked.version, operator, version);
  });
}

function sameContent(a: Entry, b: Entry): boolean {
  if (a.type === "file" && b.type === "file") return a.digest !== undefined && a.digest === b.digest;
  return a.type === "symlink" && b.type === "symlink" && a.target === b.target;
}

function takeOff(replaced: ReplacedFiles, owner: OpenedPackage, path: string): void {
  const { name } = owner.locked;
  const paths = replaced.get(name) ?? new Set();
  replaced.set(name, paths.add(path));
}

/** The entry where it lies once /usr is merged. */
export function mergeEntry(entry: Entry): Entry {
  const path = mergeIntoUsr(entry.path);
  if (entry.type === "hardlink") return { ...entry, path, target: mergeIntoUsr(entry.target) };
  return path === entry.path ? entry : { ...entry, path };
}

/** Links that merging turned into links to themselves: /usr/bin/x → /bin/x, and base-files' own bin → usr/bin. */
function isOwnLink(entry: Entry): boolean {
  if (entry.type !== "symlink") return false;
  if (/^usr\/[a-z0-9]+$/.test(entry.path) && entry.target === entry.path) return true;
  return entry.target.startsWith("/") && mergeIntoUsr(entry.target.slice(1)) === entry.path;
}
