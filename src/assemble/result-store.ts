import { Readable } from "node:stream";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { type Index, makeIndex } from "../image/image-index.ts";
import type { Image } from "../image/image.ts";
import type { Descriptor } from "../oci/content.ts";
import type { Digest } from "../oci/digest.ts";
import { BlobCache } from "../stores/blob-cache.ts";
import type { ReadableStore } from "../stores/store.ts";

type Content = { readonly bytes: Uint8Array } | { readonly open: (signal: AbortSignal) => Promise<Readable> };

/** What tells where blobs of the base are, so that a registry can mount instead of receive them. */
export type MountSource = (registry: string) => string | undefined;

/** What a build made, readable like any other store, so that publishing it is a copy. */
export class ResultStore implements ReadableStore {
  readonly name = "the build";
  /** Of the index, or of the manifest where there is one platform. */
  readonly descriptor: Descriptor;
  readonly #contents = new Map<Digest, Content>();
  readonly #fromBase = new Set<Digest>();
  readonly #mountSource: MountSource;

  constructor(
    images: readonly Image[],
    options: {
      readonly annotations: Readonly<Record<string, string>>;
      readonly baseLayers: ReadonlySet<Digest>;
      readonly mountSource: MountSource;
    },
  ) {
    this.#mountSource = options.mountSource;
    for (const image of images) this.#addImage(image, options.baseLayers);
    const [only] = images;
    if (images.length === 1 && only !== undefined) this.descriptor = only.descriptor;
    else this.descriptor = this.#addIndex(makeIndex(images, { annotations: options.annotations }));
  }

  resolve(reference: string): Promise<Descriptor> {
    if (reference === "" || reference === this.descriptor.digest) return Promise.resolve(this.descriptor);
    throw new AnyarchError("IMAGE_NOT_FOUND", `The build has no ${reference}.`);
  }

  fetch(descriptor: Descriptor, ctx: Context): Promise<Readable> {
    const content = this.#contents.get(descriptor.digest);
    if (content === undefined)
      throw new AnyarchError("INTERNAL", `The build doesn't hold ${descriptor.digest}.`);
    return "bytes" in content ? Promise.resolve(Readable.from([content.bytes])) : content.open(ctx.signal);
  }

  exists(descriptor: Descriptor): Promise<boolean> {
    return Promise.resolve(this.#contents.has(descriptor.digest));
  }

  /** Layers that are in the cache can be linked or copied as files. */
  async fileOf(descriptor: Descriptor, ctx: Context): Promise<string | undefined> {
    const content = this.#contents.get(descriptor.digest);
    if (content === undefined || "bytes" in content) return undefined;
    const cache = new BlobCache(ctx.host.cacheDir);
    return (await cache.has(descriptor)) ? cache.pathOf(descriptor.digest) : undefined;
  }

  mountSource(descriptor: Descriptor, registry: string): string | undefined {
    return this.#fromBase.has(descriptor.digest) ? this.#mountSource(registry) : undefined;
  }

  #addImage(image: Image, baseLayers: ReadonlySet<Digest>): void {
    this.#contents.set(image.descriptor.digest, { bytes: image.rawManifest });
    this.#contents.set(image.manifest.config.digest, { bytes: image.rawConfig });
    for (const { descriptor, open } of image.layers) {
      this.#contents.set(descriptor.digest, { open });
      if (baseLayers.has(descriptor.digest)) this.#fromBase.add(descriptor.digest);
    }
  }

  #addIndex(index: Index): Descriptor {
    this.#contents.set(index.descriptor.digest, { bytes: index.rawIndex });
    return index.descriptor;
  }
}
