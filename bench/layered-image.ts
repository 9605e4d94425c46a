import { createHash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
} from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import type { Entry } from "../src/archive/entry.ts";
import { writeLayer } from "../src/archive/write-layer.ts";
import { createContext, createNodeHost } from "../src/host/node-host.ts";
import { appendLayers, emptyImage } from "../src/image/image.ts";
import type { Layer } from "../src/image/layer.ts";
import type { Digest } from "../src/oci/digest.ts";
import { mediaTypes } from "../src/oci/media-type.ts";
import { parsePlatform } from "../src/oci/platform.ts";
import { LayoutStore } from "../src/stores/layout-store.ts";
import { numbers, SourceWriter } from "./corpus.ts";

export interface LayeredImage {
  /** Of an OCI layout. */
  readonly layout: string;
  readonly files: number;
  /** Of the layers, uncompressed. */
  readonly bytes: number;
  /** The layers' blobs. */
  readonly blobs: readonly string[];
}

/** How much of the image each layer holds: a distribution, its packages, wheels, and an application that changes often. */
const shares = [0.22, 0.2, 0.4, 0.1, 0.06, 0.02];
const files = 20_000;
const elfFiles = 640;
const totalBytes = 1_000_000_000;

interface Elf {
  readonly path: string;
  readonly size: number;
}

/** Libraries and programs of this machine, for real content: compiled code compresses like nothing else. */
function elfOfThisMachine(): readonly Elf[] {
  const found: Elf[] = [];
  const visit = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (entry.isFile() && /\.so(?:\.|$)/.test(entry.name)) {
        const { size } = statSync(path);
        if (size > 20_000 && size < 24_000_000 && readFileSync(path).readUInt32BE(0) === 0x7f454c46)
          found.push({ path, size });
      }
    }
  };
  visit(realpathSync("/lib"));
  return found;
}

/** As many files as the image shall have of them, about half of its bytes; the machine's own from the largest down. */
function chooseElf(): readonly Elf[] {
  const sorted = [...elfOfThisMachine()].sort((a, b) => b.size - a.size);
  const chosen: Elf[] = [];
  let left = totalBytes * 0.6;
  for (let round = 0; chosen.length < elfFiles && sorted.length > 0; round++) {
    for (const elf of sorted) {
      const average = left / Math.max(1, elfFiles - chosen.length);
      if (chosen.length === elfFiles) break;
      if (elf.size > 20 * average) continue;
      chosen.push(elf);
      left -= elf.size;
    }
    if (round > 100) break;
  }
  return shuffled(chosen, numbers(3));
}

function shuffled<T>(items: readonly T[], below: (limit: number) => number): readonly T[] {
  const keyed = items.map((item) => ({ item, key: below(1 << 30) }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}

/** The entries of one layer, made while it is written: the whole image isn't held. */
function* layerEntries(
  layer: number,
  elves: readonly Elf[],
  small: number,
  texts: readonly Buffer[],
): Generator<Entry, void, undefined> {
  const next = numbers(layer + 1);
  const file = (path: string, mode: number, ...parts: Buffer[]): Entry => {
    const bytes = Buffer.concat(parts);
    return { type: "file", path, mode, size: bytes.byteLength, content: { bytes } };
  };
  const unique = (at: number): Buffer => Buffer.from(`# ${layer}.${at}.${next(1 << 30)}\n`);
  for (const [at, { path }] of elves.entries())
    yield file(`opt/${layer}/lib/${String(at).padStart(5, "0")}.so`, 0o755, readFileSync(path), unique(at));
  for (let at = 0; at < small; at++) {
    const folder = `opt/${layer}/src/${String(Math.floor(at / 20)).padStart(5, "0")}`;
    const name = `${folder}/${String(at % 20).padStart(2, "0")}`;
    const text = texts[next(texts.length)] ?? Buffer.alloc(0);
    if (at % 50 === 0) yield file(name, 0o755, Buffer.from("#!/bin/sh\n"), unique(at), text);
    else yield file(`${name}.py`, 0o644, unique(at), text);
  }
}

class Meter extends Transform {
  readonly #hash = createHash("sha256");
  size = 0;

  constructor() {
    super({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#hash.update(chunk);
        this.size += chunk.byteLength;
        done(null, chunk);
      },
    });
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest("hex")}`;
  }
}

/** A layer as Docker and BuildKit push it: one gzip stream of the usual level, not cut into blocks as anyarch's own. */
async function makeLayer(place: string, name: string, entries: Iterable<Entry>): Promise<Layer & Blob> {
  const tar = join(place, `${name}.tar`);
  const { diffID, uncompressedSize } = await writeLayer(entries, { destination: tar, compression: "none" });
  const blob = join(place, `${name}.tar.gz`);
  const meter = new Meter();
  await pipeline(createReadStream(tar), createGzip(), meter, createWriteStream(blob));
  rmSync(tar);
  const descriptor = { mediaType: mediaTypes.layerGzip, digest: meter.digest(), size: meter.size };
  return { descriptor, diffID, blob, uncompressedSize, open: async () => createReadStream(blob) };
}

interface Blob {
  readonly blob: string;
  readonly uncompressedSize: number;
}

/** An image of {@link files} files and 1 GB for this machine's platform, in a layout in `place`: takes half a minute. */
export async function makeLayeredImage(place: string): Promise<LayeredImage> {
  mkdirSync(place, { recursive: true });
  const elves = chooseElf();
  const elfBytes = elves.reduce((sum, { size }) => sum + size, 0);
  const source = new SourceWriter(numbers(7));
  const average = (totalBytes - elfBytes) / (files - elves.length) - 512;
  const texts = Array.from({ length: 500 }, (_, at) =>
    Buffer.from(source.text(Math.round(average * (0.2 + (1.6 * at) / 500)))),
  );
  let elfAt = 0;
  const small = files - elves.length;
  const plans = shares.map((share, at) => {
    const end = at === shares.length - 1 ? elves.length : elfAt + Math.round(elves.length * share);
    const own = elves.slice(elfAt, end);
    elfAt = end;
    return { own, small: Math.round(small * share) };
  });
  const layers: (Layer & Blob)[] = [];
  // Two at a time, as fast as two cores compress.
  for (let at = 0; at < plans.length; at += 2) {
    const pair = plans.slice(at, at + 2).map(({ own, small: count }, offset) => {
      const entries = layerEntries(at + offset, own, count, texts);
      return makeLayer(place, `layer-${at + offset}`, entries);
    });
    layers.push(...(await Promise.all(pair)));
  }
  const layout = join(place, "layout");
  await writeLayout(layout, layers, join(place, "cache"));
  return {
    layout,
    files,
    bytes: layers.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0),
    blobs: layers.map(({ blob }) => blob),
  };
}

async function writeLayout(
  directory: string,
  layers: readonly (Layer & Blob)[],
  cacheDir: string,
): Promise<void> {
  const platform = parsePlatform(`linux/${arch() === "arm64" ? "arm64" : "amd64"}`);
  const additions = layers.map((layer) => ({ layer, history: { created_by: "bench" } }));
  const image = appendLayers(emptyImage(platform), additions);
  const ctx = createContext(createNodeHost({ cacheDir }));
  await using store = new LayoutStore(directory);
  for (const { descriptor, blob } of layers) await store.push(descriptor, { file: blob }, ctx);
  await store.push(image.manifest.config, image.rawConfig, ctx);
  await store.push(image.descriptor, image.rawManifest, ctx);
  await store.tag(image.descriptor, "1.0", ctx);
  await store.commit(ctx);
}
