import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ContentDigests } from "../../../src/assemble/content-digests.ts";
import { openDebianBase } from "../../../src/assemble/debian-base.ts";
import { LayerBuilder } from "../../../src/assemble/layer-builder.ts";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { appendLayers, type Image, mutateConfig } from "../../../src/image/image.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import type { PlatformReport } from "../../../src/verify/finding.ts";
import { verifyImage } from "../../../src/verify/verify-image.ts";
import { machineMirror } from "../../engines/apt.ts";
import { enginesDirectory, needEngine } from "../../engines/install.ts";
import { makeImage, makeLayer, testContext } from "../../unit/verify/image-builder.ts";
import { entriesBelow, fileOnDisk, npmFiles, wheelFiles } from "./samples.ts";

let dir: TempDir;
let ctx: Context;
// What Debian's packages become is kept from run to run.
const host = createNodeHost({ cacheDir: join(enginesDirectory(), "verify-samples", "cache") });
beforeAll(async () => {
  dir = await makeTempDir();
  ctx = createContext(host);
});
afterAll(async () => {
  await host.close();
  await dir[Symbol.asyncDispose]();
});

const three = ["linux/amd64", "linux/arm64", "linux/arm/v7"];

/** Images of Debian packages as anyarch itself makes them. */
async function debianImages(packages: readonly string[], platforms = three): Promise<readonly Image[]> {
  const debian = { sources: [{ uri: machineMirror().uri, suites: ["bookworm"] }] };
  const created = "1970-01-01T00:00:00Z";
  const options = { stores: {}, debian, directory: dir.path, updateLock: true, created };
  const base = await openDebianBase(`deb:bookworm/${packages.join(",")}`, options, ctx);
  const digests = new ContentDigests(ctx.host.cacheDir, "verify");
  const builder = new LayerBuilder({ compression: "gzip", mtime: 0, remember: true, jobs: 2 }, digests);
  const opened = await base.open(platforms.map(parsePlatform), ctx);
  return Promise.all(
    opened.map(async (one) => {
      if (one instanceof Error) throw one;
      return (await one.image(builder, ctx)).image;
    }),
  );
}

function alarms({ findings }: PlatformReport): string[] {
  return findings
    .filter(({ severity }) => severity !== "info")
    .map(({ severity, code, message }) => `${severity} ${code} ${message}`);
}

describe("verify finds nothing wrong", () => {
  it("in images of Debian's Python, Node.js and Perl for three architectures", async () => {
    const packages = ["bash", "coreutils", "dash", "nodejs", "perl-base", "python3", "python3-numpy"];
    for (const image of await debianImages(packages)) {
      const started = mutateConfig(image, (config) => ({ ...config, config: { Cmd: ["python3"] } }));
      const report = await verifyImage(started, {}, ctx);
      expect(alarms(report)).toEqual([]);
      expect(report).toMatchObject({
        ok: true,
        checks: { start: { status: "ok" }, layers: { status: "ok" } },
      });
      expect(report.elf).toBeGreaterThan(500);
    }
  }, 400_000);

  it("in images like distroless ones: a C library, time zones and certificates", async () => {
    for (const image of await debianImages(["base-files", "ca-certificates", "libc6", "tzdata"])) {
      const report = await verifyImage(image, {}, ctx);
      expect(alarms(report)).toEqual([]);
      expect(report.ok).toBe(true);
    }
  });

  it("in packages that are meant to hold code for other machines", async () => {
    const cross = ["libc6-armhf-cross", "libc6-arm64-cross", "grub-pc-bin", "qemu-system-data", "seabios"];
    const [image] = await debianImages(cross, ["linux/amd64"]);
    const report = await verifyImage(image as Image, {}, ctx);
    expect(alarms(report)).toEqual([]);
    const foreign = report.findings.filter(({ code }) => code === "ELF_WRONG_MACHINE");
    expect(foreign.length).toBeGreaterThan(300);
    expect(foreign.map(({ message }) => message).join("\n")).toContain(
      "the package libc6-arm64-cross for all is meant to hold it (Debian package libc6-arm64-cross",
    );
  });

  it("in static programs alone, of C and of Go", async () => {
    const busybox = (await needEngine("busybox")).root("busybox");
    const cases = [
      ["linux/amd64", "amd64", "x64"],
      ["linux/arm64", "arm64", "arm64"],
      ["linux/arm/v7", "armhf", "arm"],
    ] as const;
    for (const [platform, debian, node] of cases) {
      const go = join(await npmFiles(`@esbuild/linux-${node}@0.24.0`), "bin/esbuild");
      const layer = await makeLayer(dir.path, [
        fileOnDisk("busybox", join(busybox, debian, "bin/busybox")),
        fileOnDisk("app", go),
      ]);
      const image = makeImage({ platform, layers: [layer], config: { config: { Entrypoint: ["/app"] } } });
      const report = await verifyImage(image, {}, testContext(dir.path));
      expect(report).toMatchObject({ ok: true, elf: 2, findings: [] });
    }
  });

  it("in wheels and npm packages for the platform on top of Debian's interpreters", async () => {
    const packages = ["bash", "coreutils", "dash", "nodejs", "perl-base", "python3", "python3-numpy"];
    const [amd64, arm64] = await debianImages(packages);
    const modules = "app/node_modules";
    for (const [image, python, node] of [
      [amd64, "manylinux2014_x86_64", "x64"],
      [arm64, "manylinux2014_aarch64", "arm64"],
    ] as const) {
      const layer = await makeLayer(dir.path, [
        ...entriesBelow(
          await wheelFiles("markupsafe==2.1.5", python),
          "usr/local/lib/python3.11/dist-packages",
        ),
        ...entriesBelow(
          await npmFiles(`@rollup/rollup-linux-${node}-gnu@4.24.0`),
          `${modules}/@rollup/rollup-linux-${node}-gnu`,
        ),
        ...entriesBelow(await npmFiles(`@esbuild/linux-${node}@0.24.0`), `${modules}/@esbuild/linux-${node}`),
      ]);
      const whole = appendLayers(image as Image, [{ layer, history: { created_by: "COPY" } }]);
      const report = await verifyImage(whole, {}, ctx);
      expect(alarms(report)).toEqual([]);
      expect(report.checks.packages.status).toBe("ok");
    }
  }, 400_000);

  it("in an image without layers, but for what its config starts", async () => {
    const report = await verifyImage(
      makeImage({ platform: "linux/arm64", layers: [] }),
      {},
      testContext(dir.path),
    );
    expect(report).toMatchObject({ ok: true, files: 0, elf: 0, findings: [] });
    const image = makeImage({ platform: "linux/arm64", layers: [], config: { config: { Cmd: ["sh"] } } });
    const started = await verifyImage(image, {}, testContext(dir.path));
    expect(started.findings).toMatchObject([
      { code: "COMMAND_MISSING", severity: "warning", expected: "sh" },
    ]);
  });
});
