import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Entry } from "../../../src/archive/entry.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import type { RunConfig } from "../../../src/oci/image-config.ts";
import type { PlatformReport } from "../../../src/verify/finding.ts";
import { platformFamily } from "../../../src/verify/shipped-for-many.ts";
import { verifyImage } from "../../../src/verify/verify-image.ts";
import { buildElf, machines } from "./elf-builder.ts";
import { file, makeImage, makeLayer, symlink, testContext } from "./image-builder.ts";

const arm64 = buildElf({ machine: machines.aarch64 });
const amd64 = buildElf({ machine: machines.x86_64 });
const machO = Uint8Array.of(0xcf, 0xfa, 0xed, 0xfe, ...new Uint8Array(60));
const libc = (soname: string, defines: readonly string[]): Uint8Array =>
  buildElf({ machine: machines.aarch64, soname, defines: [soname, ...defines] });
const glibc = [
  file("lib/ld-linux-aarch64.so.1", arm64),
  file("lib/libc.so.6", libc("libc.so.6", ["GLIBC_2.17", "GLIBC_2.36"])),
];
const musl = [file("lib/ld-musl-aarch64.so.1", arm64)];

let dir: TempDir;
beforeAll(async () => {
  dir = await makeTempDir();
});
afterAll(async () => {
  await dir[Symbol.asyncDispose]();
});

async function verify(
  layers: readonly (readonly Entry[])[],
  { platform = "linux/arm64", ...config }: RunConfig & { readonly platform?: string } = {},
): Promise<PlatformReport> {
  const made = [];
  for (const entries of layers) made.push(await makeLayer(dir.path, entries));
  const image = makeImage({ platform, layers: made, config: { config } });
  return verifyImage(image, {}, testContext(dir.path));
}

async function brief(...given: Parameters<typeof verify>): Promise<string[]> {
  const { findings } = await verify(...given);
  return findings.map(({ severity, code, path = "" }) => `${severity} ${code} ${path}`.trim());
}

/** An npm package with a package.json that restricts it. */
function npm(path: string, name: string, support: object, native?: Uint8Array): Entry[] {
  const text = JSON.stringify({ name, version: "1.0.0", ...support });
  const record = file(`${path}/node_modules/${name}/package.json`, text, 0o644);
  return native === undefined ? [record] : [record, file(`${path}/node_modules/${name}/a.node`, native)];
}

const x64 = { os: ["linux"], cpu: ["x64"] };
const arm = { os: ["linux"], cpu: ["arm64"] };

describe("npm packages for one platform", () => {
  it("need the one for this platform in the same directory of packages", async () => {
    const outer = npm("app", "@tool/linux-arm64", arm, arm64);
    const nested = npm("app/node_modules/old", "@tool/linux-x64", x64, amd64);
    expect(await brief([[...outer, ...npm("app", "@tool/linux-x64", x64, amd64)]])).toEqual([
      "info ELF_WRONG_MACHINE app/node_modules/@tool/linux-x64/a.node",
    ]);
    expect(await brief([[...outer, ...nested]])).toEqual([
      "error ELF_WRONG_MACHINE app/node_modules/old/node_modules/@tool/linux-x64/a.node",
      "error NPM_WRONG_PLATFORM app/node_modules/old/node_modules/@tool/linux-x64/package.json",
    ]);
  });

  it("are found beside each other in pnpm's store, of the same version", async () => {
    const place = (arch: string): string => `app/node_modules/.pnpm/@tool+linux-${arch}@1.0.0`;
    const right = npm(place("arm64"), "@tool/linux-arm64", arm, arm64);
    const wrong = npm(place("x64"), "@tool/linux-x64", x64, amd64);
    expect((await verify([[...right, ...wrong]])).ok).toBe(true);
    expect((await verify([wrong])).checks.packages.status).toBe("error");
  });

  it("may be stood in for by WebAssembly", async () => {
    const wasm = npm("app", "@tool/wasm32-wasi", { cpu: ["wasm32"] });
    expect(await brief([[...wasm, ...npm("app", "@tool/linux-x64", x64)]])).toEqual([]);
  });

  it("are of no concern where nothing of theirs is asked for on this platform", async () => {
    const fsevents = npm("app", "fsevents", { os: ["darwin"] }, machO);
    expect(await brief([fsevents])).toEqual([
      "info NOT_ELF_BINARY app/node_modules/fsevents/a.node",
      "info NPM_WRONG_PLATFORM app/node_modules/fsevents/package.json",
    ]);
    expect(await brief([npm("app", "other", { os: ["!win32"], cpu: ["any"] })])).toEqual([]);
    expect(await brief([npm("app", "not", { os: ["!linux"] })])).toHaveLength(1);
  });

  it("are compared with the image's C library", async () => {
    const linux = { ...arm, libc: ["musl"] };
    const installed = npm("app", "@tool/linux-arm64-musl", linux);
    expect(await brief([[...musl, ...installed]])).toEqual([]);
    expect(await brief([[...glibc, ...installed]])).toHaveLength(1);
  });
});

describe("platformFamily", () => {
  it.each([
    ["@esbuild/linux-x64", "@esbuild/"],
    ["@esbuild/darwin-arm64", "@esbuild/"],
    ["@swc/core-linux-x64-gnu", "@swc/core"],
    ["@img/sharp-linuxmusl-arm64", "@img/sharp"],
    ["@img/sharp-libvips-linux-arm64", "@img/sharp-libvips"],
    ["lightningcss-win32-x64-msvc", "lightningcss"],
    ["libnetty_transport_native_epoll_x86_64", "libnetty-transport-native-epoll"],
    ["libnetty_transport_native_epoll_aarch_64", "libnetty-transport-native-epoll"],
    ["librocksdbjni-linux64", "librocksdbjni"],
    ["libjnidispatch", undefined],
    ["charm", undefined],
    ["windowsill", undefined],
  ])("of %s is %s", (name, family) => {
    expect(platformFamily(name)).toBe(family);
  });
});

describe("wheels", () => {
  const site = "opt/lib/python3.11/site-packages";
  const wheel = (tags: readonly string[], native: Uint8Array): Entry[] => [
    file(`${site}/x-1.dist-info/RECORD`, "x/_y.so,,\n", 0o644),
    file(
      `${site}/x-1.dist-info/WHEEL`,
      `Wheel-Version: 1.0\n${tags.map((tag) => `Tag: ${tag}\n`).join("")}`,
      0o644,
    ),
    file(`${site}/x/_y.so`, native, 0o644),
  ];

  it("whose tag alone is wrong are a warning", async () => {
    const retagged = wheel(["cp311-cp311-linux_x86_64"], arm64);
    expect(await brief([retagged])).toEqual([`warning WHEEL_WRONG_PLATFORM ${site}/x-1.dist-info/WHEEL`]);
    const wrong = await verify([wheel(["cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64"], amd64)]);
    expect(wrong.findings.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      "error WHEEL_WRONG_PLATFORM",
      "error ELF_WRONG_MACHINE",
    ]);
    expect(wrong.findings[0]).toMatchObject({
      found: "manylinux_2_17_x86_64, manylinux2014_x86_64",
      origin: { package: { kind: "wheel", name: "x", version: "1" } },
    });
  });

  it("fit by one of several tags, by any, and by what isn't known", async () => {
    for (const tags of [
      ["py3-none-any"],
      ["cp311-cp311-linux_x86_64", "cp311-cp311-manylinux_2_28_aarch64"],
      ["cp311-cp311-graalos_1_0_riscv"],
    ]) {
      expect(await brief([wheel(tags, arm64)])).toEqual([]);
    }
    expect(await brief([[...musl, ...wheel(["cp311-cp311-musllinux_1_2_aarch64"], arm64)]])).toEqual([]);
    expect(await brief([[...glibc, ...wheel(["cp311-cp311-musllinux_1_2_aarch64"], arm64)]])).toHaveLength(1);
  });

  it("don't count once a layer above has removed them", async () => {
    const removed = [file(`${site}/.wh.x-1.dist-info`, ""), file(`${site}/.wh.x`, "")];
    expect((await verify([wheel(["cp311-cp311-win_amd64"], amd64), removed])).ok).toBe(true);
  });
});

describe("what a distribution's package brings", () => {
  const status = (architecture: string): Entry =>
    file("var/lib/dpkg/status", `Package: multi\nVersion: 1\nArchitecture: ${architecture}\n`, 0o644);
  const list = file("var/lib/dpkg/info/multi.list", "/.\n/usr/lib/multi/x86.elf\n", 0o644);
  const binary = file("usr/lib/multi/x86.elf", amd64);

  it("is meant where the package is for the platform, and only as long as it is the package's file", async () => {
    expect(await brief([[status("arm64"), list, binary]])).toEqual([
      "info ELF_WRONG_MACHINE usr/lib/multi/x86.elf",
    ]);
    expect(await brief([[binary], [status("all"), list]])).toEqual([
      "info ELF_WRONG_MACHINE usr/lib/multi/x86.elf",
    ]);
    expect(await brief([[status("amd64"), list, binary]])).toEqual([
      "error ELF_WRONG_MACHINE usr/lib/multi/x86.elf",
    ]);
    const replaced = [[status("arm64"), list, file("usr/lib/multi/x86.elf", arm64)], [binary]];
    expect(await brief(replaced)).toEqual(["error ELF_WRONG_MACHINE usr/lib/multi/x86.elf"]);
  });
});

describe("what is started", () => {
  const path = { Env: ["PATH=/opt/bin:/usr/bin"] };

  it("is looked for as the runtime does", async () => {
    const tool = [file("opt/bin/tool", arm64), symlink("usr/bin/alias", "/opt/bin/tool")];
    expect(await brief([tool], { ...path, Entrypoint: ["alias"], Cmd: ["x"] })).toEqual([]);
    expect(await brief([tool], { WorkingDir: "/opt", Cmd: ["./bin/tool"] })).toEqual([]);
    const report = await verify([tool], { Cmd: ["tool"] });
    expect(report.findings).toMatchObject([{ code: "COMMAND_MISSING", severity: "warning" }]);
    expect(report.checks.start).toEqual({ status: "warning", count: 1 });
  });

  it("makes an error of an interpreter that is missing", async () => {
    const script = [file("opt/run.py", "#!/usr/bin/env -S python3 -u\n"), file("usr/bin/env", arm64)];
    expect(await brief([script])).toEqual(["info SCRIPT_INTERPRETER_MISSING opt/run.py"]);
    expect(await brief([script], { ...path, Cmd: ["/opt/run.py"] })).toEqual([
      "error SCRIPT_INTERPRETER_MISSING opt/run.py",
    ]);
    const python = [...script, file("opt/venv/bin/python3", arm64)];
    expect(await brief([python], { Cmd: ["/opt/run.py"] })).toEqual([]);
  });

  it("makes an error of a library that is missing, but not of those that the runtime brings", async () => {
    const program = (needed: string): Entry =>
      file("app/main", buildElf({ machine: machines.aarch64, needed: [needed] }));
    expect(await brief([[program("libx.so.1")]])).toEqual(["warning ELF_LIBRARY_MISSING app/main"]);
    expect(await brief([[program("libx.so.1")]], { Cmd: ["/app/main"] })).toEqual([
      "error ELF_LIBRARY_MISSING app/main",
    ]);
    expect(await brief([[program("libcuda.so.1")]])).toEqual(["info ELF_LIBRARY_MISSING app/main"]);
  });
});

describe("the C library", () => {
  const muslLibrary = buildElf({ machine: machines.aarch64, needed: ["libc.musl-aarch64.so.1"] });
  const glibcLibrary = buildElf({ machine: machines.aarch64, needed: ["libc.so.6"] });

  it("is told apart; glibc's code may load on musl, musl's on glibc doesn't", async () => {
    expect(await brief([[...glibc, file("x/a.so", muslLibrary)]])).toEqual(["error ELF_WRONG_LIBC x/a.so"]);
    expect(await brief([[...musl, file("x/a.so", glibcLibrary)]])).toEqual(["warning ELF_WRONG_LIBC x/a.so"]);
    expect(
      await brief([[...musl, ...glibc, file("x/a.so", muslLibrary), file("x/b.so", glibcLibrary)]]),
    ).toEqual(["warning ELF_LIBRARY_MISSING x/a.so"]);
  });

  it("is chosen by path where a package has code for both", async () => {
    for (const [one, other] of [
      ["m/prebuilds/linux-arm64/x.musl.node", "m/prebuilds/linux-arm64/x.glibc.node"],
      ["m/prebuilds/linux-arm64/x.musl.node", "m/prebuilds/linux-arm64/x.node"],
      ["m/prebuilds/linuxmusl-arm64/x.node", "m/prebuilds/linux-arm64/x.node"],
      ["s/x.cpython-311-aarch64-linux-musl.so", "s/x.cpython-311-aarch64-linux-gnu.so"],
    ] as const) {
      const both = [file(one, muslLibrary), file(other, glibcLibrary)];
      expect(await brief([[...glibc, ...both]])).toEqual([`info ELF_WRONG_LIBC ${one}`]);
      expect(await brief([[...musl, file("lib/libc.musl-aarch64.so.1", arm64), ...both]])).toEqual([
        `info ELF_WRONG_LIBC ${other}`,
      ]);
    }
  });
});

describe("what isn't run", () => {
  it("is a warning: static code without execute permission, libraries that may choose by processor", async () => {
    const kernel = buildElf({ machine: machines.x86_64, type: 2 });
    expect(await brief([[file("opt/boot/kernel.img", kernel, 0o644), file("opt/tool", kernel)]])).toEqual([
      "error ELF_WRONG_MACHINE opt/tool",
      "warning ELF_WRONG_MACHINE opt/boot/kernel.img",
    ]);
    const v8 = (type: number): Uint8Array =>
      buildElf({ machine: machines.arm, class: 32, type, armAttributes: [[6, 14]] });
    const files = [file("opt/lib.so", v8(3)), file("opt/tool", v8(2))];
    expect(await brief([files], { platform: "linux/arm/v7" })).toEqual([
      "error ELF_WRONG_VARIANT opt/tool",
      "warning ELF_WRONG_VARIANT opt/lib.so",
    ]);
  });
});
