import { Readable } from "node:stream";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Image } from "../image/image.ts";
import { type Index, makeIndex } from "../image/image-index.ts";
import { type Descriptor, parseIndex, parseManifest } from "../oci/content.ts";
import type { Digest } from "../oci/digest.ts";
import { isIndexType } from "../oci/media-type.ts";
import { formatPlatform, matchPlatform, normalizePlatform, type Platform } from "../oci/platform.ts";
import { readContent } from "../stores/graph.ts";
import { loadImage } from "../stores/load.ts";
import { imagesOf, isAttestation } from "../stores/select-platforms.ts";
import type { ReadableStore } from "../stores/store.ts";
import type { PlatformBuilt } from "./outcome.ts";

/** What one platform's build made: the image, and what attests to it. */
export interface BuiltMember {
  readonly outcome: PlatformBuilt;
  readonly store: ReadableStore;
  /** Its descriptor is the entry of the index: the platform that was asked for, normalised. */
  readonly image: Image;
  readonly attestations: readonly Descriptor[];
}

/** Reads what a node delivered: a manifest, or an index of one image with its attestations. Throws CONTENT_INVALID. */
export async function readMember(outcome: PlatformBuilt, ctx: Context): Promise<BuiltMember> {
  const { store, descriptor } = outcome.result;
  if (!isIndexType(descriptor.mediaType)) {
    const { mediaType, digest, size, platform } = descriptor;
    const own = { mediaType, digest, size, ...(platform && { platform }) };
    return { outcome, store, image: await loadAs(store, own, outcome.platform, ctx), attestations: [] };
  }
  const { manifests } = parseIndex(await readContent(store, descriptor, ctx));
  const found = imageIn(manifests, outcome.platform);
  if (found === undefined) {
    const name = formatPlatform(outcome.platform);
    throw new AnyarchError(
      "CONTENT_INVALID",
      `${outcome.node} delivered an index without an image for ${name}.`,
      {
        details: { platform: name, digest: descriptor.digest },
      },
    );
  }
  const image = await loadAs(store, found, outcome.platform, ctx);
  const attestations = manifests.filter(
    (child) => isAttestation(child) && child.annotations?.["vnd.docker.reference.digest"] === found.digest,
  );
  return { outcome, store, image, attestations };
}

function imageIn(manifests: readonly Descriptor[], platform: Platform): Descriptor | undefined {
  const [only, ...others] = manifests.filter((child) => !isAttestation(child));
  if (only !== undefined && others.length === 0) return only;
  return matchPlatform(platform, imagesOf(manifests));
}

/** The label is what was asked for; what the config says beside it (os.version) comes along. */
async function loadAs(
  store: ReadableStore,
  descriptor: Descriptor,
  platform: Platform,
  ctx: Context,
): Promise<Image> {
  const image = await loadImage(store, descriptor, ctx);
  const { "os.version": version, "os.features": features } = image.descriptor.platform;
  const label = normalizePlatform({
    ...platform,
    ...(version !== undefined && { "os.version": version }),
    ...(features !== undefined && { "os.features": features }),
  });
  return { ...image, descriptor: { ...image.descriptor, platform: label } };
}

/**
 * The platforms' images under one descriptor, wherever they are, readable as one store: an index of all images and
 * then all attestations, whose bytes stay as they were made. A single image without attestations stands for itself.
 */
export class MergedImage implements ReadableStore {
  readonly name = "the build";
  readonly descriptor: Descriptor;
  readonly #index: Index | undefined;
  readonly #stores = new Map<Digest, ReadableStore>();

  private constructor(members: readonly BuiltMember[], annotations: Readonly<Record<string, string>>) {
    const attestations = members.flatMap((member) => member.attestations);
    const [first] = members;
    if (members.length === 1 && first !== undefined && attestations.length === 0) {
      const { mediaType, digest, size, platform } = first.image.descriptor;
      this.descriptor = { mediaType, digest, size, platform };
      return;
    }
    const images = members.map(({ image }) => image);
    this.#index = makeIndex([...images, ...attestations], { annotations });
    this.descriptor = this.#index.descriptor;
  }

  static async of(
    members: readonly BuiltMember[],
    annotations: Readonly<Record<string, string>>,
    ctx: Context,
  ): Promise<MergedImage> {
    const merged = new MergedImage(members, annotations);
    for (const { store, image, attestations } of members) {
      const contents = [image.descriptor, image.manifest.config, ...image.manifest.layers];
      for (const attestation of attestations) {
        const { config, layers } = parseManifest(await readContent(store, attestation, ctx));
        contents.push(attestation, config, ...layers);
      }
      for (const { digest } of contents) merged.#add(digest, store);
    }
    return merged;
  }

  resolve(reference: string): Promise<Descriptor> {
    if (reference === "" || reference === this.descriptor.digest) return Promise.resolve(this.descriptor);
    throw new AnyarchError("IMAGE_NOT_FOUND", `The build has no ${reference}.`);
  }

  fetch(descriptor: Descriptor, ctx: Context): Promise<Readable> {
    if (this.#index !== undefined && descriptor.digest === this.#index.descriptor.digest)
      return Promise.resolve(Readable.from([this.#index.rawIndex]));
    const store = this.#stores.get(descriptor.digest);
    if (store !== undefined) return store.fetch(descriptor, ctx);
    throw new AnyarchError("INTERNAL", `The build doesn't hold ${descriptor.digest}.`);
  }

  exists({ digest }: Descriptor): Promise<boolean> {
    return Promise.resolve(this.#index?.descriptor.digest === digest || this.#stores.has(digest));
  }

  async fileOf(descriptor: Descriptor, ctx: Context): Promise<string | undefined> {
    return this.#stores.get(descriptor.digest)?.fileOf?.(descriptor, ctx);
  }

  mountSource(descriptor: Descriptor, registry: string): string | undefined {
    return this.#stores.get(descriptor.digest)?.mountSource?.(descriptor, registry);
  }

  /** What is here on this machine is read before what is in a registry. */
  #add(digest: Digest, store: ReadableStore): void {
    const known = this.#stores.get(digest);
    if (known === undefined || (known.fileOf === undefined && store.fileOf !== undefined))
      this.#stores.set(digest, store);
  }
}
