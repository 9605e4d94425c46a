import { chmodSync, lstatSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../errors/error.ts";
import { makeTempDir, type TempDir } from "../host/temp-dir.ts";

/**
 * A directory that disappears with its scope, whatever modes an image's directories have: who isn't root must make
 * them writable first.
 */
export async function makeScratchDirectory(): Promise<TempDir> {
  const { path } = await makeTempDir();
  return { path, [Symbol.asyncDispose]: () => removeTree(path) };
}

async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (systemCode(error) !== "EACCES" && systemCode(error) !== "EPERM") throw error;
    openDirectories(path);
    await rm(path, { recursive: true, force: true });
  }
}

function openDirectories(path: string): void {
  if (!lstatSync(path).isDirectory()) return;
  chmodSync(path, 0o700);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) openDirectories(join(path, entry.name));
  }
}
