import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownIdentity, parseIdentity, processState } from "../host/process-identity.ts";
import { makeTempDir, type TempDir } from "../host/temp-dir.ts";

const ownerFile = "owner.json";
const prefix = "anyarch-build-";

/**
 * A temporary directory, only for this user, that a later build removes where this process has no time to: it may hold
 * the layers of all platforms, and kill -9 would leave them in TMPDIR for ever.
 */
export async function makeOwnedTempDir(): Promise<TempDir> {
  await removeLeftovers(tmpdir());
  const temporary = await makeTempDir(tmpdir(), prefix);
  try {
    await writeFile(join(temporary.path, ownerFile), JSON.stringify(ownIdentity()));
    return temporary;
  } catch (error) {
    await temporary[Symbol.asyncDispose]();
    throw error;
  }
}

/** Directories whose process is gone. */
async function removeLeftovers(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => []);
  for (const name of names.filter((entry) => entry.startsWith(prefix))) {
    const path = join(parent, name);
    const owner = await readFile(join(path, ownerFile), "utf8").catch(() => "");
    const identity = parseIdentity(owner);
    if (identity === undefined || processState(identity) !== "dead") continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}
