import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  indexPlatforms,
  makeIndex,
  parseImageIndex,
  selectManifest,
} from "../../../src/image/image-index.ts";
import type { Descriptor } from "../../../src/oci/content.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { formatPlatform, parsePlatform } from "../../../src/oci/platform.ts";
import { amd64, arm64, armv7, platformArbitrary, sampleImage } from "./sample-image.ts";

const attestation: Descriptor = {
  mediaType: mediaTypes.manifest,
  digest: digestOf("attestation"),
  size: 11,
  annotations: { "vnd.docker.reference.type": "attestation-manifest" },
  platform: { os: "unknown", architecture: "unknown" },
};

describe("makeIndex", () => {
  const images = [amd64, arm64, armv7].map((platform) => sampleImage(platform, ["one"]));

  it("lists images with their platforms, in order, and reads back", () => {
    const index = makeIndex([...images, attestation], { annotations: { b: "2", a: "1" } });
    const parsed = parseImageIndex(index.descriptor, index.rawIndex);
    expect(digestOf(parsed.rawIndex)).toBe(index.descriptor.digest);
    expect(parsed.index.mediaType).toBe(mediaTypes.index);
    expect(Object.keys(parsed.index.annotations ?? {})).toEqual(["a", "b"]);
    expect(parsed.manifests.map(({ descriptor }) => descriptor)).toEqual([
      ...images.map((image) => image.descriptor),
      attestation,
    ]);
    expect(indexPlatforms(parsed).map(formatPlatform)).toEqual([
      "linux/amd64",
      "linux/arm64",
      "linux/arm/v7",
    ]);
    expect(index.manifests[0]?.image).toBe(images[0]);
  });

  it("writes Docker's manifest list when asked", () => {
    const index = makeIndex(images, { mediaType: mediaTypes.dockerManifestList });
    expect(index.descriptor.mediaType).toBe(mediaTypes.dockerManifestList);
    expect(JSON.parse(Buffer.from(index.rawIndex).toString())).toMatchObject({
      mediaType: mediaTypes.dockerManifestList,
    });
  });

  it("normalises the platforms of images", () => {
    const [, image] = images;
    if (image === undefined) throw new Error("image");
    const told = { ...image, descriptor: { ...image.descriptor, platform: { ...arm64, variant: "v8" } } };
    expect(makeIndex([told]).manifests[0]?.descriptor.platform).toEqual(arm64);
  });

  it("refuses two of one platform, but not two attestations", () => {
    const twice = [sampleImage(arm64, ["one"]), sampleImage(arm64, ["two"])];
    expect(() => makeIndex(twice)).toThrow(expect.objectContaining({ code: "CONTENT_INVALID" }));
    expect(makeIndex([attestation, attestation]).manifests).toHaveLength(2);
    const windows = ["10.0.17763.1", "10.0.20348.1"].map((version) =>
      sampleImage({ os: "windows", architecture: "amd64", "os.version": version }, ["one"]),
    );
    expect(makeIndex(windows).manifests).toHaveLength(2);
  });
});

describe("selectManifest", () => {
  it("finds each platform that the index has", () => {
    fc.assert(
      fc.property(fc.uniqueArray(platformArbitrary, { selector: formatPlatform }), (platforms) => {
        const index = makeIndex([
          attestation,
          ...platforms.map((platform) => sampleImage(platform, ["one"])),
        ]);
        for (const platform of platforms) {
          const selected = selectManifest(index, platform)?.descriptor.platform;
          expect(selected && formatPlatform(selected)).toBe(formatPlatform(platform));
        }
      }),
      { numRuns: 20 },
    );
  });

  it("goes down to lower variants, never up or sideways", () => {
    const index = makeIndex([
      attestation,
      ...["linux/amd64", "linux/arm/v6"].map((platform) => sampleImage(parsePlatform(platform), ["one"])),
    ]);
    const select = (platform: string): string | undefined => {
      const found = selectManifest(index, parsePlatform(platform))?.descriptor.platform;
      return found && formatPlatform(found);
    };
    expect(select("linux/arm/v7")).toBe("linux/arm/v6");
    expect(select("linux/amd64/v3")).toBe("linux/amd64");
    expect(select("linux/arm/v5")).toBeUndefined();
    expect(select("linux/arm64")).toBeUndefined();
    expect(select("windows/amd64")).toBeUndefined();
  });
});
