import { AnyarchError } from "../errors/error.ts";
import type { Entry, FileEntry } from "./entry.ts";

/** Characters whose UTF-16 order differs from the order of their UTF-8 bytes. */
const outOfOrder = /[\ud800-\uffff]/;

/** Orders strings as their UTF-8 bytes are ordered (JavaScript's own order is that of UTF-16 units). */
export function compareBytewise(a: string, b: string): number {
  if (a === b) return 0;
  if (outOfOrder.test(a) && outOfOrder.test(b)) return compareCodePoints(a, b);
  return a < b ? -1 : 1;
}

function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x === y) continue;
    // Surrogates stand for characters above U+FFFF, so they sort after every other unit.
    const xHigh = x >= 0xd800 && x <= 0xdfff;
    const yHigh = y >= 0xd800 && y <= 0xdfff;
    if (xHigh !== yHigh) return xHigh ? 1 : -1;
    return x - y;
  }
  return a.length - b.length;
}

/**
 * A new array sorted bytewise by path, as the tar writer wants it. A hard link has to come after its file, so
 * of the names of one file the first in order becomes the file and the others become links to it.
 */
export function sortEntries(entries: Iterable<Entry>): Entry[] {
  return rerootHardlinks([...entries].sort((a, b) => compareBytewise(a.path, b.path)));
}

function rerootHardlinks(sorted: Entry[]): Entry[] {
  /** Target of links that would come before it → the first of them. */
  const early = new Map<string, string>();
  for (const entry of sorted) {
    if (entry.type !== "hardlink" || early.has(entry.target)) continue;
    if (compareBytewise(entry.path, entry.target) < 0) early.set(entry.target, entry.path);
  }
  if (early.size === 0) return sorted;
  const files = new Map<string, FileEntry>();
  for (const entry of sorted) {
    if (entry.type === "file" && early.has(entry.path)) files.set(entry.path, entry);
  }
  return sorted.map((entry): Entry => {
    const target = entry.type === "hardlink" ? entry.target : entry.path;
    const first = early.get(target);
    const file = files.get(target);
    if (first === undefined || file === undefined) return entry;
    if (entry.path === first) return { ...file, path: first };
    return { ...metadataOf(file), path: entry.path, type: "hardlink", target: first };
  });
}

function metadataOf(file: FileEntry): Pick<FileEntry, "mode" | "uid" | "gid" | "mtime"> {
  const { mode, uid, gid, mtime } = file;
  return {
    mode,
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...(mtime !== undefined && { mtime }),
  };
}

/**
 * Sorted entries with a directory (mode 0755, owner 0:0) for each parent that is missing. Throws
 * APP_FILE_CONFLICT where something other than a directory has entries below it.
 */
export function withParents(entries: Iterable<Entry>): Entry[] {
  const given = [...entries];
  const types = new Map<string, Entry["type"]>();
  for (const { path, type } of given) types.set(path, type);
  const added: Entry[] = [];
  for (const { path } of given) {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const parent = path.slice(0, slash);
      const type = types.get(parent);
      if (type === "directory") break; // Its own parents were, or will be, looked at with it.
      if (type !== undefined) {
        throw new AnyarchError("APP_FILE_CONFLICT", `${path} is below ${parent}, which is a ${type}.`, {
          details: { path, parent },
        });
      }
      types.set(parent, "directory");
      added.push({ type: "directory", path: parent, mode: 0o755 });
    }
  }
  return sortEntries([...given, ...added]);
}
