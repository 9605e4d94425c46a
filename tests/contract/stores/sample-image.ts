import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { tarBlocks } from "../../../src/archive/tar-writer.ts";
import type { Context } from "../../../src/host/context.ts";
import { type Descriptor, serialize, serializeIndex, serializeManifest } from "../../../src/oci/content.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { serializeImageConfig } from "../../../src/oci/image-config.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import type { WritableStore } from "../../../src/stores/store.ts";

export interface Content {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

export interface SampleImage extends Content {
  readonly config: Content;
  readonly layers: readonly Content[];
}

function contentOf(mediaType: string, bytes: Uint8Array): Content {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}

/** A gzipped tar with one file of random text. */
function sampleLayer(name: string, size = 2000): Content & { readonly diffID: ReturnType<typeof digestOf> } {
  const bytes = Buffer.from(randomBytes(size).toString("hex"));
  const tar = Buffer.concat([
    ...tarBlocks([{ type: "file", path: name, mode: 0o644, size: bytes.length, content: { bytes } }]),
  ]);
  return { ...contentOf(mediaTypes.layerGzip, gzipSync(tar)), diffID: digestOf(tar) };
}

/** An image that anything can load. */
export function sampleImage(platform = "linux/amd64", shared = sampleLayer("base.txt")): SampleImage {
  const own = sampleLayer("app.txt");
  const { os, architecture, variant } = parsePlatform(platform);
  const config = contentOf(
    mediaTypes.config,
    serializeImageConfig({
      architecture,
      os,
      ...(variant !== undefined && { variant }),
      config: { Cmd: ["/app"] },
      rootfs: { type: "layers", diff_ids: [shared.diffID, own.diffID] },
      history: [{ created_by: "base" }, { created_by: "app" }],
    }),
  );
  const layers = [shared, own];
  const bytes = serializeManifest({
    schemaVersion: 2,
    config: config.descriptor,
    layers: layers.map((layer) => layer.descriptor),
  });
  return { ...contentOf(mediaTypes.manifest, bytes), config, layers };
}

/** An index of images with their platforms, and an attestation for each as BuildKit makes them. */
export function sampleIndex(
  platforms: readonly string[],
  attestations = false,
): Content & {
  readonly images: readonly SampleImage[];
  readonly attestations: readonly SampleImage[];
} {
  const shared = sampleLayer("base.txt");
  const images = platforms.map((platform) => sampleImage(platform, shared));
  const attached = attestations ? images.map((image) => attestationFor(image)) : [];
  const children = images.map((image, at) => ({
    ...image.descriptor,
    platform: parsePlatform(platforms[at] ?? ""),
  }));
  const proofs = attached.map((attestation, at) => ({
    ...attestation.descriptor,
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": images[at]?.descriptor.digest ?? "",
    },
    platform: { os: "unknown", architecture: "unknown" },
  }));
  const bytes = serializeIndex({ schemaVersion: 2, manifests: [...children, ...proofs] });
  return { ...contentOf(mediaTypes.index, bytes), images, attestations: attached };
}

function attestationFor(image: SampleImage): SampleImage {
  const statement = contentOf("application/vnd.in-toto+json", serialize({ about: image.descriptor.digest }));
  const config = contentOf(
    mediaTypes.config,
    serialize({
      architecture: "unknown",
      os: "unknown",
      config: {},
      rootfs: { type: "layers", diff_ids: [statement.descriptor.digest] },
    }),
  );
  const bytes = serializeManifest({
    schemaVersion: 2,
    config: config.descriptor,
    layers: [statement.descriptor],
  });
  return { ...contentOf(mediaTypes.manifest, bytes), config, layers: [statement] };
}

export async function pushImage(store: WritableStore, image: SampleImage, ctx: Context): Promise<void> {
  for (const part of [...image.layers, image.config, image])
    await store.push(part.descriptor, part.bytes, ctx);
}
