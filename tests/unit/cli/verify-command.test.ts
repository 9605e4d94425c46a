import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { command } from "../../../src/cli/commands/verify.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { makeIndex } from "../../../src/image/image-index.ts";
import type { Image } from "../../../src/image/image.ts";
import type { Layer } from "../../../src/image/layer.ts";
import type { VerifyResult } from "../../../src/index.ts";
import { type Descriptor, serialize, serializeManifest } from "../../../src/oci/content.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { openStore } from "../../../src/stores/locations.ts";
import { buildElf, machines } from "../verify/elf-builder.ts";
import { file, makeImage, makeLayer, testContext } from "../verify/image-builder.ts";
import { runCommand } from "./captured-command.ts";

const amd64 = buildElf({ machine: machines.x86_64 });
const arm64 = buildElf({ machine: machines.aarch64 });
const fast = buildElf({ machine: machines.x86_64, isaNeeded: 4 });
const defaults = { format: "text", progress: "auto", color: "auto", quiet: true };

let dir: TempDir;
let layout: string;
let base: Layer;
const cacheBefore = process.env["ANYARCH_CACHE_DIR"];

beforeAll(async () => {
  dir = await makeTempDir();
  process.env["ANYARCH_CACHE_DIR"] = join(dir.path, "cache");
  layout = `oci:${join(dir.path, "layout")}`;
  base = await makeLayer(dir.path, [file("usr/bin/old", amd64)]);
  const own = await makeLayer(dir.path, [file("usr/bin/tool", amd64), file("usr/bin/fast", fast)]);
  const history = [{ created_by: "FROM debian" }, { created_by: "COPY . /" }];
  const good = makeImage({ platform: "linux/amd64", layers: [base, own], history });
  const bad = makeImage({ platform: "linux/arm64", layers: [base, own], history });
  await publish("1.0", [good, bad]);
  await publish("base", [makeImage({ platform: "linux/amd64", layers: [base] })]);
  await publish("good", [good]);
});
afterAll(async () => {
  if (cacheBefore === undefined) delete process.env["ANYARCH_CACHE_DIR"];
  else process.env["ANYARCH_CACHE_DIR"] = cacheBefore;
  await dir[Symbol.asyncDispose]();
});

/** Writes images and an index of them, and of what else is given, into the layout. */
async function publish(
  tag: string,
  images: readonly Image[],
  others: readonly { readonly descriptor: Descriptor; readonly raw: Uint8Array }[] = [],
): Promise<void> {
  const ctx = testContext(dir.path);
  await using opened = await openStore(`${layout}:${tag}`, {}, ctx);
  const { store } = opened;
  for (const image of images) {
    for (const { descriptor, open } of image.layers) await store.push(descriptor, open, ctx);
    await store.push(image.manifest.config, image.rawConfig, ctx);
    await store.push(image.descriptor, image.rawManifest, ctx);
  }
  for (const { descriptor, raw } of others) {
    await store.push(
      { mediaType: mediaTypes.empty, digest: digestOf("{}"), size: 2 },
      Buffer.from("{}"),
      ctx,
    );
    await store.push(descriptor, raw, ctx);
  }
  const index = makeIndex([...images, ...others.map(({ descriptor }) => descriptor)]);
  await store.push(index.descriptor, index.rawIndex, ctx);
  await store.tag(index.descriptor, tag, ctx);
  await store.commit(ctx);
}

async function run(tag: string, flags: Readonly<Record<string, unknown>> = {}) {
  return runCommand(command, [`${layout}:${tag}`], { ...defaults, ...flags });
}

async function json(tag: string, flags: Readonly<Record<string, unknown>> = {}): Promise<VerifyResult> {
  return JSON.parse((await run(tag, { ...flags, format: "json" })).out) as VerifyResult;
}

describe("anyarch verify", () => {
  it("shows platforms by checks, then what was found with layer, path and instruction", async () => {
    const { code, out } = await run("1.0");
    expect(code).toBe(1);
    expect(out.replaceAll(/ [0-9a-f]{12}, from/g, " DIGEST, from")).toBe(
      [
        "             machine  abi  start  scripts  packages  documents  layers",
        "linux/amd64  ✓        ! 1  ✓      ✓        ✓         ✓          ✓",
        "linux/arm64  ✗ 3      ✓    ✓      ✓        ✓         ✓          ✓",
        "✓ linux/amd64  3 ELF of 3 files",
        "  ! usr/bin/fast needs x86-64-v3, the image says linux/amd64 (layer 1 DIGEST, from COPY . /) [ELF_ISA_LEVEL]",
        "✗ linux/arm64  3 ELF of 3 files",
        "  ✗ usr/bin/fast is for x86_64, the image says linux/arm64 (layer 1 DIGEST, from COPY . /) [ELF_WRONG_MACHINE]",
        "  ✗ usr/bin/tool is for x86_64, the image says linux/arm64 (layer 1 DIGEST, from COPY . /) [ELF_WRONG_MACHINE]",
        "  ✗ usr/bin/old is for x86_64, the image says linux/arm64 (layer 0 DIGEST, from FROM debian) [ELF_WRONG_MACHINE]",
        "",
      ].join("\n"),
    );
  });

  it("counts what is alike instead of drowning in it", async () => {
    const many = Array.from({ length: 14 }, (_, index) => file(`opt/x86/tool${index}`, amd64));
    const layer = await makeLayer(dir.path, [...many, file("usr/bin/qemu-arm-static", amd64)]);
    await publish("many", [makeImage({ platform: "linux/arm64", layers: [layer] })]);
    const { out } = await run("many");
    expect(out.match(/^ {2}✗ /gm)).toHaveLength(10);
    expect(out).toContain("  and 4 more errors like these\n");
    expect((await run("many", { verbose: true })).out.match(/^ {2}✗ /gm)).toHaveLength(14);
  });

  it("fails from the severity on, and for the codes, that --fail-on names", async () => {
    expect((await run("good")).code).toBe(0);
    expect((await run("good", { failOn: ["warning"] })).code).toBe(1);
    expect((await run("good", { failOn: ["error,ELF_ISA_LEVEL"] })).code).toBe(1);
    expect((await run("good", { failOn: ["elf_wrong_machine"] })).code).toBe(0);
    expect((await run("1.0", { failOn: ["none"] })).code).toBe(0);
    expect((await run("1.0", { failOn: ["none", "ELF_WRONG_MACHINE"] })).code).toBe(1);
    expect((await json("1.0", { failOn: ["none"] })).failed).toBe(false);
    await expect(run("1.0", { failOn: ["fatal"] })).rejects.toMatchObject({ code: "USAGE" });
  });

  it("leaves out what is allowed, and the layers of a base that is named", async () => {
    expect((await run("1.0", { allow: ["usr/bin/*"] })).code).toBe(0);
    const { platforms } = await json("1.0", { base: `${layout}:base` });
    expect(platforms[1]?.findings.map(({ path }) => path)).toEqual(["usr/bin/fast", "usr/bin/tool"]);
    expect(platforms[1]?.checks.machine).toEqual({ status: "error", count: 2 });
  });

  it("prints one JSON object with checks and findings", async () => {
    const result = await json("1.0");
    expect(result).toMatchObject({ schema: "anyarch.verify/v1", reference: `${layout}:1.0`, failed: true });
    expect(result.platforms[0]?.checks).toMatchObject({
      machine: { status: "ok", count: 0 },
      abi: { status: "warning", count: 1 },
    });
  });

  it("compares Windows' images by their documents, and passes over attestations", async () => {
    const windows = ["10.0.20348.1", "10.0.26100.1"].map((version) => {
      const image = makeImage({
        platform: "windows/amd64",
        layers: [base],
        config: { "os.version": version, os: "windows", architecture: "amd64" },
      });
      const platform = { os: "windows", architecture: "amd64", "os.version": version };
      return { ...image, descriptor: { ...image.descriptor, platform } };
    });
    const raw = serializeManifest({
      schemaVersion: 2,
      config: { mediaType: mediaTypes.empty, digest: digestOf("{}"), size: 2 },
      layers: [],
    });
    const attestation: Descriptor = {
      mediaType: mediaTypes.manifest,
      digest: digestOf(raw),
      size: raw.length,
      annotations: { "vnd.docker.reference.type": "attestation-manifest" },
      platform: { os: "unknown", architecture: "unknown" },
    };
    const good = makeImage({ platform: "linux/amd64", layers: [base] });
    await publish("windows", [good, ...windows], [{ descriptor: attestation, raw }]);
    const { code, out } = await run("windows");
    expect(code).toBe(0);
    expect(out).toContain("windows/amd64  –        –    –      –        –         · 1        –\n");
    expect(out).not.toContain("unknown");
    const { platforms } = await json("windows");
    expect(platforms.map(({ platform, files }) => [platform, files])).toEqual([
      ["linux/amd64", 1],
      ["windows/amd64", 0],
      ["windows/amd64", 0],
    ]);
    expect(platforms.flatMap(({ findings }) => findings.map(({ code: name }) => name))).toEqual([
      "PLATFORM_UNKNOWN",
      "PLATFORM_UNKNOWN",
    ]);
  });

  it("finds a config that disagrees with the index, and diffIDs that are wrong", async () => {
    const image = makeImage({ platform: "linux/amd64", offered: "linux/arm64", layers: [base] });
    await publish("lie", [image]);
    const lie = await run("lie");
    expect(lie.code).toBe(1);
    expect(lie.out).toContain("The config says linux/amd64, the image is offered as linux/arm64.");
    const other = await makeLayer(dir.path, [file("etc/x", "x")]);
    await publish("diff", [
      makeImage({ platform: "linux/amd64", layers: [{ ...base, diffID: other.diffID }] }),
    ]);
    const { platforms } = await json("diff");
    expect(platforms[0]?.findings).toMatchObject([
      { code: "DIFF_ID_MISMATCH", severity: "error", layerIndex: 0, found: base.diffID },
    ]);
    expect(platforms[0]?.checks.layers).toEqual({ status: "error", count: 1 });
  });

  it("says what can't be verified at all", async () => {
    await expect(run("none")).rejects.toMatchObject({ code: "IMAGE_NOT_FOUND" });
    const ctx = testContext(dir.path);
    const rawIndex = serialize({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] });
    const index = { mediaType: mediaTypes.index, digest: digestOf(rawIndex), size: rawIndex.length };
    await using opened = await openStore(`${layout}:empty`, {}, ctx);
    await opened.store.push(index, rawIndex, ctx);
    await opened.store.tag(index, "empty", ctx);
    await opened.store.commit(ctx);
    await expect(run("empty")).rejects.toMatchObject({ code: "CONTENT_INVALID" });
    await publish("scratch", [
      makeImage({ platform: "linux/arm64", layers: [await makeLayer(dir.path, [file("app", arm64)])] }),
      makeImage({ platform: "linux/s390x", layers: [] }),
    ]);
    const { code, out } = await run("scratch", { failOn: ["info"] });
    expect([code, out.match(/^✓ .*$/gm)]).toEqual([
      0,
      ["✓ linux/arm64  1 ELF of 1 files", "✓ linux/s390x  0 ELF of 0 files"],
    ]);
  });
});
