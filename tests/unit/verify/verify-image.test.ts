import { createReadStream } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Entry } from "../../../src/archive/entry.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import type { Layer } from "../../../src/image/layer.ts";
import { parseImage } from "../../../src/image/image.ts";
import { serialize, serializeManifest } from "../../../src/oci/content.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import type { PlatformReport, VerifyFinding } from "../../../src/verify/finding.ts";
import { scanLayer } from "../../../src/verify/scan-layer.ts";
import { verifyImage, type VerifyImageOptions } from "../../../src/verify/verify-image.ts";
import { buildElf, machines } from "./elf-builder.ts";
import {
  directory,
  file,
  hardlink,
  makeImage,
  makeLayer,
  readBlob,
  symlink,
  testContext,
} from "./image-builder.ts";

const arm64 = buildElf({ machine: machines.aarch64 });
const amd64 = buildElf({ machine: machines.x86_64 });
let dir: TempDir;
beforeAll(async () => {
  dir = await makeTempDir();
});
afterAll(async () => {
  await dir[Symbol.asyncDispose]();
});

async function verify(
  layers: readonly (readonly Entry[])[],
  options: VerifyImageOptions & { readonly history?: readonly string[]; readonly os?: string } = {},
): Promise<PlatformReport> {
  const { history, os = "linux/arm64", ...rest } = options;
  const made = await Promise.all(layers.map((entries) => makeLayer(dir.path, entries)));
  const image = makeImage({
    platform: os,
    layers: made,
    ...(history && { history: history.map((created_by) => ({ created_by })) }),
  });
  return verifyImage(image, rest, testContext(dir.path));
}

/** Gives all headers of a tar at whole blocks a right checksum, so that what they say is read. */
function mendChecksums(tar: Buffer): void {
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    if (tar.toString("latin1", at + 257, at + 262) !== "ustar") continue;
    tar.fill(0x20, at + 148, at + 156);
    const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, "0")}\0`, at + 148, "latin1");
  }
}

/** "severity CODE path" of each finding. */
function brief(report: PlatformReport): string[] {
  return report.findings.map(({ severity, code, path }) => [severity, code, path].filter(Boolean).join(" "));
}

describe("verifyImage", () => {
  it("finds nothing wrong in a right image and counts what it read", async () => {
    const report = await verify([
      [file("usr/bin/tool", arm64), file("etc/hosts", "127.0.0.1 localhost\n", 0o644), directory("tmp")],
      [file("opt/app.py", "print(1)\n"), file("opt/lib.so", arm64)],
    ]);
    expect(report).toMatchObject({ platform: "linux/arm64", ok: true, files: 4, elf: 2, findings: [] });
    expect(new Set(Object.values(report.checks).map(({ status }) => status))).toEqual(new Set(["ok"]));
  });

  it("names file, layer, wheel and instruction of a binary for another machine", async () => {
    const site = "opt/venv/lib/python3.11/site-packages";
    const path = `${site}/demo/_speed.cpython-311-aarch64-linux-gnu.so`;
    const report = await verify(
      [
        [file("usr/bin/tool", arm64)],
        [
          file(path, amd64),
          file(
            `${site}/demo_pkg-1.2.3.dist-info/RECORD`,
            `demo/__init__.py,,\n"demo/_speed.cpython-311-aarch64-linux-gnu.so",sha256=x,9\n`,
          ),
        ],
      ],
      { history: ["FROM base", "RUN pip install   demo-pkg"] },
    );
    expect(report.ok).toBe(false);
    const [finding] = report.findings as [VerifyFinding];
    expect(report.findings).toHaveLength(1);
    expect(finding).toMatchObject({
      code: "ELF_WRONG_MACHINE",
      severity: "error",
      path,
      layerIndex: 1,
      expected: "aarch64",
      found: "x86_64",
      origin: {
        package: { kind: "wheel", name: "demo_pkg", version: "1.2.3" },
        instruction: "RUN pip install demo-pkg",
      },
    });
    expect(finding.message).toBe(
      `${path} is for x86_64, the image says linux/arm64 (wheel demo_pkg 1.2.3, layer 1 ${finding.layer?.slice(7, 19)}, from RUN pip install demo-pkg)`,
    );
  });

  it("knows the wheel when its record is in another layer", async () => {
    const site = "app/site-packages";
    const report = await verify([
      [file(`${site}/demo-2.0.dist-info/RECORD`, "demo/core.so,,\n../bin/demo-tool,,\ndemo/a.py,,\n")],
      [file(`${site}/demo/core.so`, amd64), file("app/bin/demo-tool", amd64)],
    ]);
    expect(report.findings.map(({ path, origin }) => [path, origin?.package?.name])).toEqual([
      ["app/bin/demo-tool", "demo"],
      ["app/site-packages/demo/core.so", "demo"],
    ]);
  });

  it("knows Debian, distroless, Alpine and npm packages", async () => {
    const report = await verify([
      [
        file("usr/lib/libdeb.so.1", amd64),
        file("var/lib/dpkg/info/libdeb1:amd64.list", "/.\n/lib\n/lib/libdeb.so.1\n"),
        file(
          "var/lib/dpkg/status",
          "Package: libdeb1\nStatus: install ok installed\nVersion: 1.0-2\n\nPackage: x\nVersion: 9\n",
        ),
        file("usr/bin/less", amd64),
        file("var/lib/dpkg/status.d/distroless", "Package: distroless\nVersion: 7\n"),
        file("var/lib/dpkg/status.d/distroless.md5sums", `${"0".repeat(32)}  usr/bin/less\n`),
        file("bin/busybox", amd64),
        file(
          "lib/apk/db/installed",
          "C:Q1\nP:busybox\nV:1.36.1-r2\nF:bin\nR:busybox\nZ:Q1\nF:etc\nR:passwd\n\nP:other\nV:1\n",
        ),
        file("app/node_modules/@scope/fast/build/Release/fast.node", amd64),
      ],
    ]);
    const owners = Object.fromEntries(report.findings.map(({ path, origin }) => [path, origin?.package]));
    expect(owners).toEqual({
      "usr/lib/libdeb.so.1": { kind: "dpkg", name: "libdeb1", version: "1.0-2" },
      "usr/bin/less": { kind: "dpkg", name: "distroless", version: "7" },
      "bin/busybox": { kind: "apk", name: "busybox", version: "1.36.1-r2" },
      "app/node_modules/@scope/fast/build/Release/fast.node": { kind: "npm", name: "@scope/fast" },
    });
  });

  it("doesn't count what layers above remove, hide or replace", async () => {
    const report = await verify([
      [
        file("a/removed", amd64),
        file("b/deep/removed", amd64),
        file("c/deep/hidden", amd64),
        file("d/replaced", amd64),
        file("e/now-a-file/x", amd64),
        file("f", amd64),
        file("g/stays", amd64),
      ],
      [
        file("a/.wh.removed", ""),
        file(".wh.b", ""),
        file("c/.wh..wh..opq", ""),
        file("c/new", arm64),
        file("d/replaced", arm64),
        file("e/now-a-file", "text"),
        directory("f"),
      ],
    ]);
    expect(brief(report)).toEqual([
      "error ELF_WRONG_MACHINE g/stays",
      "info ELF_WRONG_MACHINE a/removed",
      "info ELF_WRONG_MACHINE b/deep/removed",
      "info ELF_WRONG_MACHINE c/deep/hidden",
      "info ELF_WRONG_MACHINE d/replaced",
      "info ELF_WRONG_MACHINE e/now-a-file/x",
      "info ELF_WRONG_MACHINE f",
    ]);
    expect(report.findings[1]?.message).toContain("a layer above hides it");
  });

  it("applies whiteouts to layers below only", async () => {
    const report = await verify([
      [file("a/.wh.x", ""), file("a/x", amd64), file("b/.wh..wh..opq", ""), file("b/x", amd64)],
    ]);
    expect(brief(report)).toEqual(["error ELF_WRONG_MACHINE a/x", "error ELF_WRONG_MACHINE b/x"]);
  });

  it("follows symbolic links to directories of the layers below", async () => {
    const report = await verify([
      [symlink("lib", "usr/lib"), file("usr/lib/x.so", amd64), file("usr/lib/y.so", amd64)],
      [file("lib/x.so", arm64), file("lib/.wh.y.so", "")],
    ]);
    expect(brief(report)).toEqual([
      "info ELF_WRONG_MACHINE usr/lib/x.so",
      "info ELF_WRONG_MACHINE usr/lib/y.so",
    ]);
  });

  it("counts hard links once, and as live while one of the names is", async () => {
    const layer = [file("bin/a", amd64), hardlink("bin/b", "bin/a"), hardlink("bin/c", "bin/a")];
    const whole = await verify([layer]);
    expect(whole).toMatchObject({ files: 1, elf: 1 });
    expect(brief(whole)).toEqual(["error ELF_WRONG_MACHINE bin/a"]);
    const partly = await verify([layer, [file("bin/.wh.a", ""), file("bin/b", "")]]);
    expect(brief(partly)).toEqual(["error ELF_WRONG_MACHINE bin/c"]);
    const gone = await verify([layer, [file(".wh.bin", "")]]);
    expect(brief(gone)).toEqual(["info ELF_WRONG_MACHINE bin/a"]);
  });

  it("takes objects and core files as warnings, device code and firmware as none of its business", async () => {
    const report = await verify([
      [
        file("usr/lib/crt1.o", buildElf({ machine: machines.x86_64, type: 1 })),
        file("core", buildElf({ machine: machines.x86_64, type: 4 })),
        file("opt/probe.o", buildElf({ machine: machines.bpf, type: 1 })),
        file("opt/kernel.hsaco", buildElf({ machine: 224 })),
        file("usr/lib/firmware/chip.mbn", buildElf({ machine: 164, class: 32, type: 2 })),
        file("lib/firmware/other.elf", buildElf({ machine: machines.arm, class: 32, type: 2 })),
      ],
    ]);
    expect(report).toMatchObject({ ok: true, elf: 6 });
    expect(brief(report)).toEqual([
      "warning ELF_WRONG_MACHINE core",
      "warning ELF_WRONG_MACHINE usr/lib/crt1.o",
    ]);
  });

  it("skips what is allowed", async () => {
    const report = await verify(
      [[file("opt/cross/bin/ld", amd64), file("usr/bin/qemu-x86_64-static", amd64), file("bin/x", amd64)]],
      {
        allow: ["/opt/cross/**", "qemu-*"],
      },
    );
    expect(brief(report)).toEqual(["error ELF_WRONG_MACHINE bin/x"]);
  });

  it("knows emulators, cross toolchains and test data for what they are", async () => {
    const report = await verify([
      [
        file("usr/bin/qemu-aarch64-static", amd64),
        file("usr/x86_64-linux-gnu/lib/libc.so.6", amd64),
        file("usr/local/go/src/debug/elf/testdata/gcc-amd64-linux-exec", amd64),
      ],
    ]);
    expect(brief(report)).toEqual([
      "warning ELF_WRONG_MACHINE usr/bin/qemu-aarch64-static",
      "info ELF_WRONG_MACHINE usr/local/go/src/debug/elf/testdata/gcc-amd64-linux-exec",
      "info ELF_WRONG_MACHINE usr/x86_64-linux-gnu/lib/libc.so.6",
    ]);
  });

  it("excuses files chosen by path only where the one for the platform is there", async () => {
    const modules = "app/node_modules";
    const report = await verify([
      [
        file(`${modules}/good/prebuilds/linux-x64/good.node`, amd64),
        file(`${modules}/good/prebuilds/linux-arm64/good.musl.node`, arm64),
        file(`${modules}/bad/prebuilds/linux-x64/bad.node`, amd64),
        file(`${modules}/@esbuild/linux-x64/bin/esbuild`, amd64),
        file(`${modules}/@esbuild/linux-arm64/bin/esbuild`, arm64),
        file("py/x.cpython-311-x86_64-linux-gnu.so", amd64),
        file("py/x.cpython-311-aarch64-linux-gnu.so", arm64),
        file("py/y.cpython-311-x86_64-linux-gnu.so", amd64),
        file("usr/lib/x86_64-linux-gnu/libpq.so.5", amd64),
        file("usr/lib/aarch64-linux-gnu/libz.so.1", arm64),
        file("usr/lib/x86_64-linux-gnu/libz.so.1", amd64),
      ],
    ]);
    expect(brief(report)).toEqual([
      `error ELF_WRONG_MACHINE ${modules}/bad/prebuilds/linux-x64/bad.node`,
      "error ELF_WRONG_MACHINE py/y.cpython-311-x86_64-linux-gnu.so",
      "error ELF_WRONG_MACHINE usr/lib/x86_64-linux-gnu/libpq.so.5",
      `info ELF_WRONG_MACHINE ${modules}/@esbuild/linux-x64/bin/esbuild`,
      `info ELF_WRONG_MACHINE ${modules}/good/prebuilds/linux-x64/good.node`,
      "info ELF_WRONG_MACHINE py/x.cpython-311-x86_64-linux-gnu.so",
      "info ELF_WRONG_MACHINE usr/lib/x86_64-linux-gnu/libz.so.1",
    ]);
  });

  it("finds libraries and programs of macOS and Windows, but not what merely is Windows'", async () => {
    const machO = Uint8Array.of(0xcf, 0xfa, 0xed, 0xfe, ...new Uint8Array(60));
    const pe = new Uint8Array(256);
    pe.set([0x4d, 0x5a]);
    pe[60] = 128;
    pe.set([0x50, 0x45, 0, 0], 128);
    const javaClass = Uint8Array.of(0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61, ...new Uint8Array(60));
    const report = await verify([
      [
        file("site/_speed.cpython-311-darwin.so", machO),
        file("site/lib/libx.so.1", pe),
        file("venv/bin/ruff", machO),
        file("site/setuptools/cli-64.exe", pe),
        file("nm/prebuilds/darwin-x64/a.node", machO),
        file("nm/prebuilds/linux-arm64/a.node", arm64),
        file("app/Main.so", javaClass),
        file("app/lib.dll", pe),
      ],
    ]);
    expect(brief(report)).toEqual([
      "error NOT_ELF_BINARY site/_speed.cpython-311-darwin.so",
      "error NOT_ELF_BINARY site/lib/libx.so.1",
      "error NOT_ELF_BINARY venv/bin/ruff",
      "info NOT_ELF_BINARY nm/prebuilds/darwin-x64/a.node",
    ]);
    expect(report.findings[0]?.message).toContain("is for macOS (Mach-O), the image says linux/arm64");
  });

  it("calls malformed programs errors and malformed data a warning", async () => {
    const report = await verify([
      [
        file("bin/broken", arm64.subarray(0, 30)),
        file("data/test.bin", Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 9, 9), 0o644),
        file("lib/cut.so", buildElf({ machine: machines.aarch64, needed: ["x"] }).subarray(0, 100)),
      ],
    ]);
    expect(brief(report)).toEqual([
      "error ELF_MALFORMED bin/broken",
      "warning ELF_MALFORMED data/test.bin",
      "warning ELF_MALFORMED lib/cut.so",
    ]);
  });

  it("notes x86-64 levels above the platform's, but for libraries that are chosen by level", async () => {
    const v3 = buildElf({ machine: machines.x86_64, isaNeeded: 4 });
    const layers = [[file("bin/fast", v3), file("usr/lib/glibc-hwcaps/x86-64-v3/libx.so", v3)]];
    expect(brief(await verify(layers, { os: "linux/amd64" }))).toEqual(["warning ELF_ISA_LEVEL bin/fast"]);
    expect(brief(await verify(layers, { os: "linux/amd64/v3" }))).toEqual([]);
  });
});

describe("verifyImage, what files need", () => {
  const loader = file("usr/lib/ld-linux-aarch64.so.1", buildElf({ machine: machines.aarch64, soname: "ld" }));
  const program = (glibc: string): Uint8Array =>
    buildElf({
      machine: machines.aarch64,
      interpreter: "/lib/ld-linux-aarch64.so.1",
      needed: ["libc.so.6"],
      versions: [`GLIBC_${glibc}`],
    });
  const libc = file(
    "usr/lib/libc.so.6",
    buildElf({
      machine: machines.aarch64,
      soname: "libc.so.6",
      defines: ["libc.so.6", "GLIBC_2.17", "GLIBC_2.31"],
    }),
  );
  const base = [symlink("lib", "usr/lib"), loader, libc];

  it("is content where loader, libraries and versions are there", async () => {
    expect(brief(await verify([base, [file("bin/x", program("2.31"))]]))).toEqual([]);
  });

  it("finds a program for glibc in an image without it", async () => {
    const report = await verify([
      [file("lib/ld-musl-aarch64.so.1", arm64)],
      [file("bin/x", program("2.17"))],
    ]);
    expect(brief(report)).toEqual(["error ELF_WRONG_LIBC bin/x"]);
    expect(report.findings[0]?.message).toContain(
      "is linked with glibc, the image has musl, so that its loader",
    );
  });

  it("finds a glibc that is too old", async () => {
    const report = await verify([base, [file("bin/x", program("2.34"))]]);
    expect(report.findings).toMatchObject([
      { code: "ELF_GLIBC_TOO_NEW", severity: "error", found: "glibc 2.34", expected: "glibc 2.31 or older" },
    ]);
  });

  it("finds scripts whose interpreter is missing", async () => {
    const report = await verify([
      [
        file("usr/bin/perl-tool", "#!/usr/bin/perl -w\n"),
        file("usr/bin/sh-tool", "#! /bin/sh\n"),
        symlink("bin", "usr/bin"),
        symlink("usr/bin/sh", "/usr/bin/dash"),
        file("usr/bin/dash", arm64),
        file("opt/doc/example.rb", "#!/usr/bin/ruby\n"),
        file("opt/not-run.rb", "#!/usr/bin/ruby\n", 0o644),
      ],
    ]);
    expect(brief(report)).toEqual([
      "warning SCRIPT_INTERPRETER_MISSING usr/bin/perl-tool",
      "info SCRIPT_INTERPRETER_MISSING opt/doc/example.rb",
    ]);
  });

  it("says nothing of what is missing where not all layers were read", async () => {
    const lower = await makeLayer(dir.path, base);
    const upper = await makeLayer(dir.path, [file("bin/x", program("2.34")), file("bin/y", amd64)]);
    const image = makeImage({ platform: "linux/arm64", layers: [lower, upper] });
    const report = await verifyImage(
      image,
      { layers: new Set([upper.descriptor.digest]) },
      testContext(dir.path),
    );
    expect(report).toMatchObject({ files: 2, elf: 2 });
    expect(brief(report)).toEqual(["error ELF_WRONG_MACHINE bin/y"]);
  });
});

describe("verifyImage, documents", () => {
  it("compares the config with what the index says", async () => {
    const layer = await makeLayer(dir.path, [file("bin/x", amd64)]);
    const image = makeImage({ platform: "linux/amd64", offered: "linux/arm64", layers: [layer] });
    const report = await verifyImage(image, {}, testContext(dir.path));
    expect(report).toMatchObject({ platform: "linux/arm64", ok: false });
    expect(brief(report)).toEqual(["error CONFIG_PLATFORM", "error ELF_WRONG_MACHINE bin/x"]);
    expect(report.findings[0]).toMatchObject({ expected: "linux/arm64", found: "linux/amd64" });
  });

  it("compares both with what the caller says", async () => {
    const layer = await makeLayer(dir.path, [file("bin/x", amd64)]);
    const image = makeImage({ platform: "linux/amd64", layers: [layer] });
    const report = await verifyImage(
      image,
      { platform: parsePlatform("linux/s390x") },
      testContext(dir.path),
    );
    expect(brief(report)).toEqual([
      "error CONFIG_PLATFORM",
      "error CONFIG_PLATFORM",
      "error ELF_WRONG_MACHINE bin/x",
    ]);
  });

  it("takes a missing variant as unproved and a different one as wrong", async () => {
    const layer = await makeLayer(dir.path, [file("etc/x", "")]);
    const findings = async (config: { variant?: string }): Promise<string[]> => {
      const bare = { architecture: "arm", os: "linux", rootfs: { type: "layers", diff_ids: [layer.diffID] } };
      const image = makeImage({ platform: "linux/arm", offered: "linux/arm/v6", layers: [layer] });
      const rawConfig = serialize({ ...bare, ...config });
      const descriptor = { ...image.manifest.config, digest: digestOf(rawConfig), size: rawConfig.length };
      const rawManifest = serializeManifest({ ...image.manifest, config: descriptor });
      const own = { ...image.descriptor, digest: digestOf(rawManifest), size: rawManifest.length };
      const remade = parseImage(own, rawManifest, rawConfig, () => layer.open);
      return brief(await verifyImage(remade, {}, testContext(dir.path)));
    };
    expect(await findings({})).toEqual(["warning CONFIG_PLATFORM"]);
    expect(await findings({ variant: "v7" })).toEqual(["error CONFIG_PLATFORM"]);
    expect(await findings({ variant: "v6" })).toEqual([]);
  });

  it("says when nothing is known of an architecture", async () => {
    const layer = await makeLayer(dir.path, [file("bin/x", amd64)]);
    const odd = { os: "linux", architecture: "sparc64" };
    const image = makeImage({ platform: "linux/amd64", layers: [layer], config: odd });
    const report = await verifyImage(image, {}, testContext(dir.path));
    expect(report).toMatchObject({ platform: "linux/sparc64", ok: true });
    expect(brief(report)).toEqual(["warning PLATFORM_UNKNOWN"]);
  });

  it("finds wrong diffIDs, counts and document digests", async () => {
    const [one, two] = [
      await makeLayer(dir.path, [file("a", "1")]),
      await makeLayer(dir.path, [file("b", "2")]),
    ];
    const swapped: Layer = { ...one, diffID: two.diffID };
    const image = makeImage({
      platform: "linux/arm64",
      layers: [swapped],
      history: [{ created_by: "x" }, { created_by: "y" }],
    });
    const ctx = testContext(dir.path);
    expect(brief(await verifyImage(image, {}, ctx))).toEqual([
      "error DIFF_ID_MISMATCH",
      "warning LAYER_COUNT",
    ]);
    expect(brief(await verifyImage({ ...image, rawConfig: new Uint8Array(3) }, {}, ctx))).toContain(
      "error DIGEST_MISMATCH",
    );
    const short = makeImage({
      platform: "linux/arm64",
      layers: [one, two],
      config: { rootfs: { type: "layers", diff_ids: [one.diffID] } },
    });
    expect(brief(await verifyImage(short, {}, ctx))).toEqual(["error LAYER_COUNT"]);
  });

  it("finds blobs that are damaged, other or longer than said", async () => {
    const layer = await makeLayer(dir.path, [file("a", "1".repeat(5000)), file("bin/x", amd64)]);
    const other = await makeLayer(dir.path, [file("b", "2")]);
    const bytes = await readBlob(layer);
    const ctx = testContext(join(dir.path, "own"));
    const findings = async (open: () => Readable): Promise<string[]> => {
      const image = makeImage({ platform: "linux/arm64", layers: [{ ...layer, open: async () => open() }] });
      return brief(await verifyImage(image, {}, ctx));
    };
    expect(await findings(() => Readable.from([bytes.subarray(0, bytes.length / 2)]))).toEqual([
      "error DIGEST_MISMATCH",
    ]);
    expect(await findings(() => Readable.from([bytes, Buffer.from("more")]))).toEqual([
      "error DIGEST_MISMATCH",
    ]);
    expect(await findings(() => createReadStream(other.blob))).toEqual(["error DIGEST_MISMATCH"]);
    expect(await findings(() => createReadStream(layer.blob))).toEqual(["error ELF_WRONG_MACHINE bin/x"]);
  });

  it("reports a layer that can't be read although its digest is right, and goes on with the others", async () => {
    const bytes = (await readBlob(await makeLayer(dir.path, [file("z", amd64)]))).subarray(0, 60);
    const descriptor = { mediaType: mediaTypes.layerGzip, digest: digestOf(bytes), size: bytes.length };
    const cut: Layer = { descriptor, diffID: digestOf("?"), open: async () => Readable.from([bytes]) };
    const whole = await makeLayer(dir.path, [file("bin/x", amd64)]);
    const image = makeImage({ platform: "linux/arm64", layers: [cut, whole] });
    const report = await verifyImage(image, {}, testContext(dir.path));
    expect(brief(report)).toEqual(["error ELF_WRONG_MACHINE bin/x", "error LAYER_UNREADABLE"]);
    expect(report.findings[1]).toMatchObject({ layerIndex: 0, layer: descriptor.digest });
  });

  it("reports on any layer whatever its bytes are", async () => {
    const content = [
      file(
        "lib/x.so",
        buildElf({ machine: machines.arm, class: 32, needed: ["a"], armAttributes: [[6, 10]] }),
      ),
      file("a/.wh.x", ""),
      file("a/.wh..wh..opq", ""),
      hardlink("lib/y.so", "lib/x.so"),
      symlink("lib64", "lib"),
      file("v/demo-1.dist-info/RECORD", '"x,y.so",,\n../../../../z,,\n'),
    ];
    const bytes = await readBlob(await makeLayer(dir.path, content, "none"));
    const change = fc.tuple(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 12 }), fc.boolean(), async (changes, mend) => {
        const blob = Buffer.from(bytes);
        for (const [at, value] of changes) blob[at] = value;
        if (mend) mendChecksums(blob);
        const descriptor = { mediaType: mediaTypes.layer, digest: digestOf(blob), size: blob.length };
        const layer: Layer = {
          descriptor,
          diffID: descriptor.digest,
          open: async () => Readable.from([blob]),
        };
        const image = makeImage({ platform: "linux/arm64", layers: [layer] });
        const report = await verifyImage(image, {}, testContext(dir.path));
        expect(report.ok).toBe(report.findings.every(({ severity }) => severity !== "error"));
        expect(JSON.parse(JSON.stringify(report))).toEqual(report);
      }),
      { numRuns: 150 },
    );
  });

  it("passes on what isn't the image's fault", async () => {
    const layer = await makeLayer(dir.path, [file("net", "1")]);
    const image = makeImage({
      platform: "linux/arm64",
      layers: [{ ...layer, open: () => Promise.reject(new Error("no network")) }],
    });
    await expect(verifyImage(image, {}, testContext(dir.path))).rejects.toThrow("no network");
  });
});

describe("scanLayer", () => {
  it("remembers by the blob's digest, reads again to check the bytes or when the record is damaged", async () => {
    const layer = await makeLayer(dir.path, [file("bin/x", amd64), symlink("bin/y", "x")], "none");
    let opened = 0;
    const counted: Layer = { ...layer, open: async (signal) => (opened++, layer.open(signal)) };
    const cache = join(dir.path, "scan");
    const ctx = testContext(cache);
    const first = await scanLayer(counted, ctx);
    expect(await scanLayer(counted, ctx)).toEqual(first);
    expect(opened).toBe(1);
    expect(await scanLayer(counted, ctx, { deep: true })).toEqual(first);
    expect(opened).toBe(2);
    const changed: Layer = { ...layer, open: async () => Readable.from([Buffer.alloc(9)]) };
    expect(await scanLayer(changed, ctx)).toEqual(first);
    await expect(scanLayer(changed, ctx, { deep: true })).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    const folder = join(ctx.host.cacheDir, "verify", "v4");
    const [name = ""] = await readdir(folder);
    expect(name).toBe(`${layer.descriptor.digest.replace(":", "-")}.json`);
    const text = await readFile(join(folder, name), "utf8");
    await writeFile(join(folder, name), text.slice(0, 50));
    expect(await scanLayer(counted, ctx)).toEqual(first);
    expect(opened).toBe(3);
    expect(first).toMatchObject({
      diffID: layer.diffID,
      files: 1,
      symlinks: { "bin/y": "x" },
      tree: { bin: ["x", "y"] },
    });
  });

  it("doesn't let a lying diffID borrow the scan of another layer", async () => {
    const good = await makeLayer(dir.path, [file("bin/x", arm64)]);
    const evil = await makeLayer(dir.path, [file("bin/x", amd64)]);
    const ctx = testContext(dir.path);
    await scanLayer(good, ctx);
    const image = makeImage({ platform: "linux/arm64", layers: [{ ...evil, diffID: good.diffID }] });
    expect(brief(await verifyImage(image, {}, ctx))).toEqual([
      "error DIFF_ID_MISMATCH",
      "error ELF_WRONG_MACHINE bin/x",
    ]);
  });

  it("refuses what isn't a layer of files", async () => {
    const layer = await makeLayer(dir.path, [file("q", "1")]);
    const artifact = {
      ...layer,
      descriptor: { ...layer.descriptor, mediaType: "application/vnd.in-toto+json" },
    };
    await expect(scanLayer(artifact, testContext(join(dir.path, "artifact")))).rejects.toMatchObject({
      code: "CONTENT_INVALID",
    });
  });
});
