import { readFileSync } from "node:fs";
import { mkdir, rename, stat, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import type { Entry } from "../archive/entry.ts";
import { gzipBlockSize, gzipLevel, zlibIsForeign } from "../archive/gzip.ts";
import { withParents } from "../archive/sort-entries.ts";
import { writeLayer, type WrittenLayer } from "../archive/write-layer.ts";
import { zstdFrameSize, zstdLevel } from "../archive/zstd.ts";
import type { AppLayer } from "../apps/app-type.ts";
import { runTask, type Task } from "../events/task.ts";
import { stagingPath, writeFileAtomic } from "../host/atomic-file.ts";
import { Limiter } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import type { Layer } from "../image/layer.ts";
import { digestOf, isDigest } from "../oci/digest.ts";
import { mediaTypes } from "../oci/media-type.ts";
import { BlobCache } from "../stores/blob-cache.ts";
import type { ContentDigests } from "./content-digests.ts";
import { layerRecipe } from "./layer-recipe.ts";

/** A layer made here, or remembered from an earlier build. */
export interface BuiltLayer {
  readonly layer: Layer;
  readonly name: string;
  readonly neutral: boolean;
  /** True where neither tar nor compression ran. */
  readonly cached: boolean;
  readonly uncompressedSize: number;
}

export interface LayerBuilderOptions {
  readonly compression: "gzip" | "zstd";
  /** Seconds since the epoch. */
  readonly mtime: number;
  /** False makes every layer anew; the result is remembered all the same. */
  readonly remember: boolean;
  /** How many layers are made at once. */
  readonly jobs: number;
}

type Remembered = WrittenLayer;

/** How much is hashed in one go; opening a file takes as long as hashing so many bytes. */
const bytesAtOnce = 32 << 20;
const costOfFile = 16 << 10;

/**
 * Turns entries into layers, each recipe once per build and, as long as the cache lasts, once at all: recipe →
 * (digest, diffID, sizes) is remembered beside the blob itself.
 */
export class LayerBuilder {
  readonly #options: LayerBuilderOptions;
  readonly #digests: ContentDigests;
  readonly #running = new Map<string, Promise<BuiltLayer>>();
  readonly #limiter: Limiter;
  #saidForeignZlib = false;

  constructor(options: LayerBuilderOptions, digests: ContentDigests) {
    this.#options = options;
    this.#digests = digests;
    this.#limiter = new Limiter(options.jobs);
  }

  /** Layers of equal entries are made once, whatever their names and platforms. */
  async build(source: AppLayer, platform: string | undefined, ctx: Context): Promise<BuiltLayer> {
    const entries = await this.#withDigests(withParents(source.entries), ctx.signal);
    const recipe = layerRecipe(entries, { compression: this.#format(), mtime: this.#options.mtime });
    let running = this.#running.get(recipe);
    if (running === undefined) {
      const shown = source.neutral ? undefined : platform;
      running = this.#limiter.run(() =>
        runTask(ctx.emit, `layer ${source.name}`, { platform: shown }, async (task) => {
          const made = await this.#recall(recipe, ctx);
          const written = made ?? (await this.#write(recipe, entries, task, ctx));
          if (made === undefined) task.detail(`${entries.length} entries`);
          else task.cached(`${entries.length} entries`);
          return this.#describe(source, written, made !== undefined, ctx);
        }),
      );
      this.#running.set(recipe, running);
    }
    return { ...(await running), name: source.name, neutral: source.neutral };
  }

  #blobs(ctx: Context): BlobCache {
    return new BlobCache(ctx.host.cacheDir);
  }

  #format(): string {
    return this.#options.compression === "gzip"
      ? `gzip-${gzipLevel}-${gzipBlockSize}`
      : `zstd-${zstdLevel}-${zstdFrameSize}`;
  }

  /** Synchronous for the many small files; in between others have their turn, Ctrl-C among them. */
  async #withDigests(entries: readonly Entry[], signal: AbortSignal): Promise<readonly Entry[]> {
    const complete: Entry[] = [];
    let read = 0;
    for (const entry of entries) {
      if (entry.type !== "file" || entry.digest !== undefined) {
        complete.push(entry);
        continue;
      }
      const { content, size } = entry;
      const digest =
        "bytes" in content ? digestOf(content.bytes) : this.#digests.digestOfFile(content.file, size, signal);
      complete.push({ ...entry, digest: typeof digest === "string" ? digest : await digest });
      read += size + costOfFile;
      if (read < bytesAtOnce) continue;
      read = 0;
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    }
    return complete;
  }

  async #recall(recipe: string, ctx: Context): Promise<Remembered | undefined> {
    if (!this.#options.remember) return undefined;
    const remembered = readMemo(memoPath(ctx, recipe));
    if (remembered === undefined) return undefined;
    const blobs = this.#blobs(ctx);
    const there = await stat(blobs.pathOf(remembered.digest)).catch(() => undefined);
    if (there?.size !== remembered.size) return undefined;
    await blobs.touch(remembered.digest);
    return remembered;
  }

  /** Another zlib than Node's own may find other, as valid, bytes: then digests differ from other hosts'. */
  #sayForeignZlib(ctx: Context): void {
    if (this.#saidForeignZlib || this.#options.compression !== "gzip" || !zlibIsForeign()) return;
    this.#saidForeignZlib = true;
    const message = "This Node.js has a foreign zlib: layers may get other digests than on other hosts.";
    ctx.emit({ type: "log", level: "warning", message });
  }

  async #write(recipe: string, entries: readonly Entry[], task: Task, ctx: Context): Promise<Remembered> {
    this.#sayForeignZlib(ctx);
    const total = entries.reduce((sum, entry) => sum + (entry.type === "file" ? entry.size : 0), 0);
    const staging = stagingPath(this.#blobs(ctx).pathOf(digestOf("")));
    await mkdir(dirname(staging), { recursive: true });
    try {
      const written = await writeLayer(entries, {
        destination: staging,
        compression: this.#options.compression,
        mtime: this.#options.mtime,
        signal: ctx.signal,
        onProgress: (current) => task.progress(Math.min(current, total), total, "bytes"),
      });
      this.#digests.assertUnchanged(entries);
      await rename(staging, this.#blobs(ctx).pathOf(written.digest));
      await writeFileAtomic(memoPath(ctx, recipe), JSON.stringify(written));
      return written;
    } finally {
      await rm(staging, { force: true });
    }
  }

  #describe(source: AppLayer, written: Remembered, cached: boolean, ctx: Context): BuiltLayer {
    const mediaType = this.#options.compression === "gzip" ? mediaTypes.layerGzip : mediaTypes.layerZstd;
    const descriptor = { mediaType, digest: written.digest, size: written.size };
    const open = (): Promise<Readable> => Promise.resolve(this.#blobs(ctx).open(descriptor));
    return {
      layer: { descriptor, diffID: written.diffID, open },
      name: source.name,
      neutral: source.neutral,
      cached,
      uncompressedSize: written.uncompressedSize,
    };
  }
}

function memoPath(ctx: Context, recipe: string): string {
  return join(ctx.host.cacheDir, "layers", `${recipe}.json`);
}

function readMemo(path: string): Remembered | undefined {
  try {
    const value = JSON.parse(readFileSync(path, "utf8")) as Partial<Remembered>;
    const { diffID, digest, size, uncompressedSize } = value;
    if (diffID === undefined || digest === undefined || size === undefined || uncompressedSize === undefined)
      return undefined;
    return isDigest(diffID) && isDigest(digest) ? { diffID, digest, size, uncompressedSize } : undefined;
  } catch {
    return undefined; // Absent or damaged: the layer is made again.
  }
}
