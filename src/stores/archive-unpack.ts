import { createHash } from "node:crypto";
import {
  closeSync,
  copyFileSync,
  createReadStream,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join, posix } from "node:path";
import * as v from "valibot";
import { decompressLayer, detectCompression } from "../archive/decompress.ts";
import { normalizeEntryPath } from "../archive/entry-path.ts";
import { readTar } from "../archive/tar-reader.ts";
import { AnyarchError, systemCode } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { type Descriptor, parseContent, serializeManifest } from "../oci/content.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { mediaTypes } from "../oci/media-type.ts";
import { formatReference, parseReference, withDefaultTag } from "../oci/reference.ts";
import {
  emptyLayoutIndex,
  type LayoutIndex,
  parseLayoutIndex,
  serializeLayoutIndex,
  withEntry,
} from "./layout-index.ts";
import { blobPath } from "./layout-staging.ts";

interface Unpacked {
  readonly path: string;
  readonly digest: Digest;
  readonly size: number;
  /** The first bytes: they tell how a layer is compressed. */
  readonly start: Uint8Array;
}

const dockerManifest = v.array(
  v.looseObject({
    Config: v.string(),
    RepoTags: v.exactOptional(v.nullable(v.array(v.string()))),
    Layers: v.exactOptional(v.nullable(v.array(v.string()))),
  }),
);

/**
 * Unpacks an archive of images into an OCI layout in `dir`, which must be empty: an OCI layout as tar, what `docker
 * save` wrote before it knew OCI (manifest.json, configs and layers), or both; compressed or not. Nothing is
 * written outside of `dir`, whatever the archive says. Throws INPUT_UNREADABLE, ARCHIVE_INVALID, ARCHIVE_UNSAFE, CONTENT_INVALID.
 */
export async function unpackArchive(file: string, dir: string, name: string, ctx: Context): Promise<void> {
  const files = await unpackFiles(file, dir, name, ctx);
  for (const algorithm of ["sha256", "sha512"]) mkdirSync(join(dir, "blobs", algorithm), { recursive: true });
  const layout = layoutOf(files, dir) ?? dockerLayout(files, dir, name);
  if (layout === undefined) {
    throw new AnyarchError("ARCHIVE_INVALID", `${name} holds neither index.json nor manifest.json.`, {
      hint: "It isn't an archive of images, such as `docker save` or `skopeo copy` write.",
    });
  }
  writeFileSync(join(dir, "index.json"), serializeLayoutIndex(layout));
  rmSync(join(dir, "files"), { recursive: true });
}

/** The index of an OCI layout; its blobs are moved to their places. */
function layoutOf(files: ReadonlyMap<string, Unpacked>, dir: string): LayoutIndex | undefined {
  const index = files.get("index.json");
  if (index === undefined) return undefined;
  const parsed = parseLayoutIndex(readFileSync(index.path));
  for (const [path, unpacked] of files) moveBlob(dir, path, unpacked);
  return parsed;
}

/** Docker's own format, with a manifest made for each image. */
function dockerLayout(
  files: ReadonlyMap<string, Unpacked>,
  dir: string,
  name: string,
): LayoutIndex | undefined {
  const list = files.get("manifest.json");
  if (list === undefined) return undefined;
  const images = parseContent(dockerManifest, readFileSync(list.path), `manifest.json of ${name}`);
  const moved = new Set<Unpacked>();
  const part = (path: string): Unpacked => {
    const found = files.get(normalizeEntryPath(path, name));
    if (found === undefined) throw new AnyarchError("ARCHIVE_INVALID", `${name} lacks ${path}.`);
    if (!moved.has(found)) renameSync(found.path, blobPath(dir, found.digest));
    moved.add(found);
    return found;
  };
  let layout = emptyLayoutIndex;
  for (const image of images.toReversed()) {
    const descriptor = writeManifest(dir, part(image.Config), (image.Layers ?? []).map(part));
    const names = image.RepoTags ?? [];
    for (const full of names) {
      const reference = withDefaultTag(parseReference(full));
      layout = withEntry(layout, descriptor, reference.tag ?? "", formatReference(reference));
    }
    if (names.length === 0) layout = withEntry(layout, descriptor, "");
  }
  return layout;
}

/** blobs/ALGORITHM/HEX keeps its name: whether it holds what it says is seen when it is read. */
function moveBlob(dir: string, path: string, unpacked: Unpacked): void {
  const [blobs, algorithm, hex, ...more] = path.split("/");
  const digest = `${algorithm}:${hex}`;
  if (blobs !== "blobs" || more.length > 0 || !isDigest(digest)) return;
  const target = blobPath(dir, digest);
  try {
    linkSync(unpacked.path, target);
  } catch {
    copyFileSync(unpacked.path, target); // A file system without hard links.
  }
}

function writeManifest(dir: string, config: Unpacked, layers: readonly Unpacked[]): Descriptor {
  const bytes = serializeManifest({
    schemaVersion: 2,
    config: { mediaType: mediaTypes.config, digest: config.digest, size: config.size },
    layers: layers.map(({ digest, size, start }) => ({ mediaType: layerType(start), digest, size })),
  });
  const digest = digestOf(bytes);
  writeFileSync(blobPath(dir, digest), bytes);
  return { mediaType: mediaTypes.manifest, digest, size: bytes.length };
}

function layerType(start: Uint8Array): string {
  const compression = detectCompression(start);
  if (compression === "gzip") return mediaTypes.layerGzip;
  return compression === "zstd" ? mediaTypes.layerZstd : mediaTypes.layer;
}

/** All files by normalised path, under numbers of our own; links inside the archive stand for their targets. */
async function unpackFiles(
  file: string,
  dir: string,
  name: string,
  ctx: Context,
): Promise<Map<string, Unpacked>> {
  const files = new Map<string, Unpacked>();
  const links = new Map<string, string>();
  mkdirSync(join(dir, "files"));
  const source = createReadStream(file, { highWaterMark: 1 << 20, signal: ctx.signal });
  try {
    await readTar(
      decompressLayer(source, "auto", name),
      async (header, content) => {
        const path = normalizeEntryPath(header.path, name);
        if (header.type === "symlink" || header.type === "hardlink") {
          const base = header.type === "symlink" ? posix.dirname(path) : ".";
          links.set(path, posix.join(base, header.linkname));
        }
        if (header.type !== "file") return;
        files.set(path, await unpackFile(join(dir, "files", String(files.size)), content));
      },
      { name, signal: ctx.signal },
    );
  } catch (error) {
    if (error instanceof AnyarchError || systemCode(error) !== "ENOENT") throw error;
    throw new AnyarchError("INPUT_UNREADABLE", `${name} can't be read: there is no file ${file}.`, {
      cause: error,
    });
  }
  for (const [path, target] of links) {
    let end: string | undefined = target;
    for (let depth = 0; depth < 8 && end !== undefined && !files.has(end); depth++) end = links.get(end);
    const found = end === undefined ? undefined : files.get(end);
    if (found !== undefined) files.set(path, found);
  }
  return files;
}

async function unpackFile(path: string, content: AsyncIterable<Uint8Array>): Promise<Unpacked> {
  const hash = createHash("sha256");
  let start = new Uint8Array(0);
  let size = 0;
  const fd = openSync(path, "wx");
  try {
    for await (const chunk of content) {
      if (start.length < 8) start = Uint8Array.from(Buffer.concat([start, chunk.subarray(0, 8)]));
      hash.update(chunk);
      for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
      size += chunk.length;
    }
  } finally {
    closeSync(fd);
  }
  return { path, digest: `sha256:${hash.digest("hex")}`, size, start };
}
