import { rmSync } from "node:fs";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { AnyarchError } from "../errors/error.ts";
import { mkdir, rename, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stagingPath } from "../host/atomic-file.ts";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import { type Digest, digestAlgorithm, digestHex } from "../oci/digest.ts";
import { isFileOfSize, openVerifiedFile, writeVerified } from "./content-file.ts";
import type { PushContent } from "./store.ts";

/**
 * Blobs by digest under `<cacheDir>/blobs/`, shared by all processes of the user: files appear whole and verified, or
 * not at all. Two processes that fetch the same blob do so twice; the second replaces the first's by the same bytes.
 */
export class BlobCache {
  /** Absolute. */
  readonly dir: string;
  readonly #pending = new Map<Digest, Promise<string>>();

  constructor(cacheDir: string) {
    this.dir = join(cacheDir, "blobs");
  }

  /** Where a blob is, or would be. */
  pathOf(digest: Digest): string {
    return join(this.dir, digestAlgorithm(digest), digestHex(digest));
  }

  async has(descriptor: Descriptor): Promise<boolean> {
    return isFileOfSize(this.pathOf(descriptor.digest), descriptor.size);
  }

  /**
   * The blob's bytes, from the cache, where `open` brings them first if need be. Verified once more while they are
   * read: what is on a disk can change. Throws what {@link ensure} throws.
   */
  async getOrFetch(descriptor: Descriptor, open: PushContent, ctx: Context): Promise<Readable> {
    await this.ensure(descriptor, open, ctx);
    return this.open(descriptor);
  }

  /** The bytes of a blob that is there, verified. One that proves damaged is removed: the next time it is had anew. */
  open(descriptor: Descriptor): Readable {
    const path = this.pathOf(descriptor.digest);
    const hint = "What is damaged is removed from the cache: run the command again.";
    const stream = openVerifiedFile(path, descriptor, `the cache ${this.dir}`, hint);
    stream.once("error", (error) => {
      if (error instanceof AnyarchError && error.code === "DIGEST_MISMATCH") rmSync(path, { force: true });
    });
    return stream;
  }

  /** Lets pruning see that a blob is in use; a cache that can't be written to still serves. */
  async touch(digest: Digest): Promise<void> {
    const now = new Date();
    await utimes(this.pathOf(digest), now, now).catch(() => {});
  }

  /**
   * The path of the blob's file, which is fetched by `open` where it isn't there. Concurrent calls fetch once. Throws
   * DIGEST_MISMATCH where what came isn't the blob, and what `open` throws.
   */
  async ensure(descriptor: Descriptor, open: PushContent, ctx: Context): Promise<string> {
    const { digest } = descriptor;
    const path = this.pathOf(digest);
    if (await this.has(descriptor)) {
      await this.touch(digest);
      return path;
    }
    let pending = this.#pending.get(digest);
    if (pending === undefined) {
      pending = this.#fetch(descriptor, open, ctx).finally(() => this.#pending.delete(digest));
      this.#pending.set(digest, pending);
    }
    return pending;
  }

  /** Reads a blob again, and removes it where it isn't any more what it was. True when it was removed. */
  async removeDamaged(descriptor: Descriptor): Promise<boolean> {
    try {
      await finished(this.open(descriptor).resume());
    } catch {
      return !(await this.has(descriptor));
    }
    return false;
  }

  async #fetch(descriptor: Descriptor, open: PushContent, ctx: Context): Promise<string> {
    const path = this.pathOf(descriptor.digest);
    await mkdir(dirname(path), { recursive: true });
    const staging = stagingPath(path);
    await writeVerified(staging, descriptor, open, ctx, { from: "the source of a cached blob" });
    await rename(staging, path);
    return path;
  }
}
