import { AnyarchError } from "../errors/error.ts";
import { type Descriptor, parseIndex, serialize, serializePlatform, sortedMap } from "../oci/content.ts";
import { isDigest } from "../oci/digest.ts";
import { isIndexType, isManifestType, mediaTypes } from "../oci/media-type.ts";
import { formatPlatform, normalizePlatform } from "../oci/platform.ts";
import { familiarReference, type Reference, parseReference } from "../oci/reference.ts";

/** image-spec annotations.md: the tag, in index.json. */
const refNameAnnotation = "org.opencontainers.image.ref.name";
/** containerd's and Docker's full name of an image, in index.json. */
export const imageNameAnnotation = "io.containerd.image.name";

/** An index.json: what is known, and what other tools wrote beside it. */
export interface LayoutIndex {
  readonly entries: readonly Descriptor[];
  readonly rest: Readonly<Record<string, unknown>>;
}

export const emptyLayoutIndex: LayoutIndex = { entries: [], rest: {} };

/** Throws CONTENT_INVALID for what isn't an image index. */
export function parseLayoutIndex(bytes: Uint8Array): LayoutIndex {
  const { schemaVersion: _version, mediaType: _type, manifests, ...rest } = parseIndex(bytes);
  return { entries: manifests, rest };
}

export function serializeLayoutIndex(index: LayoutIndex): Uint8Array {
  return serialize({
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    ...index.rest,
    manifests: index.entries,
  });
}

/**
 * The index with `descriptor` as its newest entry under a tag ("" for none). It takes the place of the entry with the
 * same tag; without a tag, that of the image without one. `imageName` is the full name that containerd shall know.
 */
export function withEntry(
  index: LayoutIndex,
  descriptor: Descriptor,
  tag: string,
  imageName?: string,
): LayoutIndex {
  const { mediaType, digest, size, artifactType, platform } = descriptor;
  const annotations: Record<string, string> = { ...descriptor.annotations };
  delete annotations[refNameAnnotation];
  delete annotations[imageNameAnnotation];
  if (tag !== "") annotations[refNameAnnotation] = tag;
  if (imageName !== undefined) annotations[imageNameAnnotation] = imageName;
  const sorted = sortedMap(annotations);
  const entry: Descriptor = {
    mediaType,
    digest,
    size,
    ...(sorted && { annotations: sorted }),
    ...(artifactType !== undefined && { artifactType }),
    ...(platform &&
      isManifestType(mediaType) && { platform: serializePlatform(normalizePlatform(platform)) }),
  };
  const replaced = (old: Descriptor): boolean => {
    if (imageName !== undefined) return old.annotations?.[imageNameAnnotation] === imageName;
    if (tag !== "") return old.annotations?.[refNameAnnotation] === tag;
    return isUntaggedImage(old);
  };
  return { ...index, entries: [entry, ...index.entries.filter((old) => !replaced(old))] };
}

function isUntaggedImage(entry: Descriptor): boolean {
  const { annotations, artifactType } = entry;
  return (
    artifactType === undefined && !annotations?.[refNameAnnotation] && !annotations?.[imageNameAnnotation]
  );
}

/**
 * The entries that a reference stands for: a digest, a tag or full name, or "" for the image that there is or the
 * newest one. Several where a layout lists an image's platforms side by side; none where nothing fits.
 */
export function findEntries(index: LayoutIndex, reference: string): readonly Descriptor[] {
  const { entries } = index;
  if (isDigest(reference)) return entries.filter((entry) => entry.digest === reference).slice(0, 1);
  const images = entries.filter(
    ({ mediaType, artifactType }) =>
      artifactType === undefined && (isIndexType(mediaType) || isManifestType(mediaType)),
  );
  if (reference === "") {
    const [newest] = images;
    if (newest === undefined) return entries.slice(0, 1);
    const name = newest.annotations?.[refNameAnnotation];
    return platformsOf(images.filter((entry) => entry.annotations?.[refNameAnnotation] === name));
  }
  const exact = entries.filter((entry) => entry.annotations?.[refNameAnnotation] === reference);
  if (exact.length > 0) return platformsOf(exact);
  // A tag alone says less than a full name: where both are there, the name decides.
  return platformsOf(entries.filter((entry) => sameImage(namesOf(entry)[0] ?? "", reference)));
}

/** The first, with those of the same name where each is an image of a platform of its own. */
function platformsOf(entries: readonly Descriptor[]): readonly Descriptor[] {
  const name = entries[0]?.annotations?.[imageNameAnnotation];
  const same = entries.filter((entry) => entry.annotations?.[imageNameAnnotation] === name);
  const platforms = same.flatMap(({ mediaType, platform }) =>
    isManifestType(mediaType) && platform !== undefined ? [formatPlatform(platform)] : [],
  );
  return new Set(platforms).size === same.length ? same : same.slice(0, 1);
}

/** What an entry can be asked for by: its full name as people write it, or its tag. */
export function entryName(entry: Descriptor): string | undefined {
  const { [refNameAnnotation]: ref, [imageNameAnnotation]: full } = entry.annotations ?? {};
  if (full === undefined) return ref === "" ? undefined : ref;
  try {
    return familiarReference(parseReference(full));
  } catch {
    return full; // Another tool's: taken as it is.
  }
}

function namesOf(entry: Descriptor): readonly string[] {
  const { [refNameAnnotation]: ref, [imageNameAnnotation]: full } = entry.annotations ?? {};
  return [full, ref].filter((name): name is string => name !== undefined && name !== "");
}

/** Compares a name in a layout with what was asked: both may be a tag alone or a full reference. */
function sameImage(name: string, asked: string): boolean {
  const [a, b] = [reading(name), reading(asked)];
  if (a === undefined || b === undefined) return false;
  if (a.full !== undefined && b.full !== undefined) {
    return a.full.registry === b.full.registry && a.full.repository === b.full.repository && a.tag === b.tag;
  }
  return a.tag === b.tag;
}

function reading(text: string): { readonly tag: string; readonly full?: Reference } | undefined {
  if (/^\w[\w.-]{0,127}$/.test(text)) return { tag: text };
  try {
    const full = parseReference(text);
    return { tag: full.tag ?? "latest", full };
  } catch {
    return undefined;
  }
}

/** Throws IMAGE_NOT_FOUND that names what there is. */
export function notInLayout(store: string, reference: string, index: LayoutIndex): never {
  const names = index.entries.flatMap((entry) => namesOf(entry).slice(-1));
  const asked = reference === "" ? "an image" : `"${reference}"`;
  const unnamed = index.entries.length - names.length;
  const has = [...names.slice(0, 10), ...(unnamed > 0 ? [`${unnamed} without a tag`] : [])].join(", ");
  throw new AnyarchError("IMAGE_NOT_FOUND", `${store} doesn't hold ${asked}.`, {
    hint: has === "" ? `${store} is empty.` : `It holds: ${has}.`,
    details: { store, reference, tags: names },
  });
}
