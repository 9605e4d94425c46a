import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cacheReport, pruneCache } from "../../../src/api/cache.ts";
import { createNodeHost } from "../../../src/host/node-host.ts";

let cacheDir: string;
beforeEach(() => {
  cacheDir = mkdtempSync(join(tmpdir(), "anyarch-test-"));
  mkdirSync(join(cacheDir, "blobs/sha256"), { recursive: true });
  mkdirSync(join(cacheDir, "layers"));
  writeFileSync(join(cacheDir, "blobs/sha256/old"), "12345");
  writeFileSync(join(cacheDir, "blobs/sha256/new"), "123");
  writeFileSync(join(cacheDir, "layers/memo.json"), "{}");
  const longAgo = new Date(Date.now() - 40 * 86_400_000);
  utimesSync(join(cacheDir, "blobs/sha256/old"), longAgo, longAgo);
});
afterEach(() => rmSync(cacheDir, { recursive: true }));

describe("cache", () => {
  it("says what it holds, largest first", async () => {
    const report = await cacheReport({ host: createNodeHost({ cacheDir }) });
    expect(report).toEqual({
      schema: "anyarch.cache/v1",
      directory: cacheDir,
      parts: [
        { name: "blobs", files: 2, bytes: 8 },
        { name: "layers", files: 1, bytes: 2 },
      ],
    });
  });

  it("prunes what was not used lately, or everything", async () => {
    const host = createNodeHost({ cacheDir });
    const first = await pruneCache({}, { host });
    expect(first.removed).toEqual({ files: 1, bytes: 5 });
    expect(existsSync(join(cacheDir, "blobs/sha256/new"))).toBe(true);
    const second = await pruneCache({ olderThanDays: 0 }, { host });
    expect(second.removed).toEqual({ files: 2, bytes: 5 });
    expect(second.parts).toEqual([]);
  });

  it("is empty where there is no cache yet", async () => {
    const report = await cacheReport({ host: createNodeHost({ cacheDir: join(cacheDir, "none") }) });
    expect(report.parts).toEqual([]);
  });
});
