import type { Context } from "../host/context.ts";
import { type Descriptor, parseIndex, parseManifest, serialize } from "../oci/content.ts";
import { type Digest, digestAlgorithm, digestHex } from "../oci/digest.ts";
import { isConfigType, isIndexType, isManifestType } from "../oci/media-type.ts";
import { familiarReference, parseReference } from "../oci/reference.ts";
import { readContent } from "./graph.ts";
import { imageNameAnnotation } from "./layout-index.ts";
import { imagesOf } from "./select-platforms.ts";
import type { ReadableStore } from "./store.ts";

/** One image of a manifest.json. */
interface DockerManifestEntry {
  readonly Config: string;
  readonly RepoTags: string[];
  readonly Layers: readonly string[];
}

/**
 * The manifest.json of what `docker save` writes, for the entries of a layout: what `docker load` needs where images
 * aren't kept by containerd, and podman where there are several. Undefined where no entry is an image of a single
 * platform, as neither can keep several under one name.
 */
export async function dockerManifest(
  store: ReadableStore,
  entries: readonly Descriptor[],
  ctx: Context,
): Promise<Uint8Array | undefined> {
  const images = new Map<Digest, DockerManifestEntry>();
  for (const entry of entries) {
    const image = await singleImage(store, entry, ctx);
    if (image === undefined) continue;
    const known = images.get(image.digest) ?? (await describe(store, image, ctx));
    if (known === undefined) continue;
    images.set(image.digest, known);
    const name = entry.annotations?.[imageNameAnnotation];
    if (name !== undefined) known.RepoTags.push(familiarReference(parseReference(name)));
  }
  return images.size === 0 ? undefined : serialize([...images.values()]);
}

/** The entry itself, or the only image of an index. */
async function singleImage(
  store: ReadableStore,
  entry: Descriptor,
  ctx: Context,
): Promise<Descriptor | undefined> {
  if (isManifestType(entry.mediaType)) return entry;
  if (!isIndexType(entry.mediaType)) return undefined;
  const [image, ...others] = imagesOf(parseIndex(await readContent(store, entry, ctx)).manifests);
  return others.length === 0 ? image : undefined;
}

async function describe(
  store: ReadableStore,
  image: Descriptor,
  ctx: Context,
): Promise<DockerManifestEntry | undefined> {
  const { config, layers } = parseManifest(await readContent(store, image, ctx));
  if (!isConfigType(config.mediaType)) return undefined;
  return {
    Config: blobName(config.digest),
    RepoTags: [],
    Layers: layers.map((layer) => blobName(layer.digest)),
  };
}

function blobName(digest: Digest): string {
  return `blobs/${digestAlgorithm(digest)}/${digestHex(digest)}`;
}
