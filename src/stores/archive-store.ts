import { closeSync, openSync, readdirSync, statSync, writeSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { withPath } from "../errors/system-error.ts";
import type { Entry } from "../archive/entry.ts";
import { sortEntries } from "../archive/sort-entries.ts";
import { tarBlocks } from "../archive/tar-writer.ts";
import { stagingPath } from "../host/atomic-file.ts";
import type { Context } from "../host/context.ts";
import { makeDirectory } from "../host/made-directory.ts";
import { makeTempDir, type TempDir } from "../host/temp-dir.ts";
import type { Descriptor } from "../oci/content.ts";
import { unpackArchive } from "./archive-unpack.ts";
import { LayoutStore } from "./layout-store.ts";
import type { PushContent, PushOptions, PushOutcome, WritableStore } from "./store.ts";

interface Opened {
  readonly temp: TempDir;
  readonly layout: LayoutStore;
}

/**
 * Images in a tar file. Reading unpacks it once, verified as it is read, into a temporary directory; writing collects
 * in one beside the file, and {@link commit} puts the new archive in place of the old at once: an archive holds what
 * was pushed since, nothing of what was there before.
 */
export abstract class ArchiveStore implements WritableStore, AsyncDisposable {
  readonly name: string;
  /** Absolute. */
  readonly file: string;
  #read: Promise<Opened> | undefined;
  #written: Promise<Opened> | undefined;
  /** Removes the directories that were made for the file, where it never came. */
  #takeBack: () => Promise<void> = () => Promise.resolve();

  constructor(file: string, name: string) {
    this.file = file;
    this.name = name;
  }

  async resolve(reference: string, ctx: Context): Promise<Descriptor> {
    return (await this.#current(ctx)).resolve(reference, ctx);
  }

  async fetch(descriptor: Descriptor, ctx: Context): Promise<Readable> {
    return (await this.#current(ctx)).fetch(descriptor, ctx);
  }

  async exists(descriptor: Descriptor, ctx: Context): Promise<boolean> {
    // Who reads it asks for what it holds; for who writes it, what an old archive holds doesn't help.
    const isRead = this.#read !== undefined && this.#written === undefined;
    return (await (isRead ? this.#current(ctx) : this.writing())).exists(descriptor, ctx);
  }

  async fileOf(descriptor: Descriptor, ctx: Context): Promise<string | undefined> {
    return (await this.#current(ctx)).fileOf(descriptor, ctx);
  }

  async push(
    descriptor: Descriptor,
    content: PushContent,
    ctx: Context,
    options?: PushOptions,
  ): Promise<PushOutcome> {
    return (await this.writing()).push(descriptor, content, ctx, options);
  }

  abstract tag(descriptor: Descriptor, reference: string, ctx: Context): Promise<void>;

  async commit(ctx: Context): Promise<void> {
    const opened = await this.#written;
    if (opened === undefined) return;
    const { layout } = opened;
    await layout.commit(ctx);
    const extra = await this.extraEntries(layout, ctx);
    const staging = stagingPath(this.file);
    try {
      await writeTar(staging, layoutEntries(layout.dir, extra), ctx);
      await rename(staging, this.file);
    } catch (error) {
      await rm(staging, { force: true });
      throw withPath(error, staging);
    }
    await this[Symbol.asyncDispose]();
  }

  /** Removes all temporary files. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = [this.#read, this.#written];
    this.#read = undefined;
    this.#written = undefined;
    for (const pending of opened) {
      const temp = await pending?.then((one) => one.temp).catch(() => undefined);
      await temp?.[Symbol.asyncDispose]();
    }
    await this.#takeBack();
  }

  /** The layout that becomes the archive. */
  protected async writing(): Promise<LayoutStore> {
    this.#written ??= (async () => {
      this.#takeBack = await makeDirectory(dirname(this.file));
      const temp = await makeTempDir(dirname(this.file), ".anyarch-archive-");
      return { temp, layout: new LayoutStore(temp.path, this.name) };
    })();
    return (await this.#written).layout;
  }

  /** Files of the archive beside those of the layout. */
  protected extraEntries(_layout: LayoutStore, _ctx: Context): Promise<readonly Entry[]> {
    return Promise.resolve([]);
  }

  async #current(ctx: Context): Promise<LayoutStore> {
    if (this.#written !== undefined) return (await this.#written).layout;
    this.#read ??= this.#unpack(ctx).catch((error: unknown) => {
      this.#read = undefined;
      throw error;
    });
    return (await this.#read).layout;
  }

  async #unpack(ctx: Context): Promise<Opened> {
    const temp = await makeTempDir(join(ctx.host.cacheDir, "tmp"));
    try {
      await unpackArchive(this.file, temp.path, this.name, ctx);
      return { temp, layout: new LayoutStore(temp.path, this.name) };
    } catch (error) {
      await temp[Symbol.asyncDispose]();
      throw error;
    }
  }
}

/** An OCI layout as a tar file, what others call oci-archive. */
export class OciArchiveStore extends ArchiveStore {
  constructor(file: string, name: string = `oci-archive:${file}`) {
    super(file, name);
  }

  async tag(descriptor: Descriptor, reference: string, ctx: Context): Promise<void> {
    await (await this.writing()).tag(descriptor, reference, ctx);
  }

  /** With a full name beside the tag, as Docker reads it. */
  async tagAs(descriptor: Descriptor, tag: string, imageName: string, ctx: Context): Promise<void> {
    await (await this.writing()).tagAs(descriptor, tag, imageName, ctx);
  }
}

function layoutEntries(dir: string, extra: readonly Entry[]): readonly Entry[] {
  const entries: Entry[] = [...extra];
  const add = (path: string): void => {
    const file = join(dir, path);
    const found = statSync(file);
    if (!found.isDirectory()) {
      entries.push({ type: "file", path, mode: 0o644, size: found.size, content: { file } });
      return;
    }
    entries.push({ type: "directory", path, mode: 0o755 });
    for (const name of readdirSync(file)) add(`${path}/${name}`);
  };
  for (const path of ["blobs", "index.json", "oci-layout"]) add(path);
  return sortEntries(entries);
}

async function writeTar(path: string, entries: readonly Entry[], ctx: Context): Promise<void> {
  const fd = openSync(path, "wx", 0o644);
  try {
    const buffer = Buffer.allocUnsafeSlow(1 << 20);
    for (const block of tarBlocks(entries, { allocate: () => buffer })) {
      for (let at = 0; at < block.length;) at += writeSync(fd, block, at);
      // Let others have a turn, and be cancelled.
      await new Promise((resolve) => setImmediate(resolve));
      ctx.signal.throwIfAborted();
    }
  } finally {
    closeSync(fd);
  }
}
