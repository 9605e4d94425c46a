import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { tarBlocks } from "../../../src/archive/tar-writer.ts";
import { appendLayers, emptyImage, type Image } from "../../../src/image/image.ts";
import type { Layer } from "../../../src/image/layer.ts";
import type { Descriptor } from "../../../src/oci/content.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import type { History } from "../../../src/oci/image-config.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import type { Platform } from "../../../src/oci/platform.ts";

export const amd64: Platform = { os: "linux", architecture: "amd64" };
export const arm64: Platform = { os: "linux", architecture: "arm64" };
export const armv7: Platform = { os: "linux", architecture: "arm", variant: "v7" };

/** A real layer with one file. */
export function sampleLayer(text: string, compression: "gzip" | "none" = "gzip"): Layer {
  const bytes = Buffer.from(text);
  const tar = Buffer.concat([
    ...tarBlocks([{ type: "file", path: "file", mode: 0o644, size: bytes.length, content: { bytes } }]),
  ]);
  const blob = compression === "gzip" ? gzipSync(tar) : tar;
  const mediaType = compression === "gzip" ? mediaTypes.layerGzip : mediaTypes.layer;
  return layerOf({ mediaType, digest: digestOf(blob), size: blob.length }, blob, digestOf(tar));
}

export function layerOf(descriptor: Descriptor, blob: Uint8Array, diffID = digestOf(blob)): Layer {
  return { descriptor, diffID, open: () => Promise.resolve(Readable.from([blob])) };
}

export function sampleImage(platform: Platform, texts: readonly string[]): Image {
  return appendLayers(
    emptyImage(platform),
    texts.map((text) => ({ layer: sampleLayer(text), history: { created_by: `ADD ${text}` } })),
  );
}

export const platformArbitrary: fc.Arbitrary<Platform> = fc.constantFrom(
  amd64,
  arm64,
  armv7,
  { os: "linux", architecture: "arm", variant: "v6" },
  { os: "linux", architecture: "amd64", variant: "v3" },
  { os: "windows", architecture: "amd64", "os.version": "10.0.20348.1" },
);

export const historyArbitrary: fc.Arbitrary<History> = fc.record(
  {
    created: fc.constantFrom("1970-01-01T00:00:00Z", "2024-05-06T07:08:09Z"),
    created_by: fc.string(),
    comment: fc.string(),
    author: fc.string(),
  },
  { requiredKeys: [] },
);
