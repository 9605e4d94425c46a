import type { Context } from "../host/context.ts";
import { type Index, indexPlatforms, selectManifest } from "../image/image-index.ts";
import type { Image } from "../image/image.ts";
import type { Descriptor } from "../oci/content.ts";
import type { Digest } from "../oci/digest.ts";
import type { RunConfig } from "../oci/image-config.ts";
import { formatPlatform, matchPlatform, parsePlatform } from "../oci/platform.ts";
import { isIndex, loadImage, loadIndexOrImage } from "../stores/load.ts";
import { entryName } from "../stores/layout-index.ts";
import { openStore } from "../stores/locations.ts";
import { platformMissing } from "../stores/select-platforms.ts";
import type { ReadableStore } from "../stores/store.ts";
import { type ApiSettings, storeOptionsFor, withContext } from "./settings.ts";

/** What is at a location; plain JSON. Sizes are compressed bytes. */
export interface InspectResult {
  readonly schema: "anyarch.inspect/v1";
  readonly location: string;
  readonly digest: Digest;
  readonly mediaType: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platforms: readonly InspectedPlatform[];
  /** Attestations and other manifests that aren't images. */
  readonly others: readonly { readonly digest: Digest; readonly mediaType: string; readonly size: number }[];
  /** The other images of a layout that was read without a tag, newest first. */
  readonly alsoThere: readonly {
    readonly digest: Digest;
    /** What to ask for: a full name or tag; absent where it has none. */
    readonly name?: string;
    /** Absent for an index. */
    readonly platform?: string;
  }[];
}

export interface InspectedPlatform {
  readonly platform: string;
  readonly digest: Digest;
  readonly size: number;
  readonly created?: string;
  readonly config: RunConfig;
  readonly layers: readonly {
    readonly digest: Digest;
    readonly size: number;
    readonly createdBy?: string;
    /** The platforms at this location that hold the same blob. */
    readonly platforms: readonly string[];
  }[];
}

export interface InspectOptions {
  /** Only this platform (or the best match for it). */
  readonly platform?: string;
}

/** Reads an image, index, layout or archive. Throws LOCATION_INVALID, IMAGE_NOT_FOUND, PLATFORM_MISSING. */
export function inspect(
  location: string,
  options: InspectOptions = {},
  settings: ApiSettings = {},
): Promise<InspectResult> {
  return withContext(settings, (ctx) =>
    withLoaded(location, settings, ctx, async (store, loaded, alsoThere) => {
      const { images, others } = await imagesOf(store, loaded, options.platform, ctx);
      return {
        schema: "anyarch.inspect/v1",
        location,
        digest: loaded.descriptor.digest,
        mediaType: loaded.descriptor.mediaType,
        annotations: { ...(isIndex(loaded) ? loaded.index.annotations : loaded.manifest.annotations) },
        platforms: images.map((image) => describe(image, images)),
        others: others.map(({ digest, mediaType, size }) => ({ digest, mediaType, size })),
        alsoThere,
      };
    }),
  );
}

/** The bytes of a manifest or index as they are; of one platform's manifest where `platform` is given. */
export function inspectRaw(
  location: string,
  options: InspectOptions = {},
  settings: ApiSettings = {},
): Promise<Uint8Array> {
  return withContext(settings, (ctx) =>
    withLoaded(location, settings, ctx, async (store, loaded) => {
      if (options.platform === undefined) return isIndex(loaded) ? loaded.rawIndex : loaded.rawManifest;
      const { images } = await imagesOf(store, loaded, options.platform, ctx);
      return images[0]?.rawManifest ?? new Uint8Array();
    }),
  );
}

async function withLoaded<T>(
  location: string,
  settings: ApiSettings,
  ctx: Context,
  work: (store: ReadableStore, loaded: Index | Image, alsoThere: InspectResult["alsoThere"]) => Promise<T>,
): Promise<T> {
  const stores = await storeOptionsFor([location], settings, ctx);
  await using opened = await openStore(location, stores, ctx);
  const { store, reference } = opened;
  const loaded = await loadIndexOrImage(store, reference, ctx);
  return work(store, loaded, reference === "" ? await otherEntries(store, loaded) : []);
}

/** What a layout holds beside its newest image. */
async function otherEntries(
  store: ReadableStore,
  loaded: Index | Image,
): Promise<InspectResult["alsoThere"]> {
  const { LayoutStore } = await import("../stores/layout-store.ts");
  if (!(store instanceof LayoutStore)) return [];
  const shown = new Set(isIndex(loaded) ? loaded.manifests.map(({ descriptor }) => descriptor.digest) : []);
  const [, ...entries] = await store.entries();
  const others = entries.filter(({ digest }) => !shown.has(digest));
  return others.map((entry) => {
    const name = entryName(entry);
    return {
      digest: entry.digest,
      ...(name !== undefined && { name }),
      ...(entry.platform && { platform: formatPlatform(entry.platform) }),
    };
  });
}

/** The images of an index, or the one that serves `wanted` best; throws PLATFORM_MISSING where none does. */
async function imagesOf(
  store: ReadableStore,
  loaded: Index | Image,
  wanted: string | undefined,
  ctx: Context,
): Promise<{ images: readonly Image[]; others: readonly Descriptor[] }> {
  const platform = wanted === undefined ? undefined : parsePlatform(wanted);
  if (!isIndex(loaded)) {
    const matches = platform === undefined || matchPlatform(platform, [loaded.descriptor]) !== undefined;
    if (!matches) throw platformMissing(platform, [loaded.descriptor.platform], store.name);
    return { images: [loaded], others: [] };
  }
  if (platform !== undefined) {
    const member = selectManifest(loaded, platform);
    if (member === undefined) throw platformMissing(platform, indexPlatforms(loaded), store.name);
    return { images: [await loadImage(store, member.descriptor, ctx)], others: [] };
  }
  const runnable = new Set(indexPlatforms(loaded).map(formatPlatform));
  const isImage = ({ platform: own }: Descriptor): boolean =>
    own !== undefined && runnable.has(formatPlatform(own));
  const descriptors = loaded.manifests.map(({ descriptor }) => descriptor);
  const images = await Promise.all(
    descriptors.filter(isImage).map((descriptor) => loadImage(store, descriptor, ctx)),
  );
  return { images, others: descriptors.filter((descriptor) => !isImage(descriptor)) };
}

function describe(image: Image, all: readonly Image[]): InspectedPlatform {
  const { config, layers, descriptor } = image;
  const steps = (config.history ?? []).filter((step) => step.empty_layer !== true);
  return {
    platform: formatPlatform(descriptor.platform),
    digest: descriptor.digest,
    size: layers.reduce((sum, layer) => sum + layer.descriptor.size, 0),
    ...(config.created !== undefined && { created: config.created }),
    config: config.config ?? {},
    layers: layers.map(({ descriptor: { digest, size } }, index) => ({
      digest,
      size,
      ...(steps[index]?.created_by !== undefined && { createdBy: steps[index].created_by }),
      platforms: all
        .filter((other) => other.layers.some((layer) => layer.descriptor.digest === digest))
        .map((other) => formatPlatform(other.descriptor.platform)),
    })),
  };
}
