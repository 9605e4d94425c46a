import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import type { Layer } from "../../../src/image/layer.ts";
import { isVerifiedStream, verifiedStream } from "../../../src/oci/verified-stream.ts";
import { LayerScans } from "../../../src/verify/layer-scans.ts";
import { verifyImage } from "../../../src/verify/verify-image.ts";
import { buildElf, machines } from "./elf-builder.ts";
import { file, makeImage, makeLayer, testContext } from "./image-builder.ts";

let dir: TempDir;
beforeAll(async () => {
  dir = await makeTempDir();
});
afterAll(async () => {
  await dir[Symbol.asyncDispose]();
});

/** The layer, and how often it was opened, how many of all watched ones were open at most. */
class Watch {
  opened = 0;
  most = 0;
  #now = 0;

  layer(layer: Layer): Layer {
    return {
      ...layer,
      open: async (signal) => {
        this.opened++;
        this.most = Math.max(this.most, ++this.#now);
        const source = await layer.open(signal);
        source.on("close", () => this.#now--);
        return source;
      },
    };
  }
}

const ignore = (): void => undefined;

describe("LayerScans", () => {
  it("reads a layer that several images share once, also where each byte is to be read", async () => {
    const shared = await makeLayer(dir.path, [file("usr/share/text", "for all\n", 0o644)]);
    const watch = new Watch();
    const scans = new LayerScans({ deep: true });
    const ctx = testContext(join(dir.path, "shared"));
    const platforms = ["linux/amd64", "linux/arm64", "linux/s390x"];
    const images = platforms.map((platform) => makeImage({ platform, layers: [watch.layer(shared)] }));
    const reports = await Promise.all(images.map((image) => verifyImage(image, { scans }, ctx)));
    expect(reports.map(({ ok, files }) => [ok, files])).toEqual([
      [true, 1],
      [true, 1],
      [true, 1],
    ]);
    expect(watch.opened).toBe(1);
  });

  it("takes a layer of another size or type for another one", async () => {
    const layer = await makeLayer(dir.path, [file("a", "a\n", 0o644)]);
    const scans = new LayerScans();
    const ctx = testContext(join(dir.path, "other-size"));
    const longer = { ...layer, descriptor: { ...layer.descriptor, size: layer.descriptor.size + 1 } };
    await expect(scans.scan(longer, ctx, ignore)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect((await scans.scan(layer, ctx, ignore)).files).toBe(1);
  });

  it("reads no more layers at a time than it may, and reports them in order", async () => {
    const watch = new Watch();
    const sizes = [3_000_000, 10, 2_000_000, 10, 1_000_000, 10];
    const elf = buildElf({ machine: machines.x86_64 });
    const layers = await Promise.all(
      sizes.map(async (size, at) =>
        watch.layer(
          await makeLayer(dir.path, [file(`data${at}`, randomBytes(size), 0o644), file(`opt/${at}.so`, elf)]),
        ),
      ),
    );
    const image = makeImage({ platform: "linux/arm64", layers });
    const scans = new LayerScans({ jobs: 2 });
    const report = await verifyImage(image, { scans }, testContext(join(dir.path, "order")));
    expect(watch.opened).toBe(6);
    expect(watch.most).toBe(2);
    expect(report.findings.map(({ path }) => path)).toEqual([5, 4, 3, 2, 1, 0].map((at) => `opt/${at}.so`));
  });

  it("looks into large files of several layers though one of them is held at a time", async () => {
    const elf = buildElf({ machine: machines.x86_64, needed: ["libc.so.6"], padding: 100_000 });
    const layers = await Promise.all(
      [1, 2, 3, 4].map((at) =>
        makeLayer(dir.path, [file(`opt/${at}.so`, Buffer.concat([elf, randomBytes((5 << 20) + at)]))]),
      ),
    );
    const scans = new LayerScans({ jobs: 4 });
    const ctx = testContext(join(dir.path, "large"));
    const found = await Promise.all(layers.map((layer) => scans.scan(layer, ctx, ignore)));
    expect(found.flatMap((scan) => scan.elf.map(({ path, facts }) => [path, facts.needed]))).toEqual(
      [1, 2, 3, 4].map((at) => [`opt/${at}.so`, ["libc.so.6"]]),
    );
  });
});

describe("isVerifiedStream", () => {
  it("holds only for the digest and size that the stream checks", async () => {
    const { descriptor } = await makeLayer(dir.path, [file("b", "b\n", 0o644)]);
    const stream = verifiedStream(Readable.from([]), descriptor, { from: "here" });
    expect(isVerifiedStream(stream, descriptor)).toBe(true);
    expect(isVerifiedStream(stream, { ...descriptor, size: 1 })).toBe(false);
    expect(isVerifiedStream(stream, { ...descriptor, digest: `sha256:${"0".repeat(64)}` })).toBe(false);
    expect(isVerifiedStream(Readable.from([]), descriptor)).toBe(false);
    stream.destroy();
  });
});
