import { AnyarchError } from "../errors/error.ts";
import { type Descriptor, parseIndex, serializeIndex } from "../oci/content.ts";
import { digestHex, hashFor } from "../oci/digest.ts";
import { formatPlatform, matchPlatform, type Platform } from "../oci/platform.ts";

/** An index as a value with its bytes. */
export interface SelectedIndex {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
  /** Kept children that are images, in the order of the platforms asked for. */
  readonly images: readonly Descriptor[];
}

const attestationOf = "vnd.docker.reference.digest";

/** True for BuildKit's attestation manifests, which no machine runs. */
export function isAttestation(descriptor: Descriptor): boolean {
  return descriptor.annotations?.["vnd.docker.reference.type"] === "attestation-manifest";
}

/** The children of an index that are images of a platform. */
export function imagesOf(children: readonly Descriptor[]): readonly Descriptor[] {
  return children.filter(
    (child) => !isAttestation(child) && child.platform !== undefined && child.platform.os !== "unknown",
  );
}

/**
 * The index without the platforms that aren't asked for, and with the attestations of those that are: byte for byte
 * the same one when nothing goes. A platform is served by itself or a lower variant (linux/arm/v6 for linux/arm/v7).
 * Throws PLATFORM_MISSING, listing what there is.
 */
export function selectPlatforms(
  descriptor: Descriptor,
  bytes: Uint8Array,
  platforms: readonly Platform[],
  from: string,
): SelectedIndex {
  const index = parseIndex(bytes);
  const candidates = imagesOf(index.manifests);
  const images = [...new Set(platforms.map((wanted) => find(wanted, candidates, from)))];
  const digests = new Set<string>(images.map((image) => image.digest));
  const manifests = index.manifests.filter((child) => {
    const subject = isAttestation(child) ? child.annotations?.[attestationOf] : undefined;
    return digests.has(subject ?? child.digest);
  });
  if (manifests.length === index.manifests.length) return { descriptor, bytes, images };
  const selected = serializeIndex({ ...index, mediaType: descriptor.mediaType, manifests });
  const hash = hashFor(descriptor.digest).update(selected).digest("hex");
  const digest = descriptor.digest.replace(digestHex(descriptor.digest), hash) as Descriptor["digest"];
  const { annotations } = descriptor;
  return {
    descriptor: {
      mediaType: descriptor.mediaType,
      digest,
      size: selected.length,
      ...(annotations && { annotations }),
    },
    bytes: selected,
    images,
  };
}

function find(wanted: Platform, candidates: readonly Descriptor[], from: string): Descriptor {
  const found = matchPlatform(wanted, candidates);
  if (found !== undefined) return found;
  throw platformMissing(
    wanted,
    candidates.flatMap((candidate) => (candidate.platform ? [candidate.platform] : [])),
    from,
  );
}

export function platformMissing(wanted: Platform, has: readonly Platform[], from: string): AnyarchError {
  const list = has.map(formatPlatform);
  return new AnyarchError(
    "PLATFORM_MISSING",
    `${from} isn't available for ${formatPlatform(wanted)}: it is for ${list.join(", ") || "no platform"}.`,
    { details: { platform: formatPlatform(wanted), available: list } },
  );
}
