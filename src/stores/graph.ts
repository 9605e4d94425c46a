import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { type Descriptor, type Manifest, parseIndex, parseManifest } from "../oci/content.ts";
import { parseImageConfig } from "../oci/image-config.ts";
import { isConfigType, isIndexType, isManifestType, isNonDistributable } from "../oci/media-type.ts";
import { normalizePlatform, type Platform } from "../oci/platform.ts";
import { verifyBytes } from "../oci/verified-stream.ts";
import type { ReadableStore } from "./store.ts";

/** More than any honest manifest, index or config has. */
const metadataLimit = 8 << 20;

/** True for what refers to other content: manifests and indexes. */
export function hasChildren(descriptor: Descriptor): boolean {
  return isIndexType(descriptor.mediaType) || isManifestType(descriptor.mediaType);
}

/** What an index or manifest refers to, in its order. Throws CONTENT_INVALID. */
export function childrenOf(descriptor: Descriptor, bytes: Uint8Array): readonly Descriptor[] {
  if (isIndexType(descriptor.mediaType)) return parseIndex(bytes).manifests;
  const { config, layers } = parseManifest(bytes);
  return [config, ...layers];
}

/** True for layers that are fetched from their own URLs and that stores needn't hold. */
export function isForeign(descriptor: Descriptor): boolean {
  return isNonDistributable(descriptor.mediaType) && (descriptor.urls?.length ?? 0) > 0;
}

/**
 * The whole of a manifest, index or config, verified. Throws CONTENT_INVALID past 8 MiB, DIGEST_MISMATCH, and what
 * the store throws.
 */
export async function readContent(
  store: ReadableStore,
  descriptor: Descriptor,
  ctx: Context,
): Promise<Buffer> {
  if (descriptor.size > metadataLimit) {
    throw new AnyarchError(
      "CONTENT_INVALID",
      `${descriptor.digest} in ${store.name} has ${descriptor.size} bytes: too many for metadata.`,
    );
  }
  const chunks: Buffer[] = [];
  const stream = await store.fetch(descriptor, ctx);
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return verifyBytes(Buffer.concat(chunks), descriptor, store.name);
}

/** The platform that an image's config states; undefined for artifacts that are no images. */
export async function platformOf(
  store: ReadableStore,
  manifest: Manifest,
  ctx: Context,
): Promise<Platform | undefined> {
  if (!isConfigType(manifest.config.mediaType)) return undefined;
  const config = parseImageConfig(await readContent(store, manifest.config, ctx));
  if (config.architecture === "" || config.os === "") return undefined;
  const { os, architecture, variant } = config;
  return normalizePlatform({
    os,
    architecture,
    ...(variant !== undefined && { variant }),
    ...(config["os.version"] !== undefined && { "os.version": config["os.version"] }),
    ...(config["os.features"] !== undefined && { "os.features": config["os.features"] }),
  });
}
