import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IndexServer } from "../../unit/packages/python/index-server.ts";
import { expectFailureText, makeStage, openScene, type Stage } from "./scene.ts";
import { type MadeWheel, makeWheels, pinned } from "./wheels.ts";

let stage: Stage;
let wheels: readonly MadeWheel[];
let index: IndexServer;
beforeAll(async () => {
  stage = await makeStage();
  using scene = openScene(stage);
  wheels = await makeWheels(scene.root, [{ name: "alpha" }, { name: "beta", noise: 10_000 }]);
  index = await IndexServer.start(wheels);
});
afterAll(async () => {
  await index[Symbol.asyncDispose]();
  stage[Symbol.dispose]();
});

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

const digestOf = (stdout: string): string => (JSON.parse(stdout) as { digest: string }).digest;

describe("a damaged cache", () => {
  it.each([
    ["memories that are cut off", ".json", (path: string) => truncateSync(path, statSync(path).size >> 1)],
    ["memories that are empty", ".json", (path: string) => writeFileSync(path, "")],
    ["memories of null", ".json", (path: string) => writeFileSync(path, "null")],
    ["memories of something else", ".json", (path: string) => writeFileSync(path, '[["x", 1]]')],
    ["memories that lack everything", ".json", (path: string) => writeFileSync(path, "{}")],
    ["layers that are cut off", "blobs", (path: string) => truncateSync(path, statSync(path).size >> 1)],
  ])("%s change nothing", async (_name, part, damage) => {
    using scene = openScene(stage);
    scene.write("requirements.txt", pinned(wheels));
    const env = { PIP_INDEX_URL: index.url };
    const good = await scene.build(["--format", "json"], { env });
    expect(good.code, good.stderr).toBe(0);
    const damaged = filesBelow(scene.cache).filter((path) => path.includes(part));
    expect(damaged.length).toBeGreaterThan(0);
    for (const path of damaged) damage(path);
    const next = await scene.build(["--format", "json"], { env });
    expect(next.code, next.stderr).toBe(0);
    expect(digestOf(next.stdout)).toBe(digestOf(good.stdout));
    scene.expectTidy();
  });

  it("layers with other bytes are noticed, said and removed: the next build makes them anew", async () => {
    using scene = openScene(stage);
    scene.write("requirements.txt", pinned(wheels));
    const env = { PIP_INDEX_URL: index.url };
    const args = ["--format", "json", "--output", "oci:out"];
    const good = await scene.build(args, { env });
    const rot = (kind: string): void => {
      for (const path of filesBelow(join(scene.cache, "blobs"))) {
        const bytes = readFileSync(path);
        const other = kind === "zeros" ? Buffer.alloc(bytes.length) : randomBytes(bytes.length);
        writeFileSync(path, other);
      }
    };
    for (const kind of ["zeros", "noise"]) {
      rot(kind);
      const bad = await scene.build(["--output", "oci:second"], { env });
      expectFailureText(bad, { code: "DIGEST_MISMATCH", says: [scene.cache, "removed from", "again"] });
      scene.expectTidy();
      const next = await scene.build(args, { env });
      expect(next.code, next.stderr).toBe(0);
      expect(digestOf(next.stdout)).toBe(digestOf(good.stdout));
    }
  });
});
