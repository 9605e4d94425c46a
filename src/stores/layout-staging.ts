import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { copyFile, link, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../errors/error.ts";
import { withPath } from "../errors/system-error.ts";
import { ownIdentity, parseIdentity, processState } from "../host/process-identity.ts";
import { writeSmallFile } from "../host/atomic-file.ts";
import { makeDirectory } from "../host/made-directory.ts";
import { type Digest, digestAlgorithm, digestHex } from "../oci/digest.ts";

const prefix = ".anyarch-";
/** A folder whose owner can't be looked at (another host) is taken for left behind after a day, */
const forgottenMs = 86_400_000;
/** and one that names no owner after a minute: writing the name takes no time. */
const namelessMs = 60_000;

/** Where a layout keeps a blob (image-spec image-layout.md, "Blobs"). */
export function blobPath(dir: string, digest: Digest): string {
  return join(dir, "blobs", digestAlgorithm(digest), digestHex(digest));
}

/**
 * The blobs of one writer between push and commit, in a folder of its own inside the layout: nothing else sees them,
 * and renaming them into place is all that a commit does. What is in the layout already is linked here, so that
 * another writer's clean-up can't take it away before the commit.
 */
export class LayoutStaging {
  readonly #layout: string;
  readonly #dir: string;
  readonly #blobs = new Map<Digest, Promise<void>>();
  #made: Promise<void> | undefined;
  /** Removes the layout's directory again, where it was made here and nothing was published in it. */
  #takeBack: () => Promise<void> = () => Promise.resolve();

  constructor(layout: string) {
    this.#layout = layout;
    this.#dir = join(layout, `${prefix}${process.pid}-${randomBytes(6).toString("hex")}`);
  }

  /** The staged file of a blob, once it is there. */
  async pathOf(digest: Digest): Promise<string | undefined> {
    const pending = this.#blobs.get(digest);
    if (pending === undefined) return undefined;
    await pending;
    return this.#path(digest);
  }

  /** Runs `write` for a blob's file unless it is staged already. True when it wrote. */
  async add(digest: Digest, write: (path: string) => Promise<void>): Promise<boolean> {
    const known = this.#blobs.get(digest);
    if (known !== undefined) {
      await known;
      return false;
    }
    const path = this.#path(digest);
    const work = this.#make().then(() => write(path));
    this.#blobs.set(digest, work);
    try {
      await work;
      return true;
    } catch (error) {
      this.#blobs.delete(digest);
      throw error;
    }
  }

  /** Makes sure that a blob of the layout stays for this commit. False when the layout doesn't have it. */
  async pin(digest: Digest): Promise<boolean> {
    const source = blobPath(this.#layout, digest);
    try {
      await this.add(digest, (path) => linkOrCopy(source, path));
      return true;
    } catch (error) {
      if (systemCode(error) === "ENOENT") return false;
      throw error;
    }
  }

  /**
   * Moves everything into the layout's blobs/, then `files` (name → content, in their order) to its root. All that
   * needs space is written before the first move, so that a full disk leaves the layout as it was.
   */
  async publish(files: Readonly<Record<string, Uint8Array | string>>): Promise<void> {
    await this.#make();
    for (const [name, content] of Object.entries(files)) await writeSmallFile(join(this.#dir, name), content);
    for (const digest of this.#blobs.keys()) {
      const target = blobPath(this.#layout, digest);
      await mkdir(join(target, ".."), { recursive: true });
      await rename(this.#path(digest), target);
    }
    for (const name of Object.keys(files)) await rename(join(this.#dir, name), join(this.#layout, name));
    await this.discard();
  }

  async discard(): Promise<void> {
    this.#blobs.clear();
    const made = this.#made;
    this.#made = undefined;
    if (made === undefined) return;
    await made.catch(() => {});
    // What can't be removed now is taken for abandoned later; the failure before it is the one to be told.
    await rm(this.#dir, { recursive: true, force: true }).catch(() => {});
    await this.#takeBack();
  }

  #path(digest: Digest): string {
    return join(this.#dir, `${digestAlgorithm(digest)}-${digestHex(digest)}`);
  }

  #make(): Promise<void> {
    this.#made ??= (async () => {
      this.#takeBack = await makeDirectory(this.#layout);
      // In one go: a folder that doesn't say whose it is can't be cleaned up soon.
      const owner = JSON.stringify(ownIdentity());
      mkdirSync(this.#dir);
      try {
        writeFileSync(join(this.#dir, "owner"), owner);
      } catch (error) {
        throw withPath(error, this.#dir);
      }
    })();
    return this.#made;
  }
}

async function linkOrCopy(source: string, path: string): Promise<void> {
  try {
    await link(source, path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") throw error;
    await copyFile(source, path); // A file system without hard links.
  }
}

/** Removes the folders of writers that are gone. */
export async function removeAbandonedStaging(layout: string): Promise<void> {
  for (const name of await readdir(layout)) {
    if (!name.startsWith(prefix)) continue;
    const dir = join(layout, name);
    if (await isAbandoned(dir)) await rm(dir, { recursive: true, force: true });
  }
}

async function isAbandoned(dir: string): Promise<boolean> {
  try {
    const age = Date.now() - (await stat(dir)).mtimeMs;
    const owner = await readFile(join(dir, "owner"), "utf8").catch(() => "");
    const identity = parseIdentity(owner);
    const state = identity === undefined ? "unknown" : processState(identity);
    const patience = identity === undefined ? namelessMs : forgottenMs;
    return state === "dead" || (state === "unknown" && age > patience);
  } catch {
    return false; // Just removed by its owner.
  }
}
