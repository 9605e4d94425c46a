import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Entry } from "../../../src/archive/entry.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import type { RunConfig } from "../../../src/oci/image-config.ts";
import type { PlatformReport } from "../../../src/verify/finding.ts";
import { verifyImage } from "../../../src/verify/verify-image.ts";
import { makeImage, makeLayer, symlink, testContext } from "../../unit/verify/image-builder.ts";
import {
  closeSamples,
  compiled,
  compiledGo,
  debianFiles,
  entriesBelow,
  fileOnDisk,
  npmFiles,
  pathBelow,
  wheelFiles,
  zipped,
} from "./samples.ts";

let dir: TempDir;
beforeAll(async () => {
  dir = await makeTempDir();
});
afterAll(async () => {
  await closeSamples();
  await dir[Symbol.asyncDispose]();
});

type Architecture = "amd64" | "arm64" | "armhf" | "armel";
const platforms = {
  amd64: "linux/amd64",
  arm64: "linux/arm64",
  armhf: "linux/arm/v7",
  armel: "linux/arm/v5",
};

/** Debian's C library, what belongs to it, and a program. */
function system(architecture: Architecture): Promise<string> {
  return debianFiles(architecture, ["libc6", "libgcc-s1", "hostname", "base-files"]);
}

/** What of Debian's C library an image of bookworm has, and `more` on top. */
async function verify(
  architecture: Architecture,
  more: readonly Entry[],
  config: RunConfig = {},
): Promise<PlatformReport> {
  const base = entriesBelow(await system(architecture));
  const layers = [await makeLayer(dir.path, base), await makeLayer(dir.path, more)];
  const image = makeImage({
    platform: platforms[architecture],
    layers,
    history: [{ created_by: "FROM debian" }, { created_by: "COPY . /" }],
    config: { config },
  });
  return verifyImage(image, {}, testContext(dir.path));
}

/** "severity CODE path" of each finding in the upper layer. */
function brief({ findings }: PlatformReport): string[] {
  return findings
    .filter(({ layerIndex }) => layerIndex === 1)
    .map(({ severity, code, path }) => `${severity} ${code} ${path}`);
}

/** Undefined where the compiler isn't on this machine. */
async function unlessMissing(program: Promise<string>): Promise<string | undefined> {
  try {
    return await program;
  } catch (error) {
    if (/ENOENT|not found/.test(String(error))) return undefined;
    throw error;
  }
}

const site = "opt/venv/lib/python3.11/site-packages";

describe("verify finds in real programs and libraries", () => {
  it("an x86 program in an arm64 image", async () => {
    const report = await verify("arm64", [
      fileOnDisk("usr/bin/tool", join(await system("amd64"), "bin/hostname")),
    ]);
    expect(brief(report)).toEqual(["error ELF_WRONG_MACHINE usr/bin/tool"]);
    expect(report).toMatchObject({ ok: false, checks: { machine: { status: "error", count: 1 } } });
    expect(report.findings[0]?.message).toMatch(
      /^usr\/bin\/tool is for x86_64, the image says linux\/arm64 \(layer 1 [0-9a-f]{12}, from COPY \. \/\)$/,
    );
  });

  it("a softfloat program in an armhf image", async () => {
    const report = await verify("armhf", [
      fileOnDisk("usr/bin/tool", join(await system("armel"), "bin/hostname")),
    ]);
    expect(brief(report)).toEqual(["error ELF_WRONG_FLOAT_ABI usr/bin/tool"]);
    expect(report.findings[0]).toMatchObject({ expected: "hard float", found: "arm soft float" });
    expect(report.checks.abi).toEqual({ status: "error", count: 1 });
  });

  it("a program that is linked with musl in an image with glibc, and calls it so", async (context) => {
    const musl = await debianFiles("amd64", ["musl", "musl-dev"]);
    const lib = join(musl, "usr/lib/x86_64-linux-musl");
    const flags = ["-nostdlib", "-nostdinc", "-no-pie", "-Wl,-dynamic-linker,/lib/ld-musl-x86_64.so.1"];
    const objects = ["crt1.o", "crti.o", "crtn.o"].map((name) => join(lib, name));
    const program = await unlessMissing(
      compiled("musl", [...flags, ...objects, "-L", join(musl, "lib/x86_64-linux-musl"), "-lc"]),
    );
    if (program === undefined) return context.skip("there is no C compiler");
    const report = await verify("amd64", [fileOnDisk("usr/local/bin/tool", program)]);
    expect(brief(report)).toEqual(["error ELF_WRONG_LIBC usr/local/bin/tool"]);
    expect(report.findings[0]?.message).toContain(
      "is linked with musl, the image has glibc, so that its loader /lib/ld-musl-x86_64.so.1 is missing",
    );
    // With musl beside it all is well.
    const both = await verify("amd64", [...entriesBelow(musl), fileOnDisk("usr/local/bin/tool", program)]);
    expect(both.ok).toBe(true);
    expect(brief(both).join("\n")).not.toContain("LIBC");
    return undefined;
  });

  it("a program that needs a newer GLIBC than the image has", async () => {
    const newer = await debianFiles("arm64", ["coreutils"], "trixie");
    const report = await verify("arm64", [fileOnDisk("usr/local/bin/sort", join(newer, "usr/bin/sort"))]);
    expect(brief(report)).toContain("error ELF_GLIBC_TOO_NEW usr/local/bin/sort");
    expect(report.findings[0]).toMatchObject({ expected: "glibc 2.36 or older" });
  });

  it("a shared library that is missing; of what the image starts an error", async () => {
    const curl = fileOnDisk("usr/bin/curl", join(await debianFiles("arm64", ["curl"]), "usr/bin/curl"));
    const warned = await verify("arm64", [curl]);
    expect(brief(warned)).toEqual(["warning ELF_LIBRARY_MISSING usr/bin/curl"]);
    expect(warned.findings[0]?.expected).toContain("libcurl.so.4");
    const started = await verify("arm64", [curl], { Entrypoint: ["curl"] });
    expect(brief(started)).toEqual(["error ELF_LIBRARY_MISSING usr/bin/curl"]);
  });

  it("a loader that is missing", async () => {
    const layer = await makeLayer(dir.path, [
      fileOnDisk("app/bin/hostname", join(await system("arm64"), "bin/hostname")),
    ]);
    const image = makeImage({ platform: "linux/arm64", layers: [layer] });
    const report = await verifyImage(image, {}, testContext(dir.path));
    expect(report.findings.map(({ severity, code, expected }) => [severity, code, expected])).toEqual([
      ["error", "ELF_INTERPRETER_MISSING", "/lib/ld-linux-aarch64.so.1"],
      ["warning", "ELF_LIBRARY_MISSING", "libc.so.6, ld-linux-aarch64.so.1"],
    ]);
  });

  it("a program that the compiler made for x86-64-v3", async (context) => {
    const program = await unlessMissing(compiled("v3", ["-march=x86-64-v3", "-mneeded"]));
    if (program === undefined) return context.skip("there is no C compiler");
    const report = await verify("amd64", [fileOnDisk("usr/bin/fast", program)]);
    expect(brief(report)).toEqual(["warning ELF_ISA_LEVEL usr/bin/fast"]);
    expect(report.findings[0]).toMatchObject({ expected: "x86-64-v1", found: "x86-64-v3" });
    return undefined;
  });

  it("a Go program for x86-64-v3, and one for ARMv7 in an image for ARMv6", async (context) => {
    const fast = await unlessMissing(compiledGo({ GOARCH: "amd64", GOAMD64: "v3" }));
    if (fast === undefined) return context.skip("there is no Go compiler");
    expect(brief(await verify("amd64", [fileOnDisk("fast", fast)]))).toEqual(["warning ELF_ISA_LEVEL fast"]);
    const newer = fileOnDisk("app", await compiledGo({ GOARCH: "arm", GOARM: "7" }));
    const layers = [await makeLayer(dir.path, [newer])];
    const found = async (platform: string): Promise<unknown> => {
      const { findings } = await verifyImage(makeImage({ platform, layers }), {}, testContext(dir.path));
      return findings.map(({ severity, code, expected, found: what }) => [severity, code, expected, what]);
    };
    expect(await found("linux/arm/v7")).toEqual([]);
    expect(await found("linux/arm/v6")).toEqual([["error", "ELF_WRONG_VARIANT", "ARMv6 or lower", "ARMv7"]]);
    return undefined;
  });

  it("a shebang without its interpreter, by path and by env", async () => {
    const libcBin = await debianFiles("arm64", ["libc-bin", "debianutils"]);
    const report = await verify("arm64", [
      fileOnDisk("usr/bin/ldd", join(libcBin, "usr/bin/ldd")),
      fileOnDisk("usr/bin/savelog", join(libcBin, "usr/bin/savelog")),
      symlink("bin/sh", "/usr/bin/hostname"),
    ]);
    expect(brief(report)).toEqual([
      "warning SCRIPT_INTERPRETER_MISSING usr/bin/ldd",
      "warning SCRIPT_INTERPRETER_MISSING usr/bin/savelog",
    ]);
    expect(report.findings[0]).toMatchObject({ expected: "/bin/bash" });
  });
});

describe("verify finds in real packages", () => {
  const wheel = "markupsafe==2.1.5";

  it("a wheel for another machine, another C library, another system", async () => {
    const code = async (architecture: Architecture, platform: string): Promise<string[]> => {
      const report = await verify(architecture, entriesBelow(await wheelFiles(wheel, platform), site));
      expect(report.checks.packages.count).toBe(report.ok ? 0 : 1);
      const owner = { kind: "wheel", name: "MarkupSafe", version: "2.1.5" };
      for (const { origin, layerIndex } of report.findings) {
        if (layerIndex === 1) expect(origin?.package).toEqual(owner);
      }
      return brief(report).map((line) => line.replace(/ \S*\/(?=[^/]+$)/, " "));
    };
    expect(await code("amd64", "manylinux2014_x86_64")).toEqual([]);
    expect(await code("arm64", "manylinux2014_x86_64")).toEqual([
      "error WHEEL_WRONG_PLATFORM WHEEL",
      "error ELF_WRONG_MACHINE _speedups.cpython-311-x86_64-linux-gnu.so",
    ]);
    expect(await code("amd64", "musllinux_1_1_x86_64")).toEqual([
      "error WHEEL_WRONG_PLATFORM WHEEL",
      "error ELF_WRONG_LIBC _speedups.cpython-311-x86_64-linux-musl.so",
    ]);
    expect(await code("amd64", "macosx_10_9_universal2")).toEqual([
      "error WHEEL_WRONG_PLATFORM WHEEL",
      "error NOT_ELF_BINARY _speedups.cpython-311-darwin.so",
    ]);
  });

  it("as a warning, what a wheel for any platform has for one machine only", async () => {
    const report = await verify("arm64", entriesBelow(await wheelFiles("debugpy==1.8.14", "any"), site));
    const found = report.findings.filter(({ code }) => code.startsWith("ELF_WRONG"));
    expect(found.map(({ severity, origin }) => [severity, origin?.package?.name])).toContainEqual([
      "warning",
      "debugpy",
    ]);
    expect(report.ok).toBe(true);
  });

  it("a Node prebuild for another platform", async () => {
    const place = "app/node_modules/bufferutil";
    const entries = entriesBelow(await npmFiles("bufferutil@4.0.8"), place);
    expect(brief(await verify("amd64", entries))).toEqual([
      `info NOT_ELF_BINARY ${place}/prebuilds/darwin-x64+arm64/node.napi.node`,
      `info NOT_ELF_BINARY ${place}/prebuilds/win32-ia32/node.napi.node`,
      `info NOT_ELF_BINARY ${place}/prebuilds/win32-x64/node.napi.node`,
    ]);
    const report = await verify("arm64", entries);
    expect(brief(report)).toContain(`error ELF_WRONG_MACHINE ${place}/prebuilds/linux-x64/node.napi.node`);
    expect(report.findings[0]?.origin?.package).toEqual({
      kind: "npm",
      name: "bufferutil",
      version: "4.0.8",
    });
    // What was compiled where the image was made is taken before the prebuilds.
    const own = join(await system("arm64"), "lib/aarch64-linux-gnu/libc.so.6");
    const built = await verify("arm64", [
      ...entries,
      fileOnDisk(`${place}/build/Release/bufferutil.node`, own),
    ]);
    expect(built.ok).toBe(true);
  });

  it("an optional npm package for another platform, where that for this one isn't there", async () => {
    const modules = "app/node_modules/@rollup";
    const entries = async (name: string): Promise<Entry[]> =>
      entriesBelow(await npmFiles(`@rollup/${name}@4.24.0`), `${modules}/${name}`);
    const gnu = await entries("rollup-linux-x64-gnu");
    const report = await verify("arm64", gnu);
    expect(brief(report)).toEqual([
      `error NPM_WRONG_PLATFORM ${modules}/rollup-linux-x64-gnu/package.json`,
      `error ELF_WRONG_MACHINE ${modules}/rollup-linux-x64-gnu/rollup.linux-x64-gnu.node`,
    ]);
    expect(report.findings[0]?.message).toContain(
      "says that @rollup/rollup-linux-x64-gnu is for linux x64 glibc, the image says linux/arm64 with glibc; the one for this platform isn't there",
    );
    const musl = await entries("rollup-linux-x64-musl");
    expect(brief(await verify("amd64", musl))).toEqual([
      `error NPM_WRONG_PLATFORM ${modules}/rollup-linux-x64-musl/package.json`,
      `error ELF_WRONG_LIBC ${modules}/rollup-linux-x64-musl/rollup.linux-x64-musl.node`,
    ]);
    const all = [...gnu, ...musl, ...(await entries("rollup-linux-arm64-gnu"))];
    for (const architecture of ["amd64", "arm64"] as const) {
      const whole = await verify(architecture, all);
      expect(whole.ok).toBe(true);
      expect(whole.checks.packages).toEqual({ status: "ok", count: 0 });
    }
  });

  it("a jar with native code for x86 only, also within another jar", async () => {
    const native = async (architecture: Architecture): Promise<string> =>
      pathBelow(await debianFiles(architecture, ["libjna-jni"]), /libjnidispatch[^/]*\.so$/);
    const x86 = { "com/sun/jna/linux-x86-64/libjnidispatch.so": await native("amd64") };
    const arm = { "com/sun/jna/linux-aarch64/libjnidispatch.so": await native("arm64") };
    const only = await zipped("only.jar", x86);
    const report = await verify("arm64", [fileOnDisk("app/lib/jna.jar", only)]);
    expect(brief(report)).toEqual(["error ARCHIVE_WRONG_PLATFORM app/lib/jna.jar"]);
    expect(report.findings[0]).toMatchObject({ expected: "aarch64", found: "x86_64" });
    const fat = await zipped("fat.jar", { "BOOT-INF/lib/jna.jar": only });
    const nested = await verify("arm64", [fileOnDisk("app/app.jar", fat)]);
    expect(brief(nested)).toEqual(["error ARCHIVE_WRONG_PLATFORM app/app.jar"]);
    expect(nested.findings[0]?.message).toContain(
      "has native code for x86_64 only (BOOT-INF/lib/jna.jar!/com/sun/jna/linux-x86-64/libjnidispatch.so)",
    );
    const both = await zipped("both.jar", { ...x86, ...arm });
    for (const architecture of ["amd64", "arm64"] as const) {
      expect(brief(await verify(architecture, [fileOnDisk("app/lib/jna.jar", both)]))).toEqual([]);
    }
    const apart = [fileOnDisk("l/a.jar", only), fileOnDisk("l/b.jar", await zipped("arm.jar", arm))];
    expect(brief(await verify("arm64", apart))).toEqual([]);
    const epoll = { "META-INF/native/libnetty_transport_native_epoll_x86_64.so": await native("amd64") };
    const netty = await verify("arm64", [fileOnDisk("app/netty.jar", await zipped("netty.jar", epoll))]);
    expect(brief(netty)).toEqual(["warning ARCHIVE_WRONG_PLATFORM app/netty.jar"]);
  });
});
