import { randomBytes } from "node:crypto";
import { copyFile, link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../errors/error.ts";
import { ownIdentity, parseIdentity, processState } from "../host/process-identity.ts";
import { type Digest, digestAlgorithm, digestHex } from "../oci/digest.ts";

const prefix = ".anyarch-";
/** A folder whose owner can't be looked at (another host) is taken for left behind after a day. */
const forgottenMs = 86_400_000;

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

  /** Moves everything into the layout's blobs/. */
  async publish(): Promise<void> {
    for (const digest of this.#blobs.keys()) {
      const target = blobPath(this.#layout, digest);
      await mkdir(join(target, ".."), { recursive: true });
      await rename(this.#path(digest), target);
    }
    await this.discard();
  }

  async discard(): Promise<void> {
    this.#blobs.clear();
    const made = this.#made;
    this.#made = undefined;
    if (made === undefined) return;
    await made.catch(() => {});
    await rm(this.#dir, { recursive: true, force: true });
  }

  #path(digest: Digest): string {
    return join(this.#dir, `${digestAlgorithm(digest)}-${digestHex(digest)}`);
  }

  #make(): Promise<void> {
    this.#made ??= (async () => {
      await mkdir(this.#dir, { recursive: true });
      await writeFile(join(this.#dir, "owner"), JSON.stringify(ownIdentity()));
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
    return state === "dead" || (state === "unknown" && age > forgottenMs);
  } catch {
    return false; // Just removed by its owner.
  }
}
