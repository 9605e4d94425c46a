import { afterAll, beforeAll, expect, it } from "vitest";
import { openBases } from "../../../src/assemble/platform-bases.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { formatPlatform } from "../../../src/oci/platform.ts";
import type { BuildOptions } from "../../../src/plan/build-options.ts";
import { parseBuildRequest } from "../../../src/plan/build-request.ts";
import { testContext } from "../verify/image-builder.ts";

let dir: TempDir;
beforeAll(async () => {
  dir = await makeTempDir();
});
afterAll(() => dir[Symbol.asyncDispose]());

async function open(base: string, options: BuildOptions) {
  const environment = { cwd: dir.path, arch: "x64", env: {}, now: new Date(0) };
  const platforms = ["linux/amd64,linux/amd64/v3,linux/arm64"];
  const request = parseBuildRequest({ platforms, ...options }, undefined, environment);
  const debian = { mirror: "http://mirror.invalid/debian", keyring: "/keys" };
  const ctx = testContext(dir.path);
  const given = { stores: {}, debian, verifyAllow: [] };
  return { request, ctx, base: await openBases(base, request, given, ctx) };
}

it("004-37 opens each platform's own base, in the order asked for, and the common one for the rest", async () => {
  const { base, request, ctx } = await open("deb:bookworm/python3", {
    platformOptions: Object.fromEntries(
      ["linux/amd64", "linux/amd64/v3", "linux/arm64"].map((name) => [name, { baseImage: "scratch" }]),
    ),
  });
  // Nobody needs the mirror that isn't there.
  expect(base.location).toBe("scratch");
  const opened = await base.open(request.platforms === "all" ? [] : request.platforms, ctx);
  expect(opened.map((one) => ("platform" in one ? formatPlatform(one.platform) : one.code))).toEqual([
    "linux/amd64",
    "linux/amd64/v3",
    "linux/arm64",
  ]);
});

it("refuses two bases whose packages one lock would have to pin", async () => {
  const own = { "linux/arm64": { baseImage: "deb:bookworm/python3,libjemalloc2" } };
  await expect(open("deb:bookworm/python3", { platformOptions: own })).rejects.toMatchObject({
    code: "USAGE",
  });
  const { base } = await open("scratch", { platformOptions: own });
  expect(base.location).toBe("scratch");
});
