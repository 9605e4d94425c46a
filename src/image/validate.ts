import { createHash } from "node:crypto";
import { decompressLayer } from "../archive/decompress.ts";
import { AnyarchError } from "../errors/error.ts";
import { type Digest, digestOf, hashFor, digestAlgorithm } from "../oci/digest.ts";
import {
  isConfigType,
  isManifestType,
  isNonDistributable,
  layerCompression,
  type LayerCompression,
} from "../oci/media-type.ts";
import { formatPlatform, normalizePlatform, type Platform } from "../oci/platform.ts";
import { type Image, layerSteps } from "./image.ts";
import type { Layer } from "./layer.ts";

/** One thing in an image that contradicts another. */
export interface ImageFinding {
  readonly code:
    | "manifest-digest"
    | "config-digest"
    | "media-type"
    | "diff-id-count"
    | "history-count"
    | "platform-mismatch"
    | "layer-digest"
    | "layer-diff-id"
    | "layer-unreadable";
  readonly message: string;
  /** Position in the manifest's layers, from 0. */
  readonly layer?: number;
  readonly expected?: string;
  readonly found?: string;
}

export interface ValidateOptions {
  /** Also reads all layers and computes their digests, sizes and diffIDs. */
  readonly deep?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Checks that the parts of an image agree, as container runtimes will: image-spec manifest.md, config.md and
 * descriptor.md. An empty result means that all of it holds. Layers that registries don't hold are not read. Throws only what opening a blob throws, or the signal's reason.
 */
export async function validateImage(
  image: Image,
  options: ValidateOptions = {},
): Promise<readonly ImageFinding[]> {
  options.signal?.throwIfAborted();
  const findings = [
    ...documentFindings(image),
    ...mediaTypeFindings(image),
    ...countFindings(image),
    ...platformFindings(image),
  ];
  if (options.deep !== true) return findings;
  const signal = options.signal ?? new AbortController().signal;
  for (const [index, layer] of image.layers.entries()) {
    const { mediaType } = layer.descriptor;
    const compression = layerCompression(mediaType);
    if (compression === undefined || isNonDistributable(mediaType)) continue;
    for (const finding of await layerFindings(layer, compression, signal))
      findings.push({ ...finding, layer: index });
    signal.throwIfAborted();
  }
  return findings;
}

function documentFindings({ descriptor, manifest, rawManifest, rawConfig }: Image): ImageFinding[] {
  const check = (
    code: "manifest-digest" | "config-digest",
    what: string,
    claim: { readonly digest: Digest; readonly size: number },
    bytes: Uint8Array,
  ): ImageFinding[] => {
    const expected = `${claim.digest} of ${claim.size} bytes`;
    const found = `${digestLike(claim.digest, bytes)} of ${bytes.byteLength} bytes`;
    return expected === found ? [] : [{ code, message: `The ${what} isn't ${expected}.`, expected, found }];
  };
  return [
    ...check("manifest-digest", "manifest", descriptor, rawManifest),
    ...check("config-digest", "config", manifest.config, rawConfig),
  ];
}

function digestLike(claim: Digest, bytes: Uint8Array): Digest {
  if (digestAlgorithm(claim) === "sha256") return digestOf(bytes);
  return `${digestAlgorithm(claim)}:${hashFor(claim).update(bytes).digest("hex")}`;
}

function mediaTypeFindings({ descriptor, manifest }: Image): ImageFinding[] {
  const findings: ImageFinding[] = [];
  const unknown = (what: string, found: string, layer?: number): void => {
    const message = `The ${what} has the media type ${found}, which isn't one of OCI's or Docker's.`;
    findings.push({ code: "media-type", message, found, ...(layer !== undefined && { layer }) });
  };
  if (!isManifestType(descriptor.mediaType)) unknown("manifest", descriptor.mediaType);
  if (!isConfigType(manifest.config.mediaType)) unknown("config", manifest.config.mediaType);
  for (const [index, { mediaType }] of manifest.layers.entries()) {
    if (layerCompression(mediaType) === undefined) unknown(`layer ${index + 1}`, mediaType, index);
  }
  const expected = manifest.mediaType;
  const found = descriptor.mediaType;
  if (expected !== undefined && expected !== found) {
    const message = `The manifest calls itself ${expected}, its descriptor ${found}.`;
    findings.push({ code: "media-type", message, expected, found });
  }
  return findings;
}

function countFindings({ manifest, config }: Image): ImageFinding[] {
  const layers = manifest.layers.length;
  const findings: ImageFinding[] = [];
  const differ = (code: "diff-id-count" | "history-count", count: number, what: string): void => {
    const message = `The manifest has ${layers} layers, the config ${count} ${what}.`;
    findings.push({ code, message, expected: String(layers), found: String(count) });
  };
  const diffIDs = config.rootfs.diff_ids.length;
  if (diffIDs !== layers) differ("diff-id-count", diffIDs, "diffIDs");
  // The image-spec makes history optional.
  const history = config.history ?? [];
  if (history.length > 0 && layerSteps(history) !== layers)
    differ("history-count", layerSteps(history), "entries of history that made a layer");
  return findings;
}

function platformFindings({ descriptor, config }: Image): ImageFinding[] {
  const claimed = descriptor.platform;
  if (platformsAgree(claimed, config)) return [];
  const [expected, found] = [formatPlatform(claimed), formatPlatform(config)];
  const message = `The image is listed as ${expected}, but its config says ${found}.`;
  return [{ code: "platform-mismatch", message, expected, found }];
}

/**
 * Whether a config's platform can be what a descriptor claims. Configs often leave the variant out (old images
 * for arm/v6 do): that contradicts nothing.
 */
export function platformsAgree(claimed: Platform, config: Platform): boolean {
  const a = normalizePlatform(claimed);
  const b = normalizePlatform(config);
  if (a.os !== b.os || a.architecture !== b.architecture) return false;
  return !config.variant || a.variant === b.variant;
}

async function layerFindings(
  layer: Layer,
  compression: LayerCompression,
  signal: AbortSignal,
): Promise<readonly ImageFinding[]> {
  const findings: ImageFinding[] = [];
  const { descriptor, diffID } = layer;
  const blob = new Meter(descriptor.digest);
  try {
    const tar = createHash(digestAlgorithm(diffID));
    for await (const chunk of decompressLayer(blob.through(await layer.open(signal)), compression))
      tar.update(chunk);
    const found: Digest = `${digestAlgorithm(diffID)}:${tar.digest("hex")}`;
    if (found !== diffID) {
      const message = `The layer ${descriptor.digest} unpacks to ${found}, not to its diffID.`;
      findings.push({ code: "layer-diff-id", message, expected: diffID, found });
    }
  } catch (error) {
    const isContent =
      error instanceof AnyarchError && ["ARCHIVE_INVALID", "DIGEST_MISMATCH"].includes(error.code);
    if (!isContent) throw error;
    const code = error.code === "DIGEST_MISMATCH" ? "layer-digest" : "layer-unreadable";
    return [{ code, message: error.message, expected: descriptor.digest }];
  }
  const expected = `${descriptor.digest} of ${descriptor.size} bytes`;
  const found = `${digestAlgorithm(descriptor.digest)}:${blob.hex()} of ${blob.size} bytes`;
  if (expected !== found)
    findings.push({ code: "layer-digest", message: `A layer isn't ${expected}.`, expected, found });
  return findings;
}

/** Hashes and counts what passes. */
class Meter {
  size = 0;
  readonly #hash;

  constructor(digest: Digest) {
    this.#hash = hashFor(digest);
  }

  async *through(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      this.#hash.update(chunk);
      this.size += chunk.byteLength;
      yield chunk;
    }
  }

  hex(): string {
    return this.#hash.digest("hex");
  }
}
