import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Entry } from "../../../src/archive/entry.ts";
import { requirementsMarkdown } from "../../../src/deploy/markdown.ts";
import { clouds, places } from "../../../src/deploy/places.ts";
import { makeReport, type ReportOptions, type RequirementsReport } from "../../../src/deploy/report.ts";
import { sizeWords } from "../../../src/deploy/words.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { formatPlatform, parsePlatform } from "../../../src/oci/platform.ts";
import { examineImage } from "../../../src/verify/verify-image.ts";
import { buildElf, type ElfSpec, machines } from "../verify/elf-builder.ts";
import { file, makeImage, makeLayer, testContext } from "../verify/image-builder.ts";

let dir: TempDir;
beforeAll(async () => {
  dir = await makeTempDir();
});
afterAll(() => dir[Symbol.asyncDispose]());

const digest = digestOf("index");

async function reportOf(
  images: Readonly<Record<string, readonly Entry[]>>,
  options: Partial<ReportOptions> = {},
): Promise<RequirementsReport> {
  const examined = await Promise.all(
    Object.entries(images).map(async ([platform, entries]) => {
      const layers = [await makeLayer(dir.path, entries)];
      const config = { config: { Entrypoint: ["/bin/app"], Labels: { team: "x" } } };
      const image = makeImage({ platform, layers, config });
      return { image, ...(await examineImage(image, {}, testContext(dir.path))) };
    }),
  );
  return makeReport(examined, { location: "oci:image", digest, annotations: {}, ...options });
}

const program = (spec: ElfSpec): Entry => file("bin/app", buildElf({ type: 2, ...spec }));
const x86 = { machine: machines.x86_64 };
const arm = { machine: machines.arm, class: 32 } as const;

describe("makeReport", () => {
  it("says what a dynamic program needs: its C library in the image, the kernel, the level", async () => {
    const libc = { soname: "libc.so.6", defines: ["libc.so.6", "GLIBC_2.2.5", "GLIBC_2.36"] };
    const { platforms } = await reportOf({
      "linux/amd64": [
        program({
          ...x86,
          interpreter: "/lib64/ld-linux-x86-64.so.2",
          needed: ["libc.so.6"],
          versions: ["GLIBC_2.34"],
          abi: [0, 3, 2, 0],
        }),
        file("lib64/ld-linux-x86-64.so.2", buildElf({ ...x86, soname: "ld-linux-x86-64.so.2" })),
        file("lib/libc.so.6", buildElf({ ...x86, ...libc, abi: [0, 3, 10, 0] })),
        file("lib/libfast.so", buildElf({ ...x86, soname: "libfast.so", isaNeeded: 4 })),
        file("lib/glibc-hwcaps/x86-64-v4/liby.so", buildElf({ ...x86, soname: "liby.so", isaNeeded: 8 })),
      ],
    });
    expect(platforms[0]).toMatchObject({
      platform: "linux/amd64",
      ok: true,
      elf: 5,
      bits: [64],
      isa: { level: 3, path: "lib/libfast.so" },
      libc: [{ family: "glibc", version: "2.36", needed: "2.34" }],
      linking: "dynamic",
      start: { path: "bin/app", linking: "dynamic" },
      kernel: "3.10.0",
      words: {
        processor: "x86-64-v3 (AVX2, BMI2, FMA), as lib/libfast.so declares",
        libc: "glibc 2.36",
        kernel: "3.10.0 or newer",
      },
    });
  });

  it("says what static programs and scripts need, and of ARM the version and the float ABI", async () => {
    const hard = [
      program({
        ...arm,
        armAttributes: [
          [6, 10],
          [28, 1],
        ],
      }),
    ] as const;
    const { platforms } = await reportOf({
      "linux/arm/v7": hard,
      "linux/amd64/v3": [program({ ...x86, isaNeeded: 4 })],
      "linux/riscv64": [file("bin/app", "#!/bin/sh\n")],
    });
    expect(
      platforms.map(({ linking, start, words }) => [linking, start?.linking, words.processor, words.libc]),
    ).toEqual([
      ["static", "static", "ARMv7 or later, hard float", "none: static programs"],
      ["static", "static", "x86-64-v3 (AVX2, BMI2, FMA)", "none: static programs"],
      ["none", "script", "RISC-V, 64 bit", "none: no programs"],
    ]);
    expect(platforms[0]?.arm).toEqual({ version: 7, float: "hard" });
    expect(platforms[0]).not.toHaveProperty("kernel");
  });

  it("names the faults that verify finds, and the base that the image names", async () => {
    const annotations = { "org.opencontainers.image.base.name": "registry.example/base:1" };
    const wrong = await reportOf({ "linux/arm64": [program(x86)] }, { annotations });
    expect(wrong.platforms[0]).toMatchObject({
      ok: false,
      errors: 1,
      base: { name: "registry.example/base:1" },
    });
    expect(requirementsMarkdown(wrong)).toContain("**Faulty:** `anyarch verify` finds files in linux/arm64");
    expect(requirementsMarkdown(wrong)).toContain("Base image: `registry.example/base:1`.");
    const local = await reportOf(
      { "linux/amd64": [program(x86)] },
      { annotations: { "org.opencontainers.image.base.name": "oci:/home/me/base" } },
    );
    expect(requirementsMarkdown(local)).not.toContain("/home/me");
  });

  it("004-35 says where it runs, by lower variants too, and how to build what a place lacks", async () => {
    const report = await reportOf({ "linux/arm/v6": [program(arm)], "linux/arm64": [] });
    const at = (id: string) => report.places.find((place) => place.id === id);
    expect(at("raspberry-pi-32")).toMatchObject({
      runs: [{ platform: "linux/arm/v7", image: "linux/arm/v6" }],
      lacks: [],
    });
    expect(at("aws-lambda")).toMatchObject({
      runs: [{ platform: "linux/arm64", setting: "Architectures: [arm64]" }],
      lacks: [
        { platform: "linux/amd64", build: "anyarch build . --platform linux/arm/v6,linux/arm64,linux/amd64" },
      ],
    });
    expect(at("gcp-cloud-run")).toMatchObject({ runs: [], lacks: [{ platform: "linux/amd64" }] });
    const text = requirementsMarkdown(report);
    expect(text).toMatch(/^\| Google Cloud Run +\| needs linux\/amd64 \| x86-64 only/m);
    expect(text).toContain(
      "Not in the image: linux/amd64. `anyarch build . --platform linux/arm/v6,linux/arm64,linux/amd64`",
    );
    // A machine of the first level can't run v3.
    const fast = await reportOf({ "linux/amd64/v3": [program(x86)] }, { clouds: ["aws"] });
    expect(fast.places.map(({ cloud, runs }) => [cloud, runs.length])).toEqual([
      ["aws", 0],
      ["aws", 0],
      ["aws", 0],
    ]);
  });

  it("004-35 pins with what people use, and only for what is there", async () => {
    const only = await reportOf(
      { "linux/amd64": [program(x86)] },
      { name: "ghcr.io/me/app:1", clouds: ["aws"] },
    );
    const text = requirementsMarkdown(only);
    expect(text).toContain("docker run --rm --platform linux/amd64 ghcr.io/me/app:1");
    expect(text).toContain('"cpuArchitecture": "X86_64"');
    expect(text).not.toContain("tolerations");
    expect(text).toContain("values: [amd64]");
    const gcp = await reportOf({ "linux/arm64": [] }, { clouds: ["gcp"] });
    expect(requirementsMarkdown(gcp)).toContain("tolerations: # for the taint");
    expect(requirementsMarkdown(gcp)).toContain("anyarch run --platform linux/arm64 oci:image");
    expect(requirementsMarkdown(gcp)).not.toContain("cpuArchitecture");
  });
});

describe("places", () => {
  it("have an id of their own, platforms that exist and a source", () => {
    expect(new Set(places.map(({ id }) => id)).size).toBe(places.length);
    for (const { takes, sources } of places) {
      for (const { platform } of takes) expect(formatPlatform(parsePlatform(platform))).toBe(platform);
      expect(sources.every((source) => source.startsWith("https://"))).toBe(true);
      expect(sources.length).toBeGreaterThan(0);
    }
    for (const cloud of clouds)
      expect(places.filter((place) => place.cloud === cloud).length).toBeGreaterThan(1);
  });
});

describe("sizeWords", () => {
  it.each([
    [1, "1 kB"],
    [994_999, "995 kB"],
    [995_000, "1.0 MB"],
    [9_940_000, "9.9 MB"],
    [9_960_000, "10 MB"],
    [27_240_000, "27 MB"],
    [1_540_000_000, "1.5 GB"],
  ])("rounds %i to %s", (bytes, words) => expect(sizeWords(bytes)).toBe(words));
});
