import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { AnyarchError, systemCode } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";
import type { Context } from "../host/context.ts";
import { withFileLock } from "../host/file-lock.ts";
import { type Descriptor, parseIndex, parseManifest, serializeIndex } from "../oci/content.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { isIndexType, isManifestType, mediaTypes } from "../oci/media-type.ts";
import { isFileOfSize, isThere, openVerifiedFile, writeVerified } from "./content-file.ts";
import { dockerManifest } from "./docker-manifest.ts";
import { childrenOf, hasChildren, isForeign, platformOf, readContent } from "./graph.ts";
import {
  emptyLayoutIndex,
  findEntries,
  type LayoutIndex,
  notInLayout,
  parseLayoutIndex,
  serializeLayoutIndex,
  withEntry,
} from "./layout-index.ts";
import { blobPath, LayoutStaging, removeAbandonedStaging } from "./layout-staging.ts";
import type { PushContent, PushOptions, PushOutcome, WritableStore } from "./store.ts";

interface PendingTag {
  readonly descriptor: Descriptor;
  readonly tag: string;
  readonly imageName: string | undefined;
}

/**
 * An OCI image layout (image-spec image-layout.md) in a directory, which is made by the first commit. What is pushed
 * stays in a folder of its own until {@link commit} moves it into place, replaces index.json at once and removes
 * blobs that nothing refers to any more: a crash at any point leaves the layout as it was. Several writers may work
 * at the same time; their commits take turns.
 */
export class LayoutStore implements WritableStore, AsyncDisposable {
  readonly name: string;
  readonly dir: string;
  readonly #staging: LayoutStaging;
  #pending: PendingTag[] = [];
  /** Indexes that aren't files: images whose platforms a foreign layout lists side by side. */
  readonly #synthetic = new Map<Digest, Uint8Array>();

  /** `name` is for people, "oci:DIR" by default. */
  constructor(dir: string, name: string = `oci:${dir}`) {
    this.dir = dir;
    this.name = name;
    this.#staging = new LayoutStaging(dir);
  }

  async resolve(reference: string, ctx: Context): Promise<Descriptor> {
    const index = this.#withPending(await this.#readIndex());
    const found = findEntries(index, reference);
    const [first, ...others] = found;
    if (first !== undefined && others.length === 0) return first;
    if (first !== undefined) return this.#combine(found);
    const nested = isDigest(reference) ? await this.#findNested(index, reference, ctx) : undefined;
    if (nested !== undefined) return nested;
    if (index === emptyLayoutIndex) {
      throw new AnyarchError("IMAGE_NOT_FOUND", `There is no image layout in ${this.dir}.`, {
        hint: "Check the path; `anyarch build` writes to dist/image where nothing else is said.",
        details: { store: this.name, reference },
      });
    }
    return notInLayout(this.name, reference, index);
  }

  /** The entries of index.json, newest first. */
  async entries(): Promise<readonly Descriptor[]> {
    return this.#withPending(await this.#readIndex()).entries;
  }

  async fetch(descriptor: Descriptor, ctx: Context): Promise<Readable> {
    const synthetic = this.#synthetic.get(descriptor.digest);
    if (synthetic !== undefined) return Readable.from([synthetic]);
    const path = await this.fileOf(descriptor, ctx);
    if (path !== undefined) return openVerifiedFile(path, descriptor, this.name);
    throw new AnyarchError("IMAGE_NOT_FOUND", `${this.name} doesn't hold ${descriptor.digest}.`, {
      hint: "The layout is incomplete, or another process changed it meanwhile.",
      details: { store: this.name, digest: descriptor.digest },
    });
  }

  async exists(descriptor: Descriptor, ctx: Context): Promise<boolean> {
    if (this.#synthetic.has(descriptor.digest)) return true;
    const path = await this.fileOf(descriptor, ctx);
    return path !== undefined && isFileOfSize(path, descriptor.size);
  }

  async fileOf(descriptor: Descriptor, _ctx: Context): Promise<string | undefined> {
    const staged = await this.#staging.pathOf(descriptor.digest);
    if (staged !== undefined) return staged;
    const path = blobPath(this.dir, descriptor.digest);
    // Of any size: a wrong one is found when it is read, and named as what it is.
    return (await isThere(path)) ? path : undefined;
  }

  async push(
    descriptor: Descriptor,
    content: PushContent,
    ctx: Context,
    options: PushOptions = {},
  ): Promise<PushOutcome> {
    const present = await isFileOfSize(blobPath(this.dir, descriptor.digest), descriptor.size);
    if (present && (await this.#staging.pin(descriptor.digest))) return "exists";
    const { onProgress } = options;
    const wrote = await this.#staging.add(descriptor.digest, (path) =>
      writeVerified(path, descriptor, content, ctx, {
        from: `what is pushed to ${this.name}`,
        ...(onProgress && { onProgress }),
      }),
    );
    return wrote ? "pushed" : "exists";
  }

  /** Throws CONTENT_INVALID where something that it refers to wasn't pushed. */
  async tag(descriptor: Descriptor, reference: string, ctx: Context): Promise<void> {
    await this.tagAs(descriptor, reference, undefined, ctx);
  }

  /** Tags as containerd and Docker do: with a full name beside the tag. */
  async tagAs(
    descriptor: Descriptor,
    tag: string,
    imageName: string | undefined,
    ctx: Context,
  ): Promise<void> {
    await this.#pinTree(descriptor, ctx);
    let { platform } = descriptor;
    if (platform === undefined && isManifestType(descriptor.mediaType)) {
      platform = await platformOf(this, parseManifest(await readContent(this, descriptor, ctx)), ctx);
    }
    const filled = platform === undefined ? descriptor : { ...descriptor, platform };
    this.#pending.push({ descriptor: filled, tag, imageName });
  }

  async commit(ctx: Context): Promise<void> {
    if (this.#pending.length === 0) {
      await this.#staging.discard();
      return;
    }
    await mkdir(this.dir, { recursive: true });
    await withFileLock(join(this.dir, ".anyarch.lock"), ctx, async () => {
      const index = this.#withPending(await this.#readIndex());
      // So that `tar -C DIR -c . | docker load` works wherever Docker keeps its images.
      const docker = await dockerManifest(this, index.entries, ctx).catch(ignoreUnreadable);
      await this.#staging.publish({
        "oci-layout": '{"imageLayoutVersion":"1.0.0"}',
        "index.json": serializeLayoutIndex(index),
        ...(docker !== undefined && { "manifest.json": docker }),
      });
      if (docker === undefined) await rm(join(this.dir, "manifest.json"), { force: true });
      this.#pending = [];
      await removeAbandonedStaging(this.dir);
      await this.#removeUnreferenced(index, ctx);
    });
  }

  /** Removes what was pushed and not committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#pending = [];
    await this.#staging.discard();
  }

  #withPending(index: LayoutIndex): LayoutIndex {
    let current = index;
    for (const { descriptor, tag, imageName } of this.#pending) {
      current = withEntry(current, descriptor, tag, imageName);
    }
    return current;
  }

  async #readIndex(): Promise<LayoutIndex> {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(join(this.dir, "index.json"));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return emptyLayoutIndex;
      const message = `${join(this.dir, "index.json")} can't be read: ${systemReason(error)}.`;
      throw new AnyarchError("INPUT_UNREADABLE", message, { cause: error });
    }
    try {
      return parseLayoutIndex(bytes);
    } catch (error) {
      if (!(error instanceof AnyarchError)) throw error;
      throw new AnyarchError(error.code, `${this.name} is no image layout any more: ${error.message}`, {
        cause: error,
        hint: `Remove ${this.dir} if nothing in it is needed, or name another directory.`,
        details: { store: this.name },
      });
    }
  }

  #combine(entries: readonly Descriptor[]): Descriptor {
    const manifests = entries.map(({ annotations: _annotations, ...entry }) => entry);
    const bytes = serializeIndex({ schemaVersion: 2, mediaType: mediaTypes.index, manifests });
    const digest = digestOf(bytes);
    this.#synthetic.set(digest, bytes);
    return { mediaType: mediaTypes.index, digest, size: bytes.length };
  }

  /** A manifest inside one of the indexes. */
  async #findNested(index: LayoutIndex, digest: Digest, ctx: Context): Promise<Descriptor | undefined> {
    for (const entry of index.entries) {
      if (!isIndexType(entry.mediaType) || !(await this.exists(entry, ctx))) continue;
      const children = parseIndex(await readContent(this, entry, ctx)).manifests;
      const found = children.find((child) => child.digest === digest);
      const deeper = found ?? (await this.#findNested({ entries: children, rest: {} }, digest, ctx));
      if (deeper !== undefined) return deeper;
    }
    return undefined;
  }

  async #pinTree(descriptor: Descriptor, ctx: Context): Promise<void> {
    if ((await this.#staging.pathOf(descriptor.digest)) === undefined) {
      const synthetic = this.#synthetic.get(descriptor.digest);
      if (synthetic !== undefined) await this.push(descriptor, synthetic, ctx);
      else if (await this.#staging.pin(descriptor.digest)) return this.#pinChildren(descriptor, ctx);
      else if (isForeign(descriptor)) return;
      else {
        const message = `${descriptor.digest} is referred to, but wasn't pushed to ${this.name}.`;
        throw new AnyarchError("CONTENT_INVALID", message, { details: { digest: descriptor.digest } });
      }
    }
    await this.#pinChildren(descriptor, ctx);
  }

  async #pinChildren(descriptor: Descriptor, ctx: Context): Promise<void> {
    if (!hasChildren(descriptor)) return;
    const bytes = await readContent(this, descriptor, ctx);
    for (const child of childrenOf(descriptor, bytes)) await this.#pinTree(child, ctx);
  }

  /** Only what surely isn't needed: where the layout holds something unreadable, everything stays. */
  async #removeUnreferenced(index: LayoutIndex, ctx: Context): Promise<void> {
    const used = new Set<string>();
    try {
      for (const entry of index.entries) await this.#collect(entry, used, ctx);
    } catch (error) {
      if (!(error instanceof AnyarchError)) throw error;
      const message = `Unused blobs in ${this.name} are kept: ${error.message}`;
      ctx.emit({ type: "log", level: "warning", message });
      return;
    }
    for (const algorithm of ["sha256", "sha512"]) {
      const dir = join(this.dir, "blobs", algorithm);
      const names = await readdir(dir).catch(() => []);
      for (const name of names) {
        const digest = `${algorithm}:${name}`;
        if (isDigest(digest) && !used.has(digest)) await rm(join(dir, name), { force: true });
      }
    }
  }

  /** All that an entry refers to; parts that a foreign layout leaves out are passed over. */
  async #collect(descriptor: Descriptor, used: Set<string>, ctx: Context): Promise<void> {
    if (used.has(descriptor.digest)) return;
    used.add(descriptor.digest);
    if (!hasChildren(descriptor) || !(await this.exists(descriptor, ctx))) return;
    const bytes = await readContent(this, descriptor, ctx);
    for (const child of childrenOf(descriptor, bytes)) await this.#collect(child, used, ctx);
  }
}

/** Entries of other tools may be incomplete; what can't be read can't be loaded either. */
function ignoreUnreadable(error: unknown): undefined {
  if (!(error instanceof AnyarchError)) throw error;
}
