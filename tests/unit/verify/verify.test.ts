import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AnyarchError } from "../../../src/errors/error.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { makeIndex } from "../../../src/image/image-index.ts";
import type { Image } from "../../../src/image/image.ts";
import type { Layer } from "../../../src/image/layer.ts";
import { type Descriptor, serialize, serializeManifest } from "../../../src/oci/content.ts";
import { type Digest, digestOf } from "../../../src/oci/digest.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import type { ReadableStore } from "../../../src/stores/store.ts";
import { verify } from "../../../src/verify/verify.ts";
import { buildElf, machines } from "./elf-builder.ts";
import { file, makeImage, makeLayer, testContext } from "./image-builder.ts";

const arm64 = buildElf({ machine: machines.aarch64 });
const amd64 = buildElf({ machine: machines.x86_64 });
let dir: TempDir;
let shared: Layer;
let good: Image;
let wrong: Image;
beforeAll(async () => {
  dir = await makeTempDir();
  shared = await makeLayer(dir.path, [file("app/main.py", "print(1)\n")]);
  const native = await makeLayer(dir.path, [file("app/native.so", amd64)]);
  good = makeImage({ platform: "linux/amd64", layers: [shared, native] });
  wrong = makeImage({
    platform: "linux/arm64",
    layers: [shared, native, await makeLayer(dir.path, [file("bin/x", arm64)])],
  });
});
afterAll(async () => {
  await dir[Symbol.asyncDispose]();
});

async function pushImage(store: MemoryStore, image: Image): Promise<void> {
  const ctx = testContext(dir.path);
  for (const { descriptor, open } of image.layers) await store.push(descriptor, open, ctx);
  await store.push(image.manifest.config, image.rawConfig, ctx);
  await store.push(image.descriptor, image.rawManifest, ctx);
}

async function storeWith(images: readonly Image[], others: readonly Descriptor[] = []): Promise<MemoryStore> {
  const ctx = testContext(dir.path);
  const store = new MemoryStore("registry.test/app");
  await pushArtifact(store);
  for (const image of images) await pushImage(store, image);
  const index = makeIndex([...images, ...others]);
  await store.push(index.descriptor, index.rawIndex, ctx);
  await store.tag(index.descriptor, "1.0", ctx);
  return store;
}

const emptyConfig = { mediaType: mediaTypes.empty, digest: digestOf("{}"), size: 2 };
const rawArtifact = serializeManifest({
  schemaVersion: 2,
  artifactType: "application/spdx+json",
  config: emptyConfig,
  layers: [],
});
const artifact: Descriptor = {
  mediaType: mediaTypes.manifest,
  digest: digestOf(rawArtifact),
  size: rawArtifact.length,
};
const attestation: Descriptor = {
  ...artifact,
  annotations: { "vnd.docker.reference.type": "attestation-manifest" },
  platform: { os: "unknown", architecture: "unknown" },
};

async function pushArtifact(store: MemoryStore): Promise<void> {
  const ctx = testContext(dir.path);
  await store.push(emptyConfig, Buffer.from("{}"), ctx);
  await store.push(artifact, rawArtifact, ctx);
}

/** The same store, which has lost some of its content. */
function without(store: ReadableStore, lost: readonly (Digest | undefined)[]): ReadableStore {
  return {
    name: store.name,
    resolve: (reference, ctx) => store.resolve(reference, ctx),
    exists: async (descriptor, ctx) => !lost.includes(descriptor.digest) && store.exists(descriptor, ctx),
    fetch: async (descriptor, ctx) => {
      if (lost.includes(descriptor.digest)) throw new AnyarchError("IMAGE_NOT_FOUND", "It was lost.");
      return store.fetch(descriptor, ctx);
    },
  };
}

describe("verify", () => {
  it("proves each image of an index but for attestations", async () => {
    const store = await storeWith([good, wrong], [attestation]);
    const report = await verify({ store, reference: "1.0" }, testContext(dir.path));
    expect(report.schema).toBe("anyarch.verify/v1");
    expect(report.reference).toBe("registry.test/app:1.0");
    expect(report.platforms).toMatchObject([
      { platform: "linux/amd64", ok: true, files: 2, elf: 1, findings: [] },
      {
        platform: "linux/arm64",
        ok: false,
        files: 3,
        elf: 2,
        findings: [{ code: "ELF_WRONG_MACHINE", severity: "error", path: "app/native.so", layerIndex: 1 }],
      },
    ]);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it("proves a single image", async () => {
    const store = new MemoryStore("memory");
    const ctx = testContext(dir.path);
    await pushImage(store, good);
    await store.tag(good.descriptor, "", ctx);
    const report = await verify({ store, reference: "" }, ctx);
    expect(report.reference).toBe("memory");
    expect(report.platforms).toMatchObject([{ platform: "linux/amd64", ok: true }]);
  });

  it("proves the platforms asked for, and says which there are", async () => {
    const store = await storeWith([good, wrong]);
    const ctx = testContext(dir.path);
    const some = await verify({ store, reference: "1.0", platforms: [parsePlatform("linux/amd64/v3")] }, ctx);
    expect(some.platforms.map(({ platform }) => platform)).toEqual(["linux/amd64"]);
    await expect(
      verify({ store, reference: "1.0", platforms: [parsePlatform("linux/s390x")] }, ctx),
    ).rejects.toThrow(/linux\/amd64, linux\/arm64/);
  });

  it("reads indexes within indexes and passes over artifacts", async () => {
    const ctx = testContext(dir.path);
    const store = await storeWith([good]);
    const inner = await store.resolve("1.0", ctx);
    const listed = { ...artifact, artifactType: "application/spdx+json" };
    const rawIndex = serialize({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [inner, listed] });
    const outer = { mediaType: mediaTypes.index, digest: digestOf(rawIndex), size: rawIndex.length };
    await store.push(outer, rawIndex, ctx);
    await store.tag(outer, "outer", ctx);
    const report = await verify({ store, reference: "outer" }, ctx);
    expect(report.platforms.map(({ platform, ok }) => [platform, ok])).toEqual([["linux/amd64", true]]);
  });

  it("finds an image that the index says is for another platform", async () => {
    const store = await storeWith([good]);
    const ctx = testContext(dir.path);
    const lie = { ...good.descriptor, platform: parsePlatform("linux/arm64") };
    const index = makeIndex([lie]);
    await store.push(index.descriptor, index.rawIndex, ctx);
    await store.tag(index.descriptor, "lie", ctx);
    const { platforms } = await verify({ store, reference: "lie" }, ctx);
    expect(platforms).toMatchObject([{ platform: "linux/arm64", ok: false }]);
    expect(platforms[0]?.findings.map(({ code }) => code)).toEqual(["CONFIG_PLATFORM", "ELF_WRONG_MACHINE"]);
  });

  it("reports a manifest and a layer that aren't there, and goes on", async () => {
    const ctx = testContext(dir.path);
    const whole = await storeWith([wrong, good]);
    await verify({ store: whole, reference: "1.0" }, ctx);
    const store = without(whole, [wrong.descriptor.digest, good.layers[1]?.descriptor.digest]);
    const { platforms } = await verify({ store, reference: "1.0" }, ctx);
    expect(platforms.map(({ platform, findings }) => [platform, findings.map(({ code }) => code)])).toEqual([
      ["linux/arm64", ["MANIFEST_UNREADABLE"]],
      ["linux/amd64", ["LAYER_UNREADABLE"]],
    ]);
  });

  it("finds bytes of a local store that changed after they were proved", async () => {
    const store = await storeWith([good]);
    const ctx = testContext(dir.path);
    expect((await verify({ store, reference: "1.0" }, ctx)).platforms[0]?.ok).toBe(true);
    const damaged = good.layers[1]?.descriptor.digest;
    const local: ReadableStore = {
      name: "oci:dist",
      resolve: (reference) => store.resolve(reference, ctx),
      exists: (descriptor) => store.exists(descriptor, ctx),
      fetch: async (descriptor) =>
        descriptor.digest === damaged
          ? Readable.from([Buffer.alloc(descriptor.size)])
          : store.fetch(descriptor, ctx),
      fileOf: async () => undefined,
    };
    const codes = async (deep?: boolean): Promise<string[]> => {
      const options = { store: local, reference: "1.0", ...(deep !== undefined && { deep }) };
      return (await verify(options, ctx)).platforms.flatMap(({ findings }) =>
        findings.map(({ code }) => code),
      );
    };
    expect(await codes()).toEqual(["DIGEST_MISMATCH"]);
    expect(await codes(false)).toEqual([]);
  });

  it("warns of two images for one platform", async () => {
    const ctx = testContext(dir.path);
    const store = await storeWith([good]);
    const { mediaType, digest, size, platform } = good.descriptor;
    const entry = { mediaType, digest, size, platform };
    const rawIndex = serialize({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [entry, entry] });
    const descriptor = { mediaType: mediaTypes.index, digest: digestOf(rawIndex), size: rawIndex.length };
    await store.push(descriptor, rawIndex, ctx);
    await store.tag(descriptor, "twice", ctx);
    const { platforms } = await verify({ store, reference: "twice" }, ctx);
    expect(platforms.map(({ ok, findings }) => [ok, findings.map(({ code }) => code)])).toEqual([
      [true, []],
      [true, ["PLATFORM_TWICE"]],
    ]);
  });

  it("throws where there is nothing to prove", async () => {
    const ctx = testContext(dir.path);
    const store = await storeWith([], [attestation]);
    await expect(verify({ store, reference: "1.0" }, ctx)).rejects.toMatchObject({ code: "CONTENT_INVALID" });
    await expect(verify({ store, reference: "2.0" }, ctx)).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    await store.tag(artifact, "artifact", ctx);
    await expect(verify({ store, reference: "artifact" }, ctx)).rejects.toMatchObject({
      code: "CONTENT_INVALID",
    });
  });
});
