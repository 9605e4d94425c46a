import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Descriptor,
  type ImageIndex,
  type Manifest,
  parseIndex,
  parseManifest,
  serialize,
  serializeIndex,
  serializeManifest,
} from "../../../src/oci/content.ts";
import { digestOf, isDigest, parseDigest } from "../../../src/oci/digest.ts";
import { type ImageConfig, parseImageConfig, serializeImageConfig } from "../../../src/oci/image-config.ts";
import { layerCompression, mediaTypes } from "../../../src/oci/media-type.ts";

const invalid = (text: RegExp): unknown =>
  expect.objectContaining({ code: "CONTENT_INVALID", message: expect.stringMatching(text) as unknown });

const digest = fc.string().map((text) => digestOf(text));
const filledMap = fc.dictionary(fc.string(), fc.string(), { minKeys: 1, noNullPrototype: true });
const descriptor: fc.Arbitrary<Descriptor> = fc.record(
  {
    mediaType: fc.constantFrom(...Object.values(mediaTypes)),
    digest,
    size: fc.nat(),
    urls: fc.array(fc.webUrl()),
    annotations: filledMap,
    data: fc.base64String(),
    artifactType: fc.string({ minLength: 1 }),
    platform: fc.record(
      {
        architecture: fc.constantFrom("amd64", "arm64", "arm"),
        os: fc.constantFrom("linux", "windows"),
        variant: fc.constantFrom("v6", "v7"),
        "os.version": fc.constant("10.0.1"),
        "os.features": fc.constant(["win32k"]),
      },
      { requiredKeys: ["architecture", "os"] },
    ),
  },
  { requiredKeys: ["mediaType", "digest", "size"] },
);
const shared = { artifactType: fc.string(), subject: descriptor, annotations: filledMap };
const manifest: fc.Arbitrary<Manifest> = fc.record(
  {
    schemaVersion: fc.constant(2 as const),
    mediaType: fc.constantFrom(mediaTypes.manifest, mediaTypes.dockerManifest),
    config: descriptor,
    layers: fc.array(descriptor, { maxLength: 4 }),
    ...shared,
  },
  { requiredKeys: ["schemaVersion", "mediaType", "config", "layers"] },
);
const index: fc.Arbitrary<ImageIndex> = fc.record(
  {
    schemaVersion: fc.constant(2 as const),
    mediaType: fc.constantFrom(mediaTypes.index, mediaTypes.dockerManifestList),
    manifests: fc.array(descriptor, { maxLength: 4 }),
    ...shared,
  },
  { requiredKeys: ["schemaVersion", "mediaType", "manifests"] },
);

const text = fc.string({ minLength: 1 });
const texts = fc.array(text, { minLength: 1 });
const keys = fc.dictionary(fc.constantFrom("80/tcp", "53/udp", "/data", "/b"), fc.constant({}), {
  minKeys: 1,
  noNullPrototype: true,
});
const config: fc.Arbitrary<ImageConfig> = fc.record(
  {
    created: fc.constant("2024-05-06T07:08:09Z"),
    author: text,
    architecture: fc.constantFrom("amd64", "arm"),
    os: fc.constant("linux"),
    variant: fc.constantFrom("v6", "v7"),
    "os.version": text,
    config: fc.record(
      {
        User: text,
        ExposedPorts: keys,
        Env: texts,
        Entrypoint: texts,
        Cmd: texts,
        Volumes: keys,
        WorkingDir: text,
        Labels: filledMap,
        StopSignal: text,
        Healthcheck: fc.constant({ Test: ["CMD", "true"], Interval: 5_000_000_000 }),
      },
      { requiredKeys: [] },
    ),
    rootfs: fc.record({ type: fc.constant("layers" as const), diff_ids: fc.array(digest) }),
    history: fc.array(
      fc.record(
        { created_by: fc.string(), comment: fc.string(), empty_layer: fc.boolean() },
        { requiredKeys: [] },
      ),
    ),
  },
  { requiredKeys: ["architecture", "os", "rootfs"] },
);

/** The bytes must not depend on the order in which keys were set. */
function reversed<T>(value: T): T {
  if (Array.isArray(value)) return value.map((item: unknown) => reversed(item)) as T;
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, reversed(item as unknown)] as const);
  return Object.fromEntries(entries.toReversed()) as T;
}

describe("serialising and parsing", () => {
  const same = <T>(value: T, write: (value: T) => Uint8Array, read: (bytes: Uint8Array) => T): void => {
    const bytes = write(value);
    expect(read(bytes)).toEqual(value);
    expect(Buffer.from(write(reversed(value))).toString()).toBe(Buffer.from(bytes).toString());
    expect(Buffer.from(write(read(bytes))).equals(bytes)).toBe(true);
  };

  it("gives back a manifest", () => {
    fc.assert(fc.property(manifest, (value) => same(value, serializeManifest, parseManifest)));
  });

  it("gives back an index", () => {
    fc.assert(fc.property(index, (value) => same(value, serializeIndex, parseIndex)));
  });

  it("gives back a config", () => {
    fc.assert(fc.property(config, (value) => same(value, serializeImageConfig, parseImageConfig)));
  });
});

describe("parsing", () => {
  const some: Descriptor = { mediaType: mediaTypes.config, digest: digestOf("{}"), size: 2 };
  const good = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: some, layers: [] };

  it("says where a manifest is malformed", () => {
    const cases: readonly [unknown, RegExp][] = [
      [[], /schemaVersion/],
      ["text", /top level/],
      [{ ...good, schemaVersion: 1 }, /schemaVersion/],
      [{ ...good, layers: {} }, /layers/],
      [{ ...good, layers: [some, { ...some, digest: "sha256:x" }] }, /layers\.1\.digest: not a digest/],
      [{ ...good, layers: [{ ...some, size: -1 }] }, /layers\.0\.size/],
      [{ ...good, layers: [{ ...some, size: 1.5 }] }, /layers\.0\.size/],
      [{ ...good, annotations: { a: 1 } }, /annotations: not a map of strings/],
      [{ ...good, mediaType: mediaTypes.index }, /calls itself/],
      [{ ...good, manifests: [] }, /manifests: must not be here/],
      [{ ...good, config: undefined }, /config/],
    ];
    for (const [value, why] of cases) expect(() => parseManifest(serialize(value))).toThrow(invalid(why));
    expect(() => parseManifest(Buffer.from("{"))).toThrow(invalid(/isn't JSON/));
    expect(() => parseManifest(Buffer.from([0x22, 0xff, 0x22]))).toThrow(invalid(/isn't JSON/));
  });

  it("says where an index is malformed", () => {
    const base = { schemaVersion: 2, manifests: [some] };
    const cases: readonly [unknown, RegExp][] = [
      [
        { ...base, manifests: [{ ...some, platform: { os: "linux" } }] },
        /manifests\.0\.platform\.architecture/,
      ],
      [{ ...base, layers: [] }, /layers: must not be here/],
      [{ ...base, config: some }, /config: must not be here/],
      [{ ...base, mediaType: mediaTypes.manifest }, /calls itself/],
    ];
    for (const [value, why] of cases) expect(() => parseIndex(serialize(value))).toThrow(invalid(why));
  });

  it("takes Go's null for an empty list", () => {
    expect(parseManifest(serialize({ ...good, layers: null })).layers).toEqual([]);
    expect(parseIndex(serialize({ schemaVersion: 2, manifests: null })).manifests).toEqual([]);
  });

  it("reads a config as Docker writes it, with nulls, and keeps unknown keys", () => {
    const docker = {
      architecture: "amd64",
      os: "linux",
      container: "abc",
      config: {
        Cmd: null,
        Entrypoint: null,
        Env: ["A=1"],
        Labels: null,
        OnBuild: null,
        Volumes: null,
        Tty: false,
      },
      rootfs: { type: "layers", diff_ids: null },
      history: null,
    };
    const parsed = parseImageConfig(serialize(docker));
    expect(parsed).toEqual({
      architecture: "amd64",
      os: "linux",
      container: "abc",
      config: { Env: ["A=1"], Tty: false },
      rootfs: { type: "layers", diff_ids: [] },
    });
    expect(JSON.parse(Buffer.from(serializeImageConfig(parsed)).toString())).toEqual(parsed);
  });

  it("refuses configs that aren't", () => {
    for (const value of [
      {},
      { architecture: "amd64", os: "linux" },
      { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: ["abc"] } },
      { architecture: 1, os: "linux", rootfs: { type: "layers", diff_ids: [] } },
      { architecture: "a", os: "b", config: { Env: "A=1" }, rootfs: { type: "layers", diff_ids: [] } },
    ]) {
      expect(() => parseImageConfig(serialize(value))).toThrow(invalid(/image config is malformed/));
    }
  });
});

describe("digests and layer media types", () => {
  it("accepts registered digests only", () => {
    expect(digestOf("")).toBe("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(isDigest(`sha512:${"0".repeat(128)}`)).toBe(true);
    for (const text2 of [
      "",
      "sha256:",
      `sha256:${"A".repeat(64)}`,
      `sha256:${"a".repeat(63)}`,
      `md5:${"a".repeat(32)}`,
      `sha256:${"a".repeat(64)}\n`,
    ])
      expect(() => parseDigest(text2), text2).toThrow(invalid(/isn't a sha256/));
  });

  it("knows how layers are compressed", () => {
    expect(layerCompression(mediaTypes.layer)).toBe("none");
    expect(layerCompression(mediaTypes.dockerLayerGzip)).toBe("gzip");
    expect(layerCompression(mediaTypes.layerZstd)).toBe("zstd");
    expect(layerCompression(mediaTypes.config)).toBeUndefined();
  });
});
