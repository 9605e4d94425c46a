import { execFileSync } from "node:child_process";
import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeTempDir } from "../../../src/host/temp-dir.ts";
import { parseImage } from "../../../src/image/image.ts";
import { serializeManifest } from "../../../src/oci/content.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { serializeImageConfig } from "../../../src/oci/image-config.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import type { PlatformReport } from "../../../src/verify/finding.ts";
import { verifyImage } from "../../../src/verify/verify-image.ts";
import { testContext } from "../../unit/verify/image-builder.ts";
import { foreignRoot } from "./debian-files.ts";

/** An image of one layer that GNU tar and gzip made. */
async function verifyRoot(root: string, platform: string): Promise<PlatformReport> {
  await using dir = await makeTempDir();
  const tarball = join(dir.path, "layer.tar");
  execFileSync("tar", ["--exclude=./.complete", "-C", root, "-cf", tarball, "."]);
  const diffID = digestOf(readFileSync(tarball));
  execFileSync("gzip", ["-1", tarball]);
  const blob = readFileSync(`${tarball}.gz`);
  const layer = { mediaType: mediaTypes.layerGzip, digest: digestOf(blob), size: blob.length };
  const { os, architecture, variant } = parsePlatform(platform);
  const claimed = { os, architecture, ...(variant !== undefined && { variant }) };
  const rawConfig = serializeImageConfig({ ...claimed, rootfs: { type: "layers", diff_ids: [diffID] } });
  const config = { mediaType: mediaTypes.config, digest: digestOf(rawConfig), size: rawConfig.length };
  const rawManifest = serializeManifest({ schemaVersion: 2, config, layers: [layer] });
  const descriptor = {
    mediaType: mediaTypes.manifest,
    digest: digestOf(rawManifest),
    size: rawManifest.length,
    platform: claimed,
  };
  const open = async () => createReadStream(`${tarball}.gz`);
  const image = parseImage(descriptor, rawManifest, rawConfig, () => open);
  return verifyImage(image, {}, testContext(dir.path));
}

describe("verifyImage on Debian's files", () => {
  const cases = [
    ["arm64", "linux/arm64", "linux/amd64"],
    ["armhf", "linux/arm/v7", "linux/arm/v6"],
    ["armel", "linux/arm/v5", "linux/arm/v7"],
    ["s390x", "linux/s390x", "linux/ppc64le"],
  ] as const;
  it.for(cases)("proves %s as %s and refutes it as %s", async ([architecture, right, wrong], context) => {
    const found = foreignRoot(architecture);
    if (typeof found === "string") return context.skip(found);
    const good = await verifyRoot(found.root, right);
    expect(good.findings.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(good).toMatchObject({ platform: right, ok: true });
    expect(good.elf).toBeGreaterThan(100);
    const bad = await verifyRoot(found.root, wrong);
    expect(bad).toMatchObject({ platform: wrong, ok: false, elf: good.elf });
    const errors = bad.findings.filter(({ severity }) => severity === "error");
    // libatomic is marked ARMv7 and chooses its code when it is loaded: it runs on ARMv6.
    expect(errors).toHaveLength(bad.elf - (wrong === "linux/arm/v6" ? 1 : 0));
    expect(errors.map(({ path }) => path).join()).not.toContain(
      wrong === "linux/arm/v6" ? "libatomic.so" : "\0",
    );
    return undefined;
  });
});
