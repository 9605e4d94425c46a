import { AnyarchError } from "../errors/error.ts";
import {
  type Annotations,
  type Descriptor,
  type ImageIndex,
  parseIndex,
  serialize,
  serializeIndex,
  serializePlatform,
} from "../oci/content.ts";
import { digestOf } from "../oci/digest.ts";
import { mediaTypes } from "../oci/media-type.ts";
import { formatPlatform, matchPlatform, normalizePlatform, type Platform } from "../oci/platform.ts";
import type { Image } from "./image.ts";

/** An image index (or Docker manifest list). Immutable. */
export interface Index {
  readonly descriptor: Descriptor;
  readonly index: ImageIndex;
  /** The bytes that `descriptor` describes. */
  readonly rawIndex: Uint8Array;
  readonly manifests: readonly IndexMember[];
}

/** A manifest in an index, and the image where it was made here or read already. */
export interface IndexMember {
  readonly descriptor: Descriptor;
  readonly image?: Image;
}

export interface IndexOptions {
  readonly annotations?: Annotations;
  /** OCI's by default; Docker's manifest list for clients that know nothing else. */
  readonly mediaType?: typeof mediaTypes.index | typeof mediaTypes.dockerManifestList;
}

/** Throws CONTENT_INVALID. */
export function parseImageIndex(descriptor: Descriptor, rawIndex: Uint8Array): Index {
  const index = parseIndex(rawIndex);
  return {
    descriptor,
    index,
    rawIndex,
    manifests: index.manifests.map((member) => ({ descriptor: member })),
  };
}

/**
 * An index of images (their platforms normalised) and of descriptors (taken as they are: attestations,
 * manifests made elsewhere), in the order given. Throws CONTENT_INVALID where two are of exactly the same platform.
 */
export function makeIndex(members: readonly (Image | Descriptor)[], options: IndexOptions = {}): Index {
  const manifests = members.map((member): IndexMember => {
    if (!("descriptor" in member)) return { descriptor: member };
    const { mediaType, digest, size, annotations, platform } = member.descriptor;
    const descriptor: Descriptor = {
      mediaType,
      digest,
      size,
      ...(annotations && { annotations }),
      platform: normalizePlatform(platform),
    };
    return { descriptor, image: member };
  });
  refuseDuplicates(manifests);
  const mediaType = options.mediaType ?? mediaTypes.index;
  const index: ImageIndex = {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map((member) => member.descriptor),
    ...(options.annotations && { annotations: options.annotations }),
  };
  const rawIndex = serializeIndex(index);
  const descriptor = { mediaType, digest: digestOf(rawIndex), size: rawIndex.byteLength };
  return { descriptor, index, rawIndex, manifests };
}

function refuseDuplicates(manifests: readonly IndexMember[]): void {
  const seen = new Set<string>();
  for (const { descriptor } of manifests) {
    const { platform } = descriptor;
    if (platform === undefined || !isRunnable(platform)) continue;
    const key = Buffer.from(serialize(serializePlatform(normalizePlatform(platform)))).toString();
    if (seen.has(key)) {
      const what = `An image index can't hold two manifests for ${formatPlatform(platform)}.`;
      throw new AnyarchError("CONTENT_INVALID", what, { details: { platform: formatPlatform(platform) } });
    }
    seen.add(key);
  }
}

/** BuildKit files attestations under unknown/unknown. */
function isRunnable(platform: Platform): boolean {
  return platform.os !== "unknown" && platform.architecture !== "unknown";
}

/** The member that serves `platform` best (see matchPlatform), or undefined. */
export function selectManifest(index: Index, platform: Platform): IndexMember | undefined {
  const candidates = index.manifests.map((member) => ({ member, platform: member.descriptor.platform }));
  return matchPlatform(platform, candidates)?.member;
}

/** The platforms that an index has images for, normalised, in its order: for errors that say what there is. */
export function indexPlatforms(index: Index): readonly Platform[] {
  return index.manifests.flatMap(({ descriptor: { platform } }) =>
    platform !== undefined && isRunnable(platform) ? [normalizePlatform(platform)] : [],
  );
}
