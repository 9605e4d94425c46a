import { AnyarchError } from "../errors/error.ts";
import {
  type Annotations,
  type Descriptor,
  type Manifest,
  parseManifest,
  serializeManifest,
} from "../oci/content.ts";
import { digestOf } from "../oci/digest.ts";
import {
  type History,
  type ImageConfig,
  parseImageConfig,
  serializeImageConfig,
} from "../oci/image-config.ts";
import { isConfigType, mediaTypes } from "../oci/media-type.ts";
import { normalizePlatform, type Platform, samePlatform } from "../oci/platform.ts";
import type { BlobOpener, Layer } from "./layer.ts";

/** An image for one platform. Immutable: the functions here return new ones. */
export interface Image {
  /** Of the manifest; its `platform`, normalised, is always there. */
  readonly descriptor: Descriptor & { readonly platform: Platform };
  readonly manifest: Manifest;
  /** The bytes that `descriptor` describes; those that were read, as long as nothing changed. */
  readonly rawManifest: Uint8Array;
  readonly config: ImageConfig;
  /** The bytes that `manifest.config` describes. */
  readonly rawConfig: Uint8Array;
  /** Base first. Fewer than `manifest.layers` only in broken images, which have too few diffIDs. */
  readonly layers: readonly Layer[];
}

/** A layer to append, and what the history says of it. */
export interface Addition {
  readonly layer: Layer;
  /** `empty_layer` is for steps without a layer, so not for this one. */
  readonly history: History;
}

/**
 * An image from its bytes. `open` gives a way to a layer's blob. The descriptor's platform counts, with what the
 * config adds where it says less. Throws CONTENT_INVALID for malformed content and for manifests that
 * aren't of an image (artifacts). Whether all of it fits together is for validateImage to say.
 */
export function parseImage(
  descriptor: Descriptor,
  rawManifest: Uint8Array,
  rawConfig: Uint8Array,
  open: (layer: Descriptor) => BlobOpener,
): Image {
  const manifest = parseManifest(rawManifest);
  const { mediaType } = manifest.config;
  if (!isConfigType(mediaType)) {
    throw new AnyarchError(
      "CONTENT_INVALID",
      `${descriptor.digest} isn't an image: its config is ${mediaType}.`,
    );
  }
  const config = parseImageConfig(rawConfig);
  const { diff_ids: diffIDs } = config.rootfs;
  const layers = manifest.layers.flatMap((layer, index): Layer[] => {
    const diffID = diffIDs[index];
    return diffID === undefined ? [] : [{ descriptor: layer, diffID, open: open(layer) }];
  });
  const platform = platformOf(config, descriptor.platform);
  return { descriptor: { ...descriptor, platform }, manifest, rawManifest, config, rawConfig, layers };
}

/** An image without layers ("scratch"). The config names arm's variant and, of arm64, none. */
export function emptyImage(platform: Platform): Image {
  const normalized = normalizePlatform(platform);
  const config: ImageConfig = { ...normalized, rootfs: { type: "layers", diff_ids: [] } };
  return build({ schemaVersion: 2 }, config, undefined, [], normalized);
}

/**
 * The platform that an image is for, normalised: as its descriptor says it, else as its config does. Where the
 * descriptor names no variant, the config's counts.
 */
export function platformOf(config: ImageConfig, described?: Platform): Platform {
  const { os, architecture, variant, "os.version": version, "os.features": features } = config;
  const own: Platform = {
    os,
    architecture,
    ...(variant && { variant }),
    ...(version && { "os.version": version }),
    ...(features && { "os.features": features }),
  };
  if (described === undefined) return normalizePlatform(own);
  const normalized = normalizePlatform(own);
  const sameArchitecture = normalizePlatform(described).architecture === normalized.architecture;
  const fill = sameArchitecture && !described.variant && normalized.variant;
  return normalizePlatform(fill ? { ...described, variant: fill } : described);
}

/**
 * The image with further layers on top; diffIDs and history grow along. Layers of a base whose history is
 * missing or too short get empty entries, as BuildKit gives them. The result's manifest is of OCI media types even
 * where the base had Docker's (one manifest shouldn't mix them); layer bytes and digests stay as they are.
 *
 * Throws BASE_MISMATCH for an image whose diffIDs or history don't fit its layers.
 */
export function appendLayers(image: Image, additions: readonly Addition[]): Image {
  const history = alignedHistory(image);
  const { config, layers } = image;
  const diffIDs = [...config.rootfs.diff_ids, ...additions.map(({ layer }) => layer.diffID)];
  const grown: ImageConfig = {
    ...config,
    rootfs: { type: "layers", diff_ids: diffIDs },
    history: [...history, ...additions.map((addition) => withoutEmptyFlag(addition.history))],
  };
  return build(image.manifest, grown, undefined, [...layers, ...additions.map(({ layer }) => layer)], image);
}

/**
 * The image with another config (time, environment, entry point, history of steps without a layer). The
 * descriptor's platform follows it. Converts to OCI media types as appendLayers does. Throws INTERNAL where the
 * change breaks the agreement of diffIDs, history and layers.
 */
export function mutateConfig(image: Image, change: (config: ImageConfig) => ImageConfig): Image {
  const config = change(image.config);
  const before = image.config.rootfs.diff_ids;
  const after = config.rootfs.diff_ids;
  if (after.length !== before.length || after.some((diffID, index) => diffID !== before[index]))
    throw new AnyarchError("INTERNAL", "A change of the image config must leave the diffIDs alone.");
  const steps = layerSteps(config.history ?? []);
  if (steps !== layerSteps(image.config.history ?? []) && steps !== image.layers.length)
    throw new AnyarchError("INTERNAL", `A changed history has ${steps} layers, not ${image.layers.length}.`);
  const { os, architecture, variant } = image.config;
  const moved = config.os !== os || config.architecture !== architecture || config.variant !== variant;
  const platform = moved ? platformOf(config) : image;
  return build(image.manifest, config, undefined, image.layers, platform);
}

/**
 * The image as one for `platform`, of the same architecture: a base for linux/amd64 under an image for
 * linux/amd64/v3. Its config names the variant. The same image where it is for this platform already.
 */
export function withPlatform(image: Image, platform: Platform): Image {
  if (samePlatform(image.descriptor.platform, platform)) return image;
  const { variant } = normalizePlatform(platform);
  const { variant: _old, ...config } = image.config;
  const named = { ...config, ...(variant !== undefined && { variant }) };
  const { "os.version": version, "os.features": features } = image.descriptor.platform;
  return build(image.manifest, named, undefined, image.layers, {
    ...platform,
    ...(version !== undefined && { "os.version": version }),
    ...(features !== undefined && { "os.features": features }),
  });
}

/** The image with exactly these annotations on its manifest; the config's bytes stay as they are. */
export function setAnnotations(image: Image, annotations: Annotations): Image {
  const { annotations: _, ...manifest } = image.manifest;
  const changed = { ...manifest, ...(Object.keys(annotations).length > 0 && { annotations }) };
  return build(changed, image.config, image.rawConfig, image.layers, image);
}

/** How many entries of a history stand for a layer. */
export function layerSteps(history: readonly History[]): number {
  return history.filter((step) => step.empty_layer !== true).length;
}

/** The history of an image, filled up so that each layer has its entry. Throws BASE_MISMATCH. */
export function alignedHistory({ manifest, config, descriptor }: Image): readonly History[] {
  const count = manifest.layers.length;
  const found = config.rootfs.diff_ids.length;
  const fail = (what: string): never => {
    throw new AnyarchError(
      "BASE_MISMATCH",
      `The image ${descriptor.digest} has ${count} layers but ${what}.`,
      {
        hint: "The image is broken: container runtimes refuse it. Build or pull it again.",
        details: { digest: descriptor.digest },
      },
    );
  };
  if (found !== count) fail(`${found} diffIDs`);
  const history = config.history ?? [];
  const steps = layerSteps(history);
  if (steps > count) fail(`${steps} entries of history for them`);
  return [...history, ...Array.from({ length: count - steps }, (): History => ({}))];
}

function withoutEmptyFlag({ empty_layer: _flag, ...history }: History): History {
  return history;
}

const ociTypes: Readonly<Record<string, string>> = {
  [mediaTypes.dockerLayer]: mediaTypes.layer,
  [mediaTypes.dockerLayerGzip]: mediaTypes.layerGzip,
  "application/vnd.docker.image.rootfs.diff.tar.zstd": mediaTypes.layerZstd,
  [mediaTypes.dockerForeignLayer]: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
};

/**
 * A new image from its parts. The old manifest gives only its annotations: what it was a subject's referrer or an
 * artifact for doesn't hold for another image. `rawConfig` is undefined where the config changed.
 */
function build(
  old: Pick<Manifest, "schemaVersion" | "annotations">,
  config: ImageConfig,
  rawConfig: Uint8Array | undefined,
  layers: readonly Layer[],
  source: Platform | Image,
): Image {
  const platform = "descriptor" in source ? source.descriptor.platform : source;
  const named = rawConfig === undefined ? withVariant(config, platform) : config;
  const configBytes = rawConfig ?? serializeImageConfig(named);
  const ociLayers = layers.map((layer): Layer => {
    const mediaType = ociTypes[layer.descriptor.mediaType];
    return mediaType === undefined ? layer : { ...layer, descriptor: { ...layer.descriptor, mediaType } };
  });
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: digestOf(configBytes), size: configBytes.byteLength },
    layers: ociLayers.map((layer) => layer.descriptor),
    ...(old.annotations && { annotations: old.annotations }),
  };
  const rawManifest = serializeManifest(manifest);
  return {
    descriptor: {
      mediaType: mediaTypes.manifest,
      digest: digestOf(rawManifest),
      size: rawManifest.byteLength,
      platform: normalizePlatform(platform),
    },
    manifest,
    rawManifest,
    config: named,
    rawConfig: configBytes,
    layers: ociLayers,
  };
}

/** arm without a variant means nothing certain, so it is written; of others, what the config had stays. */
function withVariant(config: ImageConfig, platform: Platform): ImageConfig {
  if (config.architecture !== "arm" || config.variant) return config;
  return { ...config, variant: platform.variant ?? "v7" };
}
