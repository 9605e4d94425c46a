import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { RegistryClient } from "../../../src/registry/client.ts";
import { OciArchiveStore } from "../../../src/stores/archive-store.ts";
import { copy } from "../../../src/stores/copy.ts";
import { DockerArchiveStore } from "../../../src/stores/docker-archive-store.ts";
import { readContent } from "../../../src/stores/graph.ts";
import { LayoutStore } from "../../../src/stores/layout-store.ts";
import { isIndex, loadIndexOrImage } from "../../../src/stores/load.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import { RegistryStore } from "../../../src/stores/registry-store.ts";
import type { WritableStore } from "../../../src/stores/store.ts";
import { formatPlatform, parsePlatform } from "../../../src/oci/platform.ts";
import { TestRegistry } from "../../../src/testing/registry.ts";
import { pushImage, sampleImage, sampleIndex } from "./sample-image.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Place {
  readonly ctx: Context;
  /** A store on the same place, that knows only what is really there. */
  readonly open: () => WritableStore;
  /** References of the kind that the store takes. */
  readonly names: readonly [string, string];
}

function place(): { ctx: Context; dir: string } {
  const dir = mkdtempSync(join(tmpdir(), "anyarch-contract-"));
  const host = createNodeHost({
    env: { HOME: dir, PATH: process.env["PATH"] },
    cwd: dir,
    cacheDir: join(dir, "cache"),
  });
  cleanups.push(
    () => rmSync(dir, { recursive: true, force: true }),
    () => host.close(),
  );
  return { ctx: createContext(host), dir };
}

function opened<T extends WritableStore & Partial<AsyncDisposable>>(store: T): T {
  cleanups.push(async () => store[Symbol.asyncDispose]?.());
  return store;
}

const tags = ["1.0", "latest"] as const;
const implementations: Record<string, () => Promise<Place>> = {
  memory: () => {
    const store = new MemoryStore();
    return Promise.resolve({ ctx: place().ctx, open: () => store, names: tags });
  },
  layout: () => {
    const { ctx, dir } = place();
    return Promise.resolve({ ctx, open: () => opened(new LayoutStore(join(dir, "image"))), names: tags });
  },
  "oci-archive": () => {
    const { ctx, dir } = place();
    return Promise.resolve({ ctx, open: () => opened(new OciArchiveStore(join(dir, "a.tar"))), names: tags });
  },
  "docker-archive": () => {
    const { ctx, dir } = place();
    const open = () => opened(new DockerArchiveStore(join(dir, "a.tar")));
    return Promise.resolve({ ctx, open, names: ["team/app:1.0", "team/app:latest"] });
  },
  registry: async () => {
    const registry = await TestRegistry.start();
    cleanups.push(() => registry[Symbol.asyncDispose]());
    const open = () => new RegistryStore(new RegistryClient().repository(registry.host, "team/app"));
    return { ctx: place().ctx, open, names: tags };
  },
};

describe.each(Object.entries(implementations))("%s", (kind, start) => {
  it("gives back byte for byte what was pushed, by each of its names and by digest", async () => {
    const { ctx, open, names } = await start();
    const image = sampleImage();
    const writer = open();
    await pushImage(writer, image, ctx);
    for (const name of names) await writer.tag(image.descriptor, name, ctx);
    await writer.commit(ctx);
    const reader = open();
    for (const name of [...names, image.descriptor.digest, ""]) {
      const found = await reader.resolve(name, ctx);
      expect(found).toMatchObject(image.descriptor);
      for (const part of [image, image.config, ...image.layers]) {
        expect(await reader.exists(part.descriptor, ctx)).toBe(true);
        expect((await readContent(reader, part.descriptor, ctx)).equals(part.bytes)).toBe(true);
      }
    }
    const loaded = await loadIndexOrImage(reader, names[0], ctx);
    if (isIndex(loaded)) throw new Error("an image was pushed");
    expect(formatPlatform(loaded.descriptor.platform)).toBe("linux/amd64");
    expect(loaded.layers.map((layer) => layer.descriptor)).toEqual(
      image.layers.map((layer) => layer.descriptor),
    );
  });

  it("says what is there already", async () => {
    const { ctx, open } = await start();
    const store = open();
    const [layer] = sampleImage().layers;
    if (layer === undefined) throw new Error("no layer");
    expect(await store.exists(layer.descriptor, ctx)).toBe(false);
    expect(await store.push(layer.descriptor, layer.bytes, ctx)).toBe("pushed");
    expect(await store.exists(layer.descriptor, ctx)).toBe(true);
    let opens = 0;
    const content = () => {
      opens++;
      return Promise.resolve(Readable.from([layer.bytes]));
    };
    expect(await store.push(layer.descriptor, content, ctx)).toBe("exists");
    expect(opens).toBe(0);
  });

  it("takes bytes, streams and files, and tells how far it is", async () => {
    const { ctx, open } = await start();
    const store = open();
    const { dir } = place();
    const image = sampleImage();
    const [first, second] = image.layers;
    if (first === undefined || second === undefined) throw new Error("no layers");
    writeFileSync(join(dir, "blob"), second.bytes);
    const seen: number[] = [];
    const onProgress = (current: number): void => void seen.push(current);
    const stream = () => Promise.resolve(Readable.from([Buffer.from(first.bytes)], { objectMode: false }));
    await store.push(first.descriptor, stream, ctx, { onProgress });
    expect(seen.at(-1)).toBe(first.descriptor.size);
    await store.push(second.descriptor, { file: join(dir, "blob") }, ctx, { onProgress });
    expect(seen.at(-1)).toBe(second.descriptor.size);
    for (const part of [first, second]) {
      expect((await readContent(store, part.descriptor, ctx)).equals(part.bytes)).toBe(true);
    }
  });

  it("refuses content that isn't what its descriptor says", async () => {
    const { ctx, open } = await start();
    const store = open();
    const [layer] = sampleImage().layers;
    if (layer === undefined) throw new Error("no layer");
    const wrong = Buffer.from(layer.bytes);
    wrong[3] = (wrong[3] ?? 0) ^ 1;
    const { dir } = place();
    writeFileSync(join(dir, "blob"), wrong);
    for (const content of [
      wrong,
      () => Promise.resolve(Readable.from([wrong])),
      { file: join(dir, "blob") },
    ]) {
      await expect(store.push(layer.descriptor, content, ctx)).rejects.toMatchObject({
        code: kind === "registry" ? "REGISTRY_ERROR" : "DIGEST_MISMATCH",
      });
    }
    expect(await store.exists(layer.descriptor, ctx)).toBe(false);
    expect(await store.push(layer.descriptor, layer.bytes, ctx)).toBe("pushed");
  });

  it("refuses an image whose parts it doesn't have", async () => {
    const { ctx, open, names } = await start();
    const store = open();
    const image = sampleImage();
    const work = async (): Promise<void> => {
      await store.push(image.config.descriptor, image.config.bytes, ctx);
      await store.push(image.descriptor, image.bytes, ctx);
      await store.tag(image.descriptor, names[0], ctx);
    };
    await expect(work()).rejects.toMatchObject({
      message: expect.stringContaining(image.layers[0]?.descriptor.digest ?? "?"),
    });
  });

  it("says what there is when something is missing", async () => {
    const { ctx, open, names } = await start();
    const writer = open();
    const image = sampleImage();
    await pushImage(writer, image, ctx);
    await writer.tag(image.descriptor, names[0], ctx);
    await writer.commit(ctx);
    const store = open();
    const missing = names[0].replace("1.0", "9.9");
    await expect(store.resolve(missing, ctx)).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      hint: expect.stringContaining("1.0"),
    });
    const other = sampleImage().descriptor;
    await expect(store.resolve(other.digest, ctx)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    await expect(readContent(store, other, ctx)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
  });

  it("moves a tag to another image", async () => {
    const { ctx, open, names } = await start();
    const [before, after] = [sampleImage(), sampleImage()];
    for (const image of [before, after]) {
      const store = open();
      await pushImage(store, image, ctx);
      await store.tag(image.descriptor, names[1], ctx);
      await store.commit(ctx);
    }
    expect((await open().resolve(names[1], ctx)).digest).toBe(after.descriptor.digest);
  });

  // docker-archive holds images only.
  if (kind !== "docker-archive") {
    it("holds an index with attestations, and copies it byte for byte", async () => {
      const { ctx, open, names } = await start();
      const index = sampleIndex(["linux/amd64", "linux/arm64"], true);
      const memory = new MemoryStore("source");
      for (const image of [...index.images, ...index.attestations]) await pushImage(memory, image, ctx);
      await memory.push(index.descriptor, index.bytes, ctx);
      const result = await copy(
        { from: memory, to: open(), descriptor: index.descriptor, references: names },
        ctx,
      );
      expect(result.descriptor).toEqual(index.descriptor);
      // Index, 2 × (manifest, config, own layer), the shared layer, 2 × (attestation, its config, its statement).
      expect(result.contents).toHaveLength(1 + 6 + 1 + 6);
      expect(result.contents.every((content) => content.outcome === "pushed")).toBe(true);
      const back = new MemoryStore("back");
      const descriptor = await open().resolve(names[0], ctx);
      await copy({ from: open(), to: back, descriptor, references: [] }, ctx);
      for (const part of [index, ...index.images, ...index.attestations]) {
        expect((await readContent(back, part.descriptor, ctx)).equals(part.bytes)).toBe(true);
      }
    });
  }

  it("copies one platform of an index, and nothing twice", async () => {
    const { ctx, open, names } = await start();
    const index = sampleIndex(["linux/amd64", "linux/arm/v7"], true);
    const memory = new MemoryStore("source");
    for (const image of [...index.images, ...index.attestations]) await pushImage(memory, image, ctx);
    await memory.push(index.descriptor, index.bytes, ctx);
    const request = { from: memory, descriptor: index.descriptor, references: [names[0]] };
    const platforms = [parsePlatform("linux/arm/v7")];
    const result = await copy({ ...request, to: open(), platforms }, ctx);
    const loaded = await loadIndexOrImage(open(), names[0], ctx);
    const arm = index.images[1]?.descriptor.digest;
    if (isIndex(loaded)) {
      expect(loaded.descriptor.digest).toBe(result.descriptor.digest);
      expect(loaded.manifests.map((member) => member.descriptor.digest)).toEqual([
        arm,
        index.attestations[1]?.descriptor.digest,
      ]);
    } else {
      expect(kind).toBe("docker-archive");
      expect(loaded.descriptor.digest).toBe(arm);
    }
    const amd64 = index.images[0];
    expect(await open().exists(amd64?.descriptor ?? index.descriptor, ctx)).toBe(false);
    if (!kind.includes("archive")) {
      const again = await copy({ ...request, to: open(), platforms }, ctx);
      expect(again.bytes).toBe(0);
    }
    const missing = [parsePlatform("linux/s390x")];
    await expect(copy({ ...request, to: open(), platforms: missing }, ctx)).rejects.toMatchObject({
      code: "PLATFORM_MISSING",
      message: expect.stringContaining("linux/amd64, linux/arm/v7"),
    });
  });
});
