import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Entry } from "../../../src/archive/entry.ts";
import { writeLayer } from "../../../src/archive/write-layer.ts";
import { sortEntries } from "../../../src/archive/sort-entries.ts";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { type Image, parseImage } from "../../../src/image/image.ts";
import type { Layer } from "../../../src/image/layer.ts";
import { type Manifest, serializeManifest } from "../../../src/oci/content.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { type History, type ImageConfig, serializeImageConfig } from "../../../src/oci/image-config.ts";
import { type LayerCompression, mediaTypes } from "../../../src/oci/media-type.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";

const utf8 = new TextEncoder();

export function file(path: string, content: Uint8Array | string, mode = 0o755): Entry {
  const bytes = typeof content === "string" ? utf8.encode(content) : content;
  return { type: "file", path, mode, size: bytes.byteLength, content: { bytes } };
}

export function hardlink(path: string, target: string): Entry {
  return { type: "hardlink", path, target, mode: 0o755 };
}

export function symlink(path: string, target: string): Entry {
  return { type: "symlink", path, target, mode: 0o777 };
}

export function directory(path: string): Entry {
  return { type: "directory", path, mode: 0o755 };
}

const types: Record<LayerCompression, string> = {
  none: mediaTypes.layer,
  gzip: mediaTypes.layerGzip,
  zstd: mediaTypes.layerZstd,
};

let counter = 0;

/** A real layer blob on disk. */
export async function makeLayer(
  folder: string,
  entries: readonly Entry[],
  compression: LayerCompression = "gzip",
): Promise<Layer & { readonly blob: string }> {
  const blob = join(folder, `layer-${++counter}`);
  const written = await writeLayer(sortEntries(entries), { destination: blob, compression });
  return {
    blob,
    descriptor: { mediaType: types[compression], digest: written.digest, size: written.size },
    diffID: written.diffID,
    open: async () => createReadStream(blob),
  };
}

export interface ImageSpec {
  /** What the config says. */
  readonly platform: string;
  /** What the index says; the same where absent. */
  readonly offered?: string;
  readonly layers: readonly Layer[];
  readonly history?: readonly History[];
  readonly config?: Partial<ImageConfig>;
}

export function makeImage(spec: ImageSpec): Image {
  const { os, architecture, variant } = parsePlatform(spec.platform);
  const rawConfig = serializeImageConfig({
    architecture,
    os,
    ...(variant !== undefined && { variant }),
    rootfs: { type: "layers", diff_ids: spec.layers.map(({ diffID }) => diffID) },
    ...(spec.history && { history: spec.history }),
    ...spec.config,
  });
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.config, digest: digestOf(rawConfig), size: rawConfig.byteLength },
    layers: spec.layers.map(({ descriptor }) => descriptor),
  };
  const rawManifest = serializeManifest(manifest);
  const descriptor = {
    mediaType: mediaTypes.manifest,
    digest: digestOf(rawManifest),
    size: rawManifest.byteLength,
    ...(spec.offered && { platform: parsePlatform(spec.offered) }),
  };
  return parseImage(descriptor, rawManifest, rawConfig, ({ digest }) => (signal) => {
    const layer = spec.layers.find((one) => one.descriptor.digest === digest);
    if (layer === undefined) throw new Error(`no layer ${digest}`);
    return layer.open(signal);
  });
}

/** A context whose cache is in `folder`. */
export function testContext(folder: string): Context {
  return createContext(createNodeHost({ cacheDir: join(folder, "cache") }));
}

export async function readBlob(layer: { readonly blob: string }): Promise<Buffer> {
  return readFile(layer.blob);
}
