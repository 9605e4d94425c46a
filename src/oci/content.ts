import * as v from "valibot";
import { AnyarchError } from "../errors/error.ts";
import { type Digest, isDigest } from "./digest.ts";
import { isIndexType, isManifestType, mediaTypes } from "./media-type.ts";
import type { Platform } from "./platform.ts";

export type Annotations = Readonly<Record<string, string>>;

/** image-spec descriptor.md. `size` in bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Annotations;
  readonly data?: string;
  readonly artifactType?: string;
  readonly platform?: Platform;
}

/** image-spec manifest.md, or Docker's image manifest version 2, schema 2. */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

/** image-spec image-index.md, or Docker's manifest list. */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Annotations;
}

const digest = v.custom<Digest>((input) => typeof input === "string" && isDigest(input), "not a digest");
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const text = v.string();
/** Text by text. Not v.record, which drops keys such as "constructor". */
export const stringMap: v.GenericSchema<Annotations> = v.custom<Annotations>(
  (input) =>
    typeof input === "object" &&
    input !== null &&
    !Array.isArray(input) &&
    Object.values(input).every((value) => typeof value === "string"),
  "not a map of strings",
);
const platform = v.looseObject({
  architecture: text,
  os: text,
  variant: v.exactOptional(text),
  "os.version": v.exactOptional(text),
  "os.features": v.exactOptional(v.array(text)),
});
const descriptor = v.looseObject({
  mediaType: text,
  digest,
  size: count,
  urls: v.exactOptional(v.array(text)),
  annotations: v.exactOptional(stringMap),
  data: v.exactOptional(text),
  artifactType: v.exactOptional(text),
  platform: v.exactOptional(platform),
});
const optional = {
  mediaType: v.exactOptional(text),
  artifactType: v.exactOptional(text),
  subject: v.exactOptional(descriptor),
  annotations: v.exactOptional(stringMap),
};
/** Go writes an empty list as null. */
const descriptors = v.pipe(
  v.nullable(v.array(descriptor)),
  v.transform((list) => list ?? []),
);
/** A document that is manifest and index at once means different things to different readers (CVE-2021-41190). */
const absent = v.exactOptional(v.undefined("must not be here"));
const manifest = v.looseObject({
  schemaVersion: v.literal(2),
  config: descriptor,
  layers: descriptors,
  manifests: absent,
  ...optional,
}) satisfies v.GenericSchema<unknown, Manifest>;
const index = v.looseObject({
  schemaVersion: v.literal(2),
  manifests: descriptors,
  config: absent,
  layers: absent,
  ...optional,
}) satisfies v.GenericSchema<unknown, ImageIndex>;

/** Reads JSON and checks it; throws CONTENT_INVALID that names `what` and the place in it. */
export function parseContent<T>(schema: v.GenericSchema<unknown, T>, bytes: Uint8Array, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new AnyarchError("CONTENT_INVALID", `The ${what} isn't JSON.`, { cause: error });
  }
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = v.getDotPath(issue) ?? "the top level";
  throw new AnyarchError("CONTENT_INVALID", `The ${what} is malformed at ${place}: ${issue.message}.`);
}

export function parseManifest(bytes: Uint8Array): Manifest {
  const value = parseContent<Manifest>(manifest, bytes, "image manifest");
  if (value.mediaType !== undefined && !isManifestType(value.mediaType)) {
    throw new AnyarchError("CONTENT_INVALID", `The image manifest calls itself ${value.mediaType}.`);
  }
  return value;
}

export function parseIndex(bytes: Uint8Array): ImageIndex {
  const value = parseContent<ImageIndex>(index, bytes, "image index");
  if (value.mediaType !== undefined && !isIndexType(value.mediaType)) {
    throw new AnyarchError("CONTENT_INVALID", `The image index calls itself ${value.mediaType}.`);
  }
  return value;
}

/** JSON without white space and with the keys in the order given: the same value has the same bytes. */
export function serialize(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** A platform with its keys in the image-spec's order and nothing that is empty. */
export function serializePlatform(value: Platform): Platform {
  return {
    architecture: value.architecture,
    os: value.os,
    ...(value["os.version"] && { "os.version": value["os.version"] }),
    ...(value["os.features"]?.length && { "os.features": value["os.features"] }),
    ...(value.variant && { variant: value.variant }),
  };
}

/** Sorted by key, undefined when empty, so that equal maps have equal bytes. */
export function sortedMap(map: Readonly<Record<string, string>> | undefined): Annotations | undefined {
  const entries = Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function orderedDescriptor(value: Descriptor): Descriptor {
  const sorted = sortedMap(value.annotations);
  return {
    mediaType: value.mediaType,
    digest: value.digest,
    size: value.size,
    ...(value.urls && { urls: value.urls }),
    ...(sorted && { annotations: sorted }),
    ...(value.data !== undefined && { data: value.data }),
    ...(value.artifactType !== undefined && { artifactType: value.artifactType }),
    ...(value.platform && { platform: serializePlatform(value.platform) }),
  };
}

/** The bytes of a manifest that anyarch makes: fixed key order, sorted annotations. */
export function serializeManifest(value: Manifest): Uint8Array {
  const sorted = sortedMap(value.annotations);
  return serialize({
    schemaVersion: 2,
    mediaType: value.mediaType ?? mediaTypes.manifest,
    ...(value.artifactType !== undefined && { artifactType: value.artifactType }),
    config: orderedDescriptor(value.config),
    layers: value.layers.map(orderedDescriptor),
    ...(value.subject && { subject: orderedDescriptor(value.subject) }),
    ...(sorted && { annotations: sorted }),
  });
}

/** The bytes of an index that anyarch makes: fixed key order, sorted annotations. */
export function serializeIndex(value: ImageIndex): Uint8Array {
  const sorted = sortedMap(value.annotations);
  return serialize({
    schemaVersion: 2,
    mediaType: value.mediaType ?? mediaTypes.index,
    ...(value.artifactType !== undefined && { artifactType: value.artifactType }),
    manifests: value.manifests.map(orderedDescriptor),
    ...(value.subject && { subject: orderedDescriptor(value.subject) }),
    ...(sorted && { annotations: sorted }),
  });
}
