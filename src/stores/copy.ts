import { setMaxListeners } from "node:events";
import { Readable } from "node:stream";
import { AnyarchError, isAbort } from "../errors/error.ts";
import { runTask, type Task } from "../events/task.ts";
import { Limiter } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import { type Descriptor, parseManifest } from "../oci/content.ts";
import { type Digest, shortDigest } from "../oci/digest.ts";
import { isIndexType } from "../oci/media-type.ts";
import { formatPlatform, matchPlatform, type Platform } from "../oci/platform.ts";
import { childrenOf, hasChildren, isForeign, platformOf, readContent } from "./graph.ts";
import { RegistryStore } from "./registry-store.ts";
import { isAttestation, platformMissing, selectPlatforms } from "./select-platforms.ts";
import type { PushOptions, PushOutcome, ReadableStore, WritableStore } from "./store.ts";

export interface CopyRequest {
  readonly from: ReadableStore;
  readonly to: WritableStore;
  /** A manifest or index of `from`. */
  readonly descriptor: Descriptor;
  /** What it shall be called at the destination; nothing or "" for no tag. */
  readonly references: readonly string[];
  /** Only these of an index: their own index is made. All by default. */
  readonly platforms?: readonly Platform[];
  /** Blobs at a time; 4 by default. */
  readonly concurrency?: number;
  /** False leaves tagging and `to.commit` to the caller, who wants more in the same commit. True by default. */
  readonly commit?: boolean;
}

export interface CopiedContent {
  readonly descriptor: Descriptor;
  /** "skipped": a foreign layer, which is fetched from its own URLs. */
  readonly outcome: PushOutcome | "skipped";
  /** Bytes that were transferred. */
  readonly bytes: number;
}

export interface CopyResult {
  /** What the references stand for now: not the one asked for when platforms were selected. */
  readonly descriptor: Descriptor;
  /** Manifests, configs and layers, each digest once. Below an index or manifest that was there nothing is listed. */
  readonly contents: readonly CopiedContent[];
  /** Bytes transferred in all. */
  readonly bytes: number;
}

/**
 * Copies an image or index with all that it refers to, children first, byte for byte. What the destination has is not
 * read; blobs are mounted where both are repositories of one registry. Errors say whether the source or the
 * destination failed. Throws PLATFORM_MISSING, and what the stores throw.
 */
export async function copy(request: CopyRequest, ctx: Context): Promise<CopyResult> {
  const { from, to, references } = request;
  return runTask(ctx.emit, `copy ${from.name} to ${to.name}`, {}, async (task) => {
    const run = new Copy(request, ctx, task);
    const descriptor = await run.root();
    if (request.commit !== false) {
      for (const reference of references.length === 0 ? [""] : references) {
        await atDestination(to, () => to.tag(descriptor, reference, ctx));
      }
      await atDestination(to, () => to.commit(ctx));
    }
    const contents = [...run.contents.values()];
    const bytes = contents.reduce((sum, content) => sum + content.bytes, 0);
    if (bytes === 0) task.cached("everything was there");
    return { descriptor, contents, bytes };
  });
}

class Copy {
  readonly contents = new Map<Digest, CopiedContent>();
  readonly #request: CopyRequest;
  readonly #ctx: Context;
  readonly #parent: Task;
  readonly #limiter: Limiter;
  readonly #stop = new AbortController();
  readonly #started = new Map<Digest, Promise<void>>();

  constructor(request: CopyRequest, ctx: Context, parent: Task) {
    this.#request = request;
    // The first failure stops everything else that is on its way.
    this.#ctx = { ...ctx, signal: AbortSignal.any([ctx.signal, this.#stop.signal]) };
    setMaxListeners(0, this.#ctx.signal);
    this.#parent = parent;
    this.#limiter = new Limiter(request.concurrency ?? 4);
  }

  async root(): Promise<Descriptor> {
    const { descriptor, platforms, from } = this.#request;
    if (platforms === undefined) {
      await this.#node(descriptor, undefined);
      return descriptor;
    }
    const bytes = await this.#metadata(descriptor);
    if (!isIndexType(descriptor.mediaType)) {
      await this.#checkPlatform(descriptor, bytes, platforms);
      await this.#node(descriptor, undefined, bytes);
      return descriptor;
    }
    const selected = selectPlatforms(descriptor, bytes, platforms, from.name);
    await this.#node(selected.descriptor, undefined, selected.bytes);
    return selected.descriptor;
  }

  /** One manifest, index or blob, once however often it is referred to. */
  #node(descriptor: Descriptor, platform: string | undefined, bytes?: Uint8Array): Promise<void> {
    let started = this.#started.get(descriptor.digest);
    if (started === undefined) {
      const own = descriptor.platform;
      const where = own !== undefined && !isAttestation(descriptor) ? formatPlatform(own) : platform;
      started = hasChildren(descriptor)
        ? this.#manifest(descriptor, where, bytes)
        : this.#limiter.run(() => this.#blob(descriptor, where));
      this.#started.set(descriptor.digest, started);
    }
    return started;
  }

  async #manifest(descriptor: Descriptor, platform: string | undefined, given?: Uint8Array): Promise<void> {
    const { to } = this.#request;
    const ctx = this.#ctx;
    if (await atDestination(to, () => to.exists(descriptor, ctx))) {
      this.#record(descriptor, "exists", 0);
      return;
    }
    const bytes = given ?? (await this.#metadata(descriptor));
    await this.#all(childrenOf(descriptor, bytes).map((child) => this.#node(child, platform)));
    const outcome = await atDestination(to, () => to.push(descriptor, bytes, ctx));
    this.#record(descriptor, outcome, outcome === "pushed" ? bytes.length : 0);
  }

  /** Waits for all, also after a failure: nothing may go on in the background. */
  async #all(work: readonly Promise<void>[]): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    await Promise.all(
      work.map(async (one) => {
        try {
          await one;
        } catch (error) {
          failure ??= { error };
          this.#stop.abort(error);
        }
      }),
    );
    if (failure !== undefined) throw failure.error;
  }

  async #blob(descriptor: Descriptor, platform: string | undefined): Promise<void> {
    const ctx = this.#ctx;
    ctx.signal.throwIfAborted();
    if (isForeign(descriptor)) {
      this.#record(descriptor, "skipped", 0);
      return;
    }
    const name = `copy blob ${shortDigest(descriptor.digest)}`;
    await runTask(ctx.emit, name, { platform, parent: this.#parent.id }, async (task) => {
      const outcome = await this.#transfer(descriptor, task);
      if (outcome !== "pushed") task.cached(outcome === "mounted" ? "mounted" : "exists");
      this.#record(descriptor, outcome, outcome === "pushed" ? descriptor.size : 0);
    });
  }

  async #transfer(descriptor: Descriptor, task: Task): Promise<PushOutcome> {
    const { from, to } = this.#request;
    const ctx = this.#ctx;
    let broken: { readonly error: unknown } | undefined;
    const open = async (): Promise<Readable> => {
      broken = undefined;
      try {
        const source = await from.fetch(descriptor, ctx);
        return Readable.from(
          watched(source, (error) => (broken = { error })),
          { objectMode: false },
        );
      } catch (error) {
        broken = { error };
        throw error;
      }
    };
    const file = await from.fileOf?.(descriptor, ctx);
    const options = this.#options(descriptor, task);
    try {
      if (file !== undefined && !(to instanceof RegistryStore)) {
        try {
          return await to.push(descriptor, { file }, ctx, options);
        } catch (error) {
          // A damaged file: the source itself knows better what to say of it, and what to do with it.
          if (!(error instanceof AnyarchError) || error.code !== "DIGEST_MISMATCH") throw error;
        }
      }
      return await to.push(descriptor, open, ctx, options);
    } catch (error) {
      if (broken === undefined) throw located("destination", to.name, error);
      throw located("source", from.name, broken.error);
    }
  }

  #options(descriptor: Descriptor, task: Task): PushOptions {
    const { from, to } = this.#request;
    const mountFrom =
      to instanceof RegistryStore ? from.mountSource?.(descriptor, to.repository.registry) : undefined;
    let last = 0;
    return {
      ...(mountFrom !== undefined && { mountFrom }),
      onProgress: (current) => {
        const now = Date.now();
        if (now - last < 100 && current < descriptor.size) return;
        last = now;
        task.progress(current, descriptor.size, "bytes");
      },
    };
  }

  async #metadata(descriptor: Descriptor): Promise<Uint8Array> {
    const { from } = this.#request;
    try {
      return await readContent(from, descriptor, this.#ctx);
    } catch (error) {
      throw located("source", from.name, error);
    }
  }

  async #checkPlatform(descriptor: Descriptor, bytes: Uint8Array, platforms: readonly Platform[]) {
    const { from } = this.#request;
    const platform =
      descriptor.platform ?? (await platformOf(from, parseManifest(bytes), this.#ctx)) ?? undefined;
    const has = platform === undefined ? [] : [platform];
    for (const wanted of platforms) {
      if (matchPlatform(wanted, [{ platform }]) === undefined) throw platformMissing(wanted, has, from.name);
    }
  }

  #record(descriptor: Descriptor, outcome: CopiedContent["outcome"], bytes: number): void {
    this.contents.set(descriptor.digest, { descriptor, outcome, bytes });
  }
}

/** The same chunks; tells when the source itself fails, not when the reader gives up. */
async function* watched(source: Readable, onBroken: (error: unknown) => void): AsyncGenerator<Buffer> {
  const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      let step: IteratorResult<Buffer>;
      try {
        step = await iterator.next();
      } catch (error) {
        onBroken(error);
        throw error;
      }
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    source.destroy();
  }
}

async function atDestination<T>(to: WritableStore, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw located("destination", to.name, error);
  }
}

/** Says at which end it failed; the code and the hint stay. */
function located(side: "source" | "destination", name: string, error: unknown): unknown {
  if (isAbort(error) || !(error instanceof AnyarchError) || "side" in error.details) return error;
  const message = `The ${side} ${name} failed: ${error.message}`;
  return new AnyarchError(error.code, message, {
    cause: error,
    hint: error.hint,
    details: { ...error.details, side, store: name },
  });
}
