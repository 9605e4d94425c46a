import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { type Index, parseImageIndex } from "../image/image-index.ts";
import { type Image, parseImage } from "../image/image.ts";
import { type Descriptor, parseManifest } from "../oci/content.ts";
import { isConfigType, isIndexType, isManifestType } from "../oci/media-type.ts";
import { readContent } from "./graph.ts";
import type { ReadableStore } from "./store.ts";

/**
 * Reads an image's manifest and config; layers are opened, verified, from the store when they are wanted. The platform
 * comes from the config where the descriptor lacks it. Throws CONTENT_INVALID for what is no image, and what the store throws.
 */
export async function loadImage(store: ReadableStore, descriptor: Descriptor, ctx: Context): Promise<Image> {
  if (!isManifestType(descriptor.mediaType)) {
    const message = `${descriptor.digest} in ${store.name} is no image: its type is ${descriptor.mediaType}.`;
    throw new AnyarchError("CONTENT_INVALID", message, { details: { digest: descriptor.digest } });
  }
  const rawManifest = await readContent(store, descriptor, ctx);
  const { config } = parseManifest(rawManifest);
  // An artifact's config isn't read: parseImage says what is wrong with it.
  const rawConfig = isConfigType(config.mediaType) ? await readContent(store, config, ctx) : new Uint8Array();
  return parseImage(
    descriptor,
    rawManifest,
    rawConfig,
    (layer) => (signal) => store.fetch(layer, { ...ctx, signal }),
  );
}

/** Resolves a reference and reads what it stands for. Throws IMAGE_NOT_FOUND, CONTENT_INVALID, and what the store throws. */
export async function loadIndexOrImage(
  store: ReadableStore,
  reference: string,
  ctx: Context,
): Promise<Index | Image> {
  const descriptor = await store.resolve(reference, ctx);
  if (!isIndexType(descriptor.mediaType)) return loadImage(store, descriptor, ctx);
  return parseImageIndex(descriptor, await readContent(store, descriptor, ctx));
}

export function isIndex(loaded: Index | Image): loaded is Index {
  return "rawIndex" in loaded;
}
