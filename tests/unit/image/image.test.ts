import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  appendLayers,
  emptyImage,
  type Image,
  layerSteps,
  mutateConfig,
  parseImage,
  platformOf,
  setAnnotations,
  withPlatform,
} from "../../../src/image/image.ts";
import { rebase } from "../../../src/image/rebase.ts";
import { platformsAgree, validateImage } from "../../../src/image/validate.ts";
import { parseManifest, serialize, serializeManifest } from "../../../src/oci/content.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { type ImageConfig, parseImageConfig } from "../../../src/oci/image-config.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { normalizePlatform, type Platform } from "../../../src/oci/platform.ts";
import {
  amd64,
  arm64,
  armv7,
  historyArbitrary,
  layerOf,
  platformArbitrary,
  sampleImage,
  sampleLayer,
} from "./sample-image.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** The image as another program would load it from its bytes. */
function reread(image: Image): Image {
  return parseImage(image.descriptor, image.rawManifest, image.rawConfig, (descriptor) => {
    const layer = image.layers.find((item) => item.descriptor.digest === descriptor.digest);
    if (layer === undefined) throw new Error(`no blob ${descriptor.digest}`);
    return layer.open;
  });
}

/** An image as `docker build` of older days made it. */
function dockerImage(platform: Platform, config: Partial<ImageConfig> = {}): Image {
  const layers = [sampleLayer("one"), sampleLayer("two")];
  const rawConfig = serialize({
    architecture: platform.architecture,
    os: platform.os,
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffID) },
    history: [{ created_by: "one" }, { created_by: "ENV", empty_layer: true }, { created_by: "two" }],
    ...config,
  });
  const rawManifest = serialize({
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: { mediaType: mediaTypes.dockerConfig, digest: digestOf(rawConfig), size: rawConfig.length },
    layers: layers.map(({ descriptor }) => ({ ...descriptor, mediaType: mediaTypes.dockerLayerGzip })),
  });
  const descriptor = {
    mediaType: mediaTypes.dockerManifest,
    digest: digestOf(rawManifest),
    size: rawManifest.length,
    platform,
  };
  return parseImage(
    descriptor,
    rawManifest,
    rawConfig,
    ({ digest }) => layers.find((layer) => layer.descriptor.digest === digest)?.open ?? layers[0]!.open,
  );
}

describe("emptyImage", () => {
  it("is a valid image whose descriptor and config name the normalised platform", async () => {
    for (const [given, variant] of [
      [{ os: "linux", architecture: "aarch64", variant: "v8" }, undefined],
      [{ os: "linux", architecture: "arm" }, "v7"],
      [{ os: "linux", architecture: "arm", variant: "6" }, "v6"],
    ] as const) {
      const image = emptyImage(given);
      expect(image.descriptor.platform).toEqual(normalizePlatform(given));
      expect(image.config.variant).toBe(variant);
      expect(await validateImage(image, { deep: true })).toEqual([]);
    }
  });
});

describe("appendLayers", () => {
  it("keeps diffIDs, history and layers in step, however images are made", async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("layers" as const),
        histories: fc.array(historyArbitrary, { maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant("config" as const), history: historyArbitrary }),
      fc.record({
        kind: fc.constant("annotations" as const),
        value: fc.dictionary(fc.string(), fc.string()),
      }),
    );
    await fc.assert(
      fc.asyncProperty(platformArbitrary, fc.array(step, { maxLength: 5 }), async (platform, steps) => {
        let image = emptyImage(platform);
        let count = 0;
        for (const [index, change] of steps.entries()) {
          if (change.kind === "layers") {
            count += change.histories.length;
            image = appendLayers(
              image,
              change.histories.map((history, at) => ({ layer: sampleLayer(`${index}.${at}`), history })),
            );
          } else if (change.kind === "config") {
            image = mutateConfig(image, (config) => ({
              ...config,
              history: [...(config.history ?? []), { ...change.history, empty_layer: true }],
            }));
          } else image = setAnnotations(image, change.value);
        }
        expect(image.layers).toHaveLength(count);
        expect(image.manifest.layers).toEqual(image.layers.map((layer) => layer.descriptor));
        expect(image.config.rootfs.diff_ids).toEqual(image.layers.map((layer) => layer.diffID));
        expect(layerSteps(image.config.history ?? [])).toBe(count);
        expect(await validateImage(image, { deep: true })).toEqual([]);
        const again = reread(image);
        expect(again.descriptor).toEqual(image.descriptor);
        expect(await validateImage(again, { deep: true })).toEqual([]);
        expect(text(again.rawManifest)).toBe(text(serializeManifest(again.manifest)));
      }),
      { numRuns: 40 },
    );
  });

  it("doesn't change the image it is given, and gives equal bytes for equal input", () => {
    const base = sampleImage(amd64, ["base"]);
    const before = text(base.rawManifest) + text(base.rawConfig);
    const addition = { layer: sampleLayer("app"), history: { created: "2024-01-01T00:00:00Z" } };
    const one = appendLayers(base, [addition]);
    const two = appendLayers(sampleImage(amd64, ["base"]), [addition]);
    expect(text(base.rawManifest) + text(base.rawConfig)).toBe(before);
    expect(one.descriptor).toEqual(two.descriptor);
    expect(one.config.history?.at(-1)).toEqual({ created: "2024-01-01T00:00:00Z" });
  });

  it("turns Docker's media types into OCI's and leaves the layers' bytes alone", async () => {
    const base = dockerImage(amd64);
    const image = appendLayers(base, [{ layer: sampleLayer("app"), history: {} }]);
    const manifest = parseManifest(image.rawManifest);
    expect(manifest.mediaType).toBe(mediaTypes.manifest);
    expect(image.descriptor.mediaType).toBe(mediaTypes.manifest);
    expect(manifest.config.mediaType).toBe(mediaTypes.config);
    expect(manifest.layers.map((layer) => layer.mediaType)).toEqual(Array(3).fill(mediaTypes.layerGzip));
    expect(manifest.layers.slice(0, 2).map((layer) => layer.digest)).toEqual(
      base.manifest.layers.map((layer) => layer.digest),
    );
    expect(await validateImage(image, { deep: true })).toEqual([]);
  });

  it("fills up a history that is missing or too short", async () => {
    for (const history of [undefined, [], [{ created_by: "one" }]]) {
      const base = dockerImage(amd64, { history: history as never });
      const image = appendLayers(base, [{ layer: sampleLayer("app"), history: { created_by: "app" } }]);
      expect(layerSteps(image.config.history ?? [])).toBe(3);
      expect(image.config.history?.at(-1)).toEqual({ created_by: "app" });
      expect(await validateImage(image)).toEqual([]);
    }
  });

  it("refuses a base whose diffIDs or history don't fit its layers", () => {
    const few = { rootfs: { type: "layers" as const, diff_ids: [sampleLayer("one").diffID] } };
    const addition = [{ layer: sampleLayer("app"), history: {} }];
    expect(() => appendLayers(dockerImage(amd64, few), addition)).toThrow(
      expect.objectContaining({ code: "BASE_MISMATCH" }),
    );
    const long = { history: [{}, {}, {}] };
    expect(() => appendLayers(dockerImage(amd64, long), addition)).toThrow(
      expect.objectContaining({ code: "BASE_MISMATCH" }),
    );
  });

  it("names arm's variant in the config, and arm64's only where the base does", () => {
    const addition = [{ layer: sampleLayer("app"), history: {} }];
    const variantOf = (image: Image): string | undefined => appendLayers(image, addition).config.variant;
    expect(variantOf(dockerImage(armv7))).toBe("v7");
    // Old arm32v6 images say v6 in the index only.
    expect(variantOf(dockerImage({ ...armv7, variant: "v6" }))).toBe("v6");
    expect(variantOf(dockerImage(arm64))).toBeUndefined();
    expect(variantOf(dockerImage(arm64, { variant: "v8" }))).toBe("v8");
    expect(appendLayers(dockerImage(arm64, { variant: "v8" }), addition).descriptor.platform).toEqual(arm64);
  });

  it("keeps what it doesn't know of the config", () => {
    const base = dockerImage(amd64, { moby: { secret: 1 }, config: { Env: ["A=1"], Odd: true } } as never);
    const image = appendLayers(base, [{ layer: sampleLayer("app"), history: {} }]);
    expect(JSON.parse(text(image.rawConfig))).toMatchObject({
      moby: { secret: 1 },
      config: { Env: ["A=1"], Odd: true },
    });
  });
});

describe("mutateConfig and setAnnotations", () => {
  it("refuses to lose the agreement of diffIDs and history", () => {
    const image = sampleImage(amd64, ["one"]);
    const internal = expect.objectContaining({ code: "INTERNAL" }) as unknown;
    const rootfs = { type: "layers", diff_ids: [] } as const;
    expect(() => mutateConfig(image, (config) => ({ ...config, rootfs }))).toThrow(internal);
    expect(() => mutateConfig(image, (config) => ({ ...config, history: [{}, {}] }))).toThrow(internal);
  });

  it("follows the config's platform", () => {
    const image = mutateConfig(sampleImage(amd64, ["one"]), (config) => ({
      ...config,
      architecture: "arm64",
    }));
    expect(image.descriptor.platform).toEqual(arm64);
  });

  it("leaves the config's bytes alone when only annotations change", () => {
    const base = dockerImage(arm64, { variant: "v8" });
    const image = setAnnotations(base, { b: "2", a: "1" });
    expect(image.rawConfig).toBe(base.rawConfig);
    expect(image.manifest.config.digest).toBe(base.manifest.config.digest);
    expect(Object.keys(parseManifest(image.rawManifest).annotations ?? {})).toEqual(["a", "b"]);
    const cleared = setAnnotations(image, {});
    expect(parseManifest(cleared.rawManifest).annotations).toBeUndefined();
  });
});

describe("parseImage", () => {
  it("keeps the bytes that were read", () => {
    const base = dockerImage(arm64);
    expect(text(base.rawManifest)).toContain(mediaTypes.dockerManifest);
    expect(digestOf(base.rawManifest)).toBe(base.descriptor.digest);
  });

  it("takes the platform from the config where the descriptor has none", () => {
    const image = sampleImage(armv7, ["one"]);
    const { platform: _platform, ...bare } = image.descriptor;
    const parsed = parseImage(bare, image.rawManifest, image.rawConfig, () => image.layers[0]!.open);
    expect(parsed.descriptor.platform).toEqual(armv7);
  });

  it("lets the config fill in the variant that a descriptor leaves out", () => {
    const config = { ...armv7, variant: "v6", rootfs: { type: "layers", diff_ids: [] } } as const;
    expect(platformOf(config, { os: "linux", architecture: "arm" }).variant).toBe("v6");
    expect(platformOf(config, { ...armv7, variant: "v5" }).variant).toBe("v5");
    expect(platformOf(config, amd64)).toEqual(amd64);
  });

  it("refuses artifacts", () => {
    const raw = serialize({
      schemaVersion: 2,
      config: { mediaType: mediaTypes.empty, digest: digestOf("{}"), size: 2 },
      layers: [],
    });
    const descriptor = { mediaType: mediaTypes.manifest, digest: digestOf(raw), size: raw.length };
    expect(() => parseImage(descriptor, raw, Buffer.from("{}"), () => sampleLayer("x").open)).toThrow(
      expect.objectContaining({ code: "CONTENT_INVALID" }),
    );
  });
});

describe("rebase", () => {
  it("moves the layers on top to the new base", async () => {
    const oldBase = sampleImage(arm64, ["base 1", "base 2"]);
    const newBase = mutateConfig(sampleImage(arm64, ["base 1", "base 2 patched", "base 3"]), (config) => ({
      ...config,
      config: { Env: ["BASE=new"] },
    }));
    let image = mutateConfig(oldBase, (config) => ({
      ...config,
      created: "2024-01-01T00:00:00Z",
      config: { Entrypoint: ["/app"], Env: ["APP=1"] },
      history: [...(config.history ?? []), { created_by: "ENV APP=1", empty_layer: true }],
    }));
    const app = sampleLayer("app");
    image = setAnnotations(appendLayers(image, [{ layer: app, history: { created_by: "COPY" } }]), {
      mine: "yes",
    });

    const rebased = rebase(image, oldBase, newBase);
    expect(rebased.layers.map((layer) => layer.diffID)).toEqual([
      ...newBase.layers.map((layer) => layer.diffID),
      app.diffID,
    ]);
    expect(rebased.config.history?.map((step) => step.created_by)).toEqual([
      "ADD base 1",
      "ADD base 2 patched",
      "ADD base 3",
      "ENV APP=1",
      "COPY",
    ]);
    expect(rebased.config.config).toEqual({ Entrypoint: ["/app"], Env: ["APP=1"] });
    expect(rebased.config.created).toBe("2024-01-01T00:00:00Z");
    expect(rebased.manifest.annotations).toEqual({ mine: "yes" });
    expect(await validateImage(rebased, { deep: true })).toEqual([]);
    expect(rebase(image, oldBase, oldBase).descriptor.digest).toBe(image.descriptor.digest);
  });

  it("refuses a foreign base and a foreign platform", () => {
    const mismatch = expect.objectContaining({ code: "BASE_MISMATCH" }) as unknown;
    const base = sampleImage(arm64, ["base"]);
    const image = appendLayers(base, [{ layer: sampleLayer("app"), history: {} }]);
    expect(() => rebase(image, sampleImage(arm64, ["other"]), base)).toThrow(mismatch);
    expect(() => rebase(image, base, sampleImage(amd64, ["base"]))).toThrow(mismatch);
  });
});

describe("validateImage", () => {
  const image = sampleImage(armv7, ["one", "two"]);
  const codes = async (changed: Image, deep = false): Promise<string[]> =>
    (await validateImage(changed, { deep })).map((finding) => finding.code);

  it("finds what contradicts", async () => {
    expect(await codes({ ...image, rawManifest: Buffer.from("{}") })).toEqual(["manifest-digest"]);
    expect(await codes({ ...image, rawConfig: Buffer.from("{}") })).toEqual(["config-digest"]);
    const descriptor = { ...image.descriptor, platform: amd64 };
    expect(await codes({ ...image, descriptor })).toEqual(["platform-mismatch"]);
    const v6 = { ...image.descriptor, platform: { ...armv7, variant: "v6" } };
    expect(await codes({ ...image, descriptor: v6 })).toEqual(["platform-mismatch"]);
    const docker = { ...image.descriptor, mediaType: mediaTypes.dockerManifest };
    expect(await codes({ ...image, descriptor: docker })).toEqual(["media-type"]);
    const config = {
      ...image.config,
      rootfs: { type: "layers" as const, diff_ids: [image.layers[0]!.diffID] },
    };
    expect(await codes({ ...image, config })).toEqual(["diff-id-count"]);
    const history = [...(image.config.history ?? []), {}];
    expect(await codes({ ...image, config: { ...image.config, history } })).toEqual(["history-count"]);
    const layers = image.manifest.layers.map((layer) => ({ ...layer, mediaType: "text/plain" }));
    expect(await codes({ ...image, manifest: { ...image.manifest, layers } })).toEqual([
      "media-type",
      "media-type",
    ]);
  });

  it("lets a config be silent about the variant", async () => {
    const silent = { os: "linux", architecture: "arm" };
    expect(platformsAgree({ ...armv7, variant: "v5" }, silent)).toBe(true);
    expect(platformsAgree(silent, { ...armv7, variant: "v6" })).toBe(false);
    expect(platformsAgree({ ...arm64, variant: "v8" }, arm64)).toBe(true);
    expect(platformsAgree(amd64, arm64)).toBe(false);
    const base = dockerImage({ ...armv7, variant: "v6" });
    expect(await validateImage(base)).toEqual([]);
  });

  it("recomputes layers when told", async () => {
    const [first, second] = [image.layers[0]!, image.layers[1]!];
    const other = sampleLayer("three");
    const withSecond = (layer: typeof first): Image => ({ ...image, layers: [first, layer] });
    expect(await codes(image, true)).toEqual([]);
    expect(await codes(withSecond({ ...second, diffID: first.diffID }), true)).toEqual(["layer-diff-id"]);
    expect(await codes(withSecond({ ...second, open: other.open }), true)).toEqual([
      "layer-diff-id",
      "layer-digest",
    ]);
    expect(await codes(withSecond({ ...second, open: other.open }))).toEqual([]);
    const plain = layerOf(second.descriptor, Buffer.from("not gzip"));
    expect(await validateImage(withSecond({ ...second, open: plain.open }), { deep: true })).toMatchObject([
      { code: "layer-unreadable", layer: 1 },
    ]);
    const gone = { ...second, open: () => Promise.reject(new Error("offline")) };
    await expect(validateImage(withSecond(gone), { deep: true })).rejects.toThrow("offline");
  });

  it("stops on an abort", async () => {
    const validating = validateImage(image, { deep: true, signal: AbortSignal.abort() });
    await expect(validating).rejects.toHaveProperty("name", "AbortError");
  });
});

describe("created times", () => {
  it("are what was passed in", () => {
    const created = "2024-05-06T07:08:09Z";
    const image = mutateConfig(sampleImage(amd64, ["one"]), (config) => ({ ...config, created }));
    expect(parseImageConfig(image.rawConfig).created).toBe(created);
  });
});

describe("withPlatform", () => {
  it("004-37 makes a base serve a variant: descriptor and config name it, the layers stay", async () => {
    const v3 = { ...amd64, variant: "v3" };
    const base = sampleImage(amd64, ["a"]);
    const image = withPlatform(base, v3);
    expect(image.descriptor.platform).toEqual(v3);
    expect(parseImageConfig(image.rawConfig)).toMatchObject({ architecture: "amd64", variant: "v3" });
    expect(image.manifest.layers).toEqual(base.manifest.layers);
    expect(await validateImage(image)).toEqual([]);
    expect(withPlatform(image, v3)).toBe(image);
    expect(withPlatform(image, amd64).config.variant).toBeUndefined();
  });
});
