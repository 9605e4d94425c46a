import { execFile, fork } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Context } from "../../../src/host/context.ts";
import { withFileLock } from "../../../src/host/file-lock.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { parseIndex, serialize } from "../../../src/oci/content.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { copy } from "../../../src/stores/copy.ts";
import { LayoutStore } from "../../../src/stores/layout-store.ts";
import { isIndex, loadImage, loadIndexOrImage } from "../../../src/stores/load.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import { readContent } from "../../../src/stores/graph.ts";
import { pushImage, type SampleImage, sampleImage, sampleIndex } from "../../contract/stores/sample-image.ts";

let root: string;
let dir: string;
let ctx: Context;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "anyarch-layout-"));
  dir = join(root, "dist/image");
  ctx = createContext(createNodeHost({ env: { HOME: root, PATH: process.env["PATH"] }, cwd: root }));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function write(image: SampleImage, tag: string): Promise<void> {
  await using store = new LayoutStore(dir);
  await pushImage(store, image, ctx);
  await store.tag(image.descriptor, tag, ctx);
  await store.commit(ctx);
}

const readIndex = () => parseIndex(readFileSync(join(dir, "index.json")));
const blobs = (): string[] => readdirSync(join(dir, "blobs/sha256")).sort();
const hexes = (...images: SampleImage[]): string[] =>
  [...new Set(images.flatMap((image) => [image, image.config, ...image.layers]))]
    .map((part) => part.descriptor.digest.slice(7))
    .filter((hex, at, all) => all.indexOf(hex) === at)
    .sort();

describe("writing", () => {
  it("names the platform of a single image exactly as the image-spec does", async () => {
    await write(sampleImage("linux/arm64"), "1.0");
    const raw = JSON.parse(readFileSync(join(dir, "index.json"), "utf8")) as {
      manifests: { platform: object }[];
    };
    expect(JSON.stringify(raw.manifests[0]?.platform)).toBe('{"architecture":"arm64","os":"linux"}');
    expect(readFileSync(join(dir, "oci-layout"), "utf8")).toBe('{"imageLayoutVersion":"1.0.0"}');
    // Nothing is left of the writing itself.
    expect(readdirSync(dir).sort()).toEqual(["blobs", "index.json", "manifest.json", "oci-layout"]);
  });

  it("keeps one entry per tag, newest first, and only the blobs in use", async () => {
    const [one, two, three, four] = [sampleImage(), sampleImage(), sampleImage(), sampleImage()];
    await write(one, "1");
    await write(two, "2");
    await write(three, "1");
    expect(readIndex().manifests.map((entry) => [entry.digest, entry.annotations])).toEqual([
      [three.descriptor.digest, { "org.opencontainers.image.ref.name": "1" }],
      [two.descriptor.digest, { "org.opencontainers.image.ref.name": "2" }],
    ]);
    expect(blobs()).toEqual(hexes(two, three));
    await write(one, "");
    await write(four, "");
    expect(readIndex().manifests.map((entry) => entry.digest)).toEqual(
      [four, three, two].map((i) => i.descriptor.digest),
    );
    expect(blobs()).toEqual(hexes(two, three, four));
  });

  it("004-29 lists images of one platform in manifest.json, as docker save does, and only those that are left", async () => {
    const read = () => JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8")) as object[];
    const [one, two] = [sampleImage(), sampleImage()];
    const blob = ({ descriptor }: { descriptor: { digest: string } }) =>
      `blobs/${descriptor.digest.replace(":", "/")}`;
    const listed = (image: SampleImage, ...names: string[]) => ({
      Config: blob(image.config),
      RepoTags: names,
      Layers: image.layers.map(blob),
    });
    for (const [image, name] of [
      [one, "docker.io/library/shop:1"],
      [one, "ghcr.io/team/shop:1"],
      [two, "docker.io/library/shop:2"],
    ] as const) {
      await using store = new LayoutStore(dir);
      await pushImage(store, image, ctx);
      await store.tagAs(image.descriptor, name.split(":")[1] ?? "", name, ctx);
      await store.commit(ctx);
    }
    expect(read()).toEqual([listed(two, "shop:2"), listed(one, "ghcr.io/team/shop:1", "shop:1")]);
    await using store = new LayoutStore(dir);
    for (const name of ["docker.io/library/shop:1", "ghcr.io/team/shop:1"])
      await store.tagAs(two.descriptor, "1", name, ctx);
    await store.commit(ctx);
    expect(read()).toEqual([listed(two, "ghcr.io/team/shop:1", "shop:1", "shop:2")]);
  });

  it("holds several platforms as one nested index, without a platform of its own", async () => {
    const index = sampleIndex(["linux/amd64", "linux/arm64"]);
    const memory = new MemoryStore();
    for (const image of index.images) await pushImage(memory, image, ctx);
    await memory.push(index.descriptor, index.bytes, ctx);
    await copy(
      { from: memory, to: new LayoutStore(dir), descriptor: index.descriptor, references: ["1"] },
      ctx,
    );
    expect(readIndex().manifests).toEqual([
      { ...index.descriptor, annotations: { "org.opencontainers.image.ref.name": "1" } },
    ]);
    const child = index.images[1]?.descriptor.digest ?? "";
    expect(await new LayoutStore(dir).resolve(child, ctx)).toMatchObject({ digest: child });
  });

  it("changes nothing when it isn't committed", async () => {
    const [one, two] = [sampleImage(), sampleImage()];
    await write(one, "1");
    const before = readFileSync(join(dir, "index.json"), "utf8");
    const store = new LayoutStore(dir);
    await pushImage(store, two, ctx);
    await store.tag(two.descriptor, "1", ctx);
    expect(readFileSync(join(dir, "index.json"), "utf8")).toBe(before);
    expect(blobs()).toEqual(hexes(one));
    expect((await new LayoutStore(dir).resolve("1", ctx)).digest).toBe(one.descriptor.digest);
    await store[Symbol.asyncDispose]();
    expect(readdirSync(dir).sort()).toEqual(["blobs", "index.json", "manifest.json", "oci-layout"]);
  });

  it("keeps what another writer reuses, though nothing else refers to it any more", async () => {
    const base = sampleImage();
    await write(base, "1");
    const store = new LayoutStore(dir);
    const shared = base.layers[0];
    if (shared === undefined) throw new Error("no layer");
    expect(await store.push(shared.descriptor, shared.bytes, ctx)).toBe("exists");
    await write(sampleImage(), "1"); // Removes all of `base` from the layout.
    expect(blobs()).not.toContain(shared.descriptor.digest.slice(7));
    await pushImage(store, base, ctx);
    await store.tag(base.descriptor, "2", ctx);
    await store.commit(ctx);
    expect(blobs()).toEqual(expect.arrayContaining(hexes(base)));
  });
});

describe("crashes and concurrency", () => {
  const writer = join(import.meta.dirname, "layout-writer.ts");
  const tsx = ["--import", "tsx"];

  it("stays whole and readable when writers are killed", async () => {
    await write(sampleImage("linux/arm64"), "1");
    const seen = new Set<string>();
    for (let round = 0; round < 6; round++) {
      const child = fork(writer, [dir, "1", "500"], { execArgv: tsx, stdio: "ignore" });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      // Once it is at work, however long that took to begin: at another point of it each time.
      const before = readIndex().manifests[0]?.digest;
      while (readIndex().manifests[0]?.digest === before) await sleep(5);
      await sleep(round * 37);
      child.kill("SIGKILL");
      await ended;
      const store = new LayoutStore(dir);
      const loaded = await loadIndexOrImage(store, "1", ctx);
      if (isIndex(loaded)) throw new Error("not an image");
      seen.add(loaded.descriptor.digest);
      for (const layer of loaded.layers) await readContent(store, layer.descriptor, ctx);
    }
    // They were really killed in the middle of their work.
    expect(seen.size).toBeGreaterThan(3);
    // The next writer takes a dead one's lock over and cleans up.
    const last = sampleImage("linux/arm64");
    await write(last, "1");
    // One killed before it could say whose it is stays for a day: it may be a living one's.
    const left = readdirSync(dir).filter((name) => name.startsWith(".anyarch"));
    const owner = (name: string): string => join(dir, name, "owner");
    expect(left.filter((name) => existsSync(owner(name)) && readFileSync(owner(name)).length > 0)).toEqual(
      [],
    );
    expect(blobs()).toEqual(hexes(last));
  }, 60_000);

  it("lets several processes write at the same time", async () => {
    const run = promisify(execFile);
    await Promise.all(["a", "b", "c"].map((tag) => run(process.execPath, [...tsx, writer, dir, tag, "15"])));
    const store = new LayoutStore(dir);
    for (const tag of ["a", "b", "c"]) {
      const image = await loadImage(store, await store.resolve(tag, ctx), ctx);
      for (const layer of image.layers) await readContent(store, layer.descriptor, ctx);
    }
    expect(readIndex().manifests).toHaveLength(3);
    expect(blobs()).toHaveLength(3 * 4);
  }, 60_000);

  it("gives the lock to one at a time, and takes over that of a process that is gone", async () => {
    const path = join(root, "lock");
    let inside = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++inside);
      await sleep(5);
      inside--;
    };
    const dead = await new Promise<number>((resolve) => {
      const child = execFile("true", () => resolve(child.pid ?? 0));
    });
    const { ownIdentity } = await import("../../../src/host/process-identity.ts");
    const { started: _started, ...own } = ownIdentity();
    writeFileSync(path, JSON.stringify({ ...own, pid: dead }));
    await Promise.all(Array.from({ length: 8 }, () => withFileLock(path, ctx, work)));
    expect(most).toBe(1);
    // A process that has the number now, but started at another time, isn't the owner.
    writeFileSync(path, JSON.stringify({ ...own, started: "1" }));
    await withFileLock(path, ctx, work);
    expect(readdirSync(root)).not.toContain("lock");
  });
});

describe("layouts of other tools", () => {
  async function foreign(entries: readonly object[], ...images: SampleImage[]): Promise<LayoutStore> {
    mkdirSync(join(dir, "blobs/sha256"), { recursive: true });
    for (const part of images.flatMap((image) => [image, image.config, ...image.layers]))
      writeFileSync(join(dir, "blobs/sha256", part.descriptor.digest.slice(7)), part.bytes);
    writeFileSync(join(dir, "oci-layout"), '{"imageLayoutVersion": "1.0.0"}');
    writeFileSync(join(dir, "index.json"), serialize({ schemaVersion: 2, manifests: entries }));
    return Promise.resolve(new LayoutStore(dir));
  }

  it("finds tags in full names and in containerd's annotation", async () => {
    const image = sampleImage();
    for (const annotations of [
      { "org.opencontainers.image.ref.name": "docker.io/library/app:1.0" },
      { "org.opencontainers.image.ref.name": "1.0" },
      { "io.containerd.image.name": "docker.io/library/app:1.0", "org.opencontainers.image.ref.name": "1.0" },
    ]) {
      const store = await foreign([{ ...image.descriptor, annotations }], image);
      for (const asked of ["1.0", "app:1.0", "", image.descriptor.digest])
        expect((await store.resolve(asked, ctx)).digest).toBe(image.descriptor.digest);
      await expect(store.resolve("2.0", ctx)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    }
    const named = await foreign(
      [
        {
          ...image.descriptor,
          annotations: { "org.opencontainers.image.ref.name": "docker.io/library/app:1.0" },
        },
      ],
      image,
    );
    await expect(named.resolve("other:1.0", ctx)).rejects.toMatchObject({
      hint: expect.stringContaining("library/app:1.0"),
    });
  });

  it("takes platforms that stand side by side as one image", async () => {
    const [amd64, arm64] = [sampleImage("linux/amd64"), sampleImage("linux/arm64")];
    const store = await foreign(
      [
        { ...amd64.descriptor, platform: { os: "linux", architecture: "amd64" } },
        { ...arm64.descriptor, platform: { os: "linux", architecture: "arm64", variant: "v8" } },
      ],
      amd64,
      arm64,
    );
    const loaded = await loadIndexOrImage(store, "", ctx);
    if (!isIndex(loaded)) throw new Error("not an index");
    expect(loaded.manifests.map((member) => member.descriptor.digest)).toEqual(
      [amd64, arm64].map((image) => image.descriptor.digest),
    );
    const target = new LayoutStore(join(root, "copy"));
    const result = await copy(
      { from: store, to: target, descriptor: loaded.descriptor, references: ["1"] },
      ctx,
    );
    expect((await new LayoutStore(join(root, "copy")).resolve("1", ctx)).mediaType).toBe(mediaTypes.index);
    expect(result.contents).toHaveLength(9);
  });

  it("tells images of the same tag apart by their full names, and takes the newest for the tag alone", async () => {
    const [shop, blog] = [sampleImage("linux/amd64"), sampleImage("linux/arm64")];
    for (const [image, name] of [
      [shop, "docker.io/library/shop:1"],
      [blog, "docker.io/library/blog:1"],
    ] as const) {
      await using store = new LayoutStore(dir);
      await pushImage(store, image, ctx);
      await store.tagAs(image.descriptor, "1", name, ctx);
      await store.commit(ctx);
    }
    const store = new LayoutStore(dir);
    for (const [reference, image] of [
      ["1", blog],
      ["", blog],
      ["blog:1", blog],
      ["shop:1", shop],
      ["docker.io/library/shop:1", shop],
    ] as const) {
      expect(await store.resolve(reference, ctx)).toMatchObject({ digest: image.descriptor.digest });
    }
  });

  it("keeps what others wrote into index.json when it adds to it", async () => {
    const image = sampleImage();
    const entry = {
      ...image.descriptor,
      annotations: { "org.opencontainers.image.ref.name": "old", "x.y": "z" },
    };
    await foreign([entry], image);
    await write(sampleImage(), "new");
    expect(readIndex().manifests[1]).toEqual(entry);
  });

  it("fills in the platform from the config where the descriptor has none", async () => {
    const image = sampleImage("linux/arm/v7");
    const store = await foreign([image.descriptor], image);
    const loaded = await loadIndexOrImage(store, "", ctx);
    expect(loaded.descriptor.platform).toEqual({ architecture: "arm", os: "linux", variant: "v7" });
  });

  it("finds out when a blob was changed", async () => {
    const image = sampleImage();
    const store = await foreign([image.descriptor], image);
    writeFileSync(join(dir, "blobs/sha256", image.config.descriptor.digest.slice(7)), "{}");
    await expect(loadIndexOrImage(store, "", ctx)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });
});
