import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

/** Path → what is there, down to the last byte: a digest for files, the target for links. */
export function snapshot(directory: string): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: string): void => {
    for (const name of readdirSync(join(directory, path)).sort()) {
      const inner = path === "" ? name : `${path}/${name}`;
      const file = join(directory, inner);
      const info = lstatSync(file, { throwIfNoEntry: false });
      if (info === undefined) found[inner] = "a name that is no UTF-8";
      else if (info.isDirectory()) {
        found[inner] = "directory";
        visit(inner);
      } else if (info.isSymbolicLink()) found[inner] = `-> ${readlinkSync(file)}`;
      else if (info.isFile()) {
        found[inner] = `${info.mode & 0o7777} ${digestOf(file)}`;
      } else found[inner] = "special";
    }
  };
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) visit("");
  return found;
}

/** Who isn't root can't look into everything that a test makes. */
function digestOf(file: string): string {
  try {
    return createHash("sha256").update(readFileSync(file)).digest("hex");
  } catch {
    return "unreadable";
  }
}

/** What anyarch calls files and folders that are not finished: there must be none once it has ended. */
const unfinished = /(?:^|\/)(?:\.tmp-|\.anyarch-|\.anyarch\.lock|anyarch-)/;

/** Paths below `directory` with such a name. */
export function unfinishedIn(directory: string): readonly string[] {
  return Object.keys(snapshot(directory)).filter((path) => unfinished.test(path));
}

/** Commands of the running processes whose environment holds `mark`: what a run has left behind. */
export function processesMarked(mark: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, "latin1").includes(mark)) return [];
        return [readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()];
      } catch {
        return []; // It has just ended, or belongs to somebody else.
      }
    })
    .filter((command) => command !== "");
}
