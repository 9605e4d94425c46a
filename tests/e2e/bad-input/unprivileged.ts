import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "../anyarch.ts";

/** "nobody" of Debian and most others. */
const nobody = 65_534;

/** Root may read and write everything: what modes forbid is tried as nobody, by setpriv. */
const isRoot = process.getuid?.() === 0;

const setpriv = [
  "setpriv",
  `--reuid=${nobody}`,
  `--regid=${nobody}`,
  "--clear-groups",
  "--",
  process.execPath,
] as const;

/** The Node.js that runs as a user without privileges, for `RunOptions.node`. */
export const unprivilegedNode: readonly string[] = isRoot ? setpriv : [process.execPath];

/** Why there is no such user here; undefined where there is one who can read this project. */
export function whyNotUnprivileged(): string | undefined {
  if (!isRoot) return undefined;
  const [program, ...before] = setpriv;
  const { status, error } = spawnSync(program, [...before, join(root, "lib/cli/main.js"), "--version"]);
  return status === 0 ? undefined : `setpriv to nobody: ${error?.message ?? `exit code ${status}`}`;
}

/** Gives a directory with all in it to that user; nothing to do for who isn't root. */
export function giveAway(directory: string): void {
  if (!isRoot) return;
  chownSync(directory, nobody, nobody);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) giveAway(path);
    else if (!entry.isSymbolicLink()) chownSync(path, nobody, nobody);
  }
}

/** A file system of a given size, in memory. */
export interface SmallDisk extends Disposable {
  readonly path: string;
}

/** Mounts a tmpfs of so many bytes on a directory. Throws where that isn't allowed: see {@link whyNoSmallDisk}. */
export function mountSmallDisk(path: string, bytes: number): SmallDisk {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes},mode=1777`, "tmpfs", path], { stdio: "pipe" });
  return { path, [Symbol.dispose]: () => execFileSync("umount", ["-l", path], { stdio: "pipe" }) };
}

export function whyNoSmallDisk(directory: string): string | undefined {
  try {
    using disk = mountSmallDisk(directory, 1 << 20);
    return disk.path === directory ? undefined : "it is mounted elsewhere";
  } catch (error) {
    return `mount: ${error instanceof Error ? (error.message.split("\n")[1] ?? error.message) : String(error)}`;
  }
}
