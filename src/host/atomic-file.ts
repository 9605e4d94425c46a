import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { withPath } from "../errors/system-error.ts";

/** A temporary name beside `path`, so that a rename stays on one file system. */
export function stagingPath(path: string): string {
  return join(dirname(path), `.tmp-${process.pid}-${randomBytes(6).toString("hex")}`);
}

/** Writes a small file so that readers, and a crash at any point, see the old content or the new, whole. */
export async function writeFileAtomic(
  path: string,
  content: Uint8Array | string,
  mode?: number,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const staging = stagingPath(path);
  try {
    const file = await open(staging, "wx", mode ?? 0o644);
    try {
      // What was asked for, whatever the process takes away from new files.
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    await rename(staging, path);
  } catch (error) {
    await rm(staging, { force: true });
    throw withPath(error, staging);
  }
}

/**
 * Gives a directory that is complete its name. Where there is one of that name already (another process was
 * faster) it stays, unless `isWhole` says that it is damaged: then the new one takes its place.
 */
export async function publishDirectory(
  staging: string,
  target: string,
  isWhole: () => Promise<boolean>,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await rename(staging, target);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== "ENOTEMPTY" && code !== "EEXIST") || attempt > 3) throw withPath(error, target);
      if (await isWhole()) return;
      await rm(target, { recursive: true, force: true });
    }
  }
}

/** Writes a small file that nobody else looks at; unlike with Node.js's own function, errors name it. */
export async function writeSmallFile(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await writeFile(path, content);
  } catch (error) {
    throw withPath(error, path);
  }
}
