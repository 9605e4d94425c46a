import type { ApiSettings } from "./settings.ts";
import { configFor, storeOptions, withContext } from "./settings.ts";
import type { Context } from "../host/context.ts";
import type { Image } from "../image/image.ts";
import type { Digest } from "../oci/digest.ts";
import type { RunConfig } from "../oci/image-config.ts";
import { formatPlatform, parsePlatform } from "../oci/platform.ts";

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

/** Reads an image, index, layout or archive. Throws LOCATION_INVALID, IMAGE_NOT_FOUND, BASE_PLATFORM_MISSING. */
export function inspect(location: string, options: InspectOptions = {}, settings: ApiSettings = {}): Promise<InspectResult> {
  return withContext(settings, async (ctx) => {
    const { store, reference } = await open(location, settings, ctx);
    const { loadIndexOrImage } = await import("../stores/load.ts");
    const loaded = await loadIndexOrImage(store, reference, ctx);
    const wanted = options.platform === undefined ? undefined : parsePlatform(options.platform);
    const { images, descriptor, annotations, others } = await imagesOf(store, loaded, wanted, ctx);
    return {
      schema: "anyarch.inspect/v1",
      location,
      digest: descriptor.digest,
      mediaType: descriptor.mediaType,
      annotations,
      platforms: images.map((image) => describe(image, images)),
      others,
    };
  });
}

/** The bytes of a manifest or index as they are, of one platform's manifest where `platform` is given. */
export function inspectRaw(location: string, options: InspectOptions = {}, settings: ApiSettings = {}): Promise<Uint8Array> {
  return withContext(settings, async (ctx) => {
    const { store, reference } = await open(location, settings, ctx);
    const { loadIndexOrImage } = await import("../stores/load.ts");
    const loaded = await loadIndexOrImage(store, reference, ctx);
    if (options.platform === undefined) return "rawIndex" in loaded ? loaded.rawIndex : loaded.rawManifest;
    const { images } = await imagesOf(store, loaded, parsePlatform(options.platform), ctx);
    return (images[0] as Image).rawManifest;
  });
}
