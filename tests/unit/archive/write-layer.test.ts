import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Entry } from "../../../src/archive/entry.ts";
import { gzipBlockSize, gzipLevel, ParallelGzip, zlibIsForeign } from "../../../src/archive/gzip.ts";
import { writeLayer } from "../../../src/archive/write-layer.ts";
import { canCompressZstd, createParallelZstd, zstdFrameSize, zstdLevel } from "../../../src/archive/zstd.ts";
import { run, scratch, tarOf } from "./tree.ts";

// Real programs are run, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Bytes that deflate can and can't shorten, the same in each run. */
function sample(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = (at >>> 16) % 2 === 0 ? state >>> 24 : 97 + ((state >>> 24) % 5);
  }
  return bytes;
}

async function gzip(bytes: Uint8Array, cuts: readonly number[], jobs?: number): Promise<Buffer> {
  const output: Buffer[] = [];
  const compressor = new ParallelGzip((chunk) => output.push(Buffer.from(chunk)), jobs);
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = cuts[turn % cuts.length] ?? bytes.length;
    // Overwritten once released: what is compressed must not depend on it any more.
    const copy = Buffer.from(bytes.subarray(at, at + size));
    await compressor.push(copy, () => copy.fill(0xee));
    at += size;
  }
  await compressor.finish();
  return Buffer.concat(output);
}

const text = (path: string, content: string): Entry => ({
  type: "file",
  path,
  mode: 0o644,
  size: Buffer.byteLength(content),
  content: { bytes: Buffer.from(content) },
});

describe("ParallelGzip", () => {
  it("makes what gzip decompresses to the same bytes, however the input is cut", async () => {
    const bytes = sample(3 * gzipBlockSize + 4711);
    const whole = await gzip(bytes, [gzipBlockSize], 8);
    expect(run("gzip", ["-dc"], whole).equals(bytes)).toBe(true);
    expect(whole.subarray(0, 10).toString("hex")).toBe("1f8b08000000000000ff");
    for (const [cuts, jobs] of [
      [[4096], 1],
      [[1, 99_991], 2],
      [[gzipBlockSize + 1], 3],
      [[7 * gzipBlockSize], undefined],
    ] as const) {
      expect((await gzip(bytes, cuts, jobs)).equals(whole)).toBe(true);
    }
  });

  it("handles ends at and around block borders", async () => {
    for (const length of [0, 1, gzipBlockSize - 1, gzipBlockSize, gzipBlockSize + 1]) {
      const bytes = sample(length);
      const packed = await gzip(bytes, [100_000]);
      expect(run("gzip", ["-dc"], packed).equals(bytes), `${length}`).toBe(true);
    }
  });

  it("uses what came before: the border between blocks costs next to nothing", async () => {
    const unit = sample(30_000);
    const bytes = Buffer.concat(Array.from({ length: 80 }, () => unit));
    // Without the dictionary, each block would hold the random part of its first unit again.
    const first = (await gzip(bytes.subarray(0, gzipBlockSize), [1 << 20])).length;
    expect((await gzip(bytes, [1 << 20])).length).toBeLessThan(first * 1.5);
  });

  it("compresses any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 3000 }), async (bytes) => {
        expect(run("gzip", ["-dc"], await gzip(bytes, [97])).equals(Buffer.from(bytes))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it("makes the same bytes with one thread and with eight", () => {
    const bytes = sample(2 * gzipBlockSize + 999, 7);
    const source = join(import.meta.dirname, "../../../src/archive/gzip.ts");
    const program = `
      const { readFileSync } = await import("node:fs");
      const { ParallelGzip } = await import(${JSON.stringify(source)});
      const input = readFileSync(0);
      const output = [];
      const gzip = new ParallelGzip((bytes) => output.push(Buffer.from(bytes)), Number(process.argv[1]));
      for (let at = 0; at < input.length; at += 65536) await gzip.push(input.subarray(at, at + 65536));
      await gzip.finish();
      process.stdout.write(Buffer.concat(output));`;
    const outputs = [
      ["1", "1"],
      ["1", "8"],
      ["8", "1"],
      ["8", "8"],
    ].map(([threads = "", jobs = ""]) => {
      const args = ["--import", "tsx", "--input-type=module", "-e", program, jobs];
      const result = spawnSync(process.execPath, args, {
        input: bytes,
        env: { ...process.env, UV_THREADPOOL_SIZE: threads },
        maxBuffer: 1 << 28,
      });
      expect(result.stderr.toString()).toBe("");
      expect(run("gzip", ["-dc"], result.stdout).equals(bytes)).toBe(true);
      return sha256(result.stdout);
    });
    expect(new Set(outputs).size).toBe(1);
  });

  it("passes on what the sink throws", async () => {
    const failing = (chunk: Uint8Array): void => {
      if (chunk.byteLength > 10) throw new Error("the disk is full");
    };
    const compressor = new ParallelGzip(failing);
    await compressor.push(sample(1000));
    await expect(compressor.finish()).rejects.toThrow("the disk is full");
  });

  it("keeps its format constants and the golden bytes of a small input", async () => {
    expect([gzipLevel, gzipBlockSize, zstdLevel, zstdFrameSize]).toEqual([5, 1 << 20, 3, 4 << 20]);
    expect(zlibIsForeign()).toBe(false);
    const packed = await gzip(Buffer.from("hello, layer\n".repeat(50)), [650]);
    expect(packed.toString("hex")).toMatchInlineSnapshot(
      `"1f8b08000000000000ffca48cdc9c9d751c849ac4c2de2ca18e58c72068a03000000ffff0300f73b06678a020000"`,
    );
  });
});

describe("zstd", () => {
  it.runIf(canCompressZstd())("makes frames that zstd decompresses", async () => {
    const bytes = sample(2 * zstdFrameSize + 77);
    const output: Buffer[] = [];
    const compressor = createParallelZstd((chunk) => output.push(Buffer.from(chunk)));
    for (let at = 0; at < bytes.length; at += 1 << 20)
      await compressor.push(bytes.subarray(at, at + (1 << 20)));
    await compressor.finish();
    expect(run("zstd", ["-dc"], Buffer.concat(output)).equals(bytes)).toBe(true);
  });

  it.runIf(!canCompressZstd())("says which Node.js has it", async () => {
    using directory = scratch();
    const destination = join(directory.path, "layer");
    await expect(writeLayer([], { destination, compression: "zstd" })).rejects.toMatchObject({
      code: "USAGE",
      hint: expect.stringContaining("22.15") as unknown,
    });
    expect(existsSync(destination)).toBe(false);
  });
});

describe("writeLayer", () => {
  it("makes the same bytes when several layers are written at once", async () => {
    using dir = scratch();
    const entries = (seed: number): Entry[] =>
      Array.from({ length: 6000 }, (_, index): Entry => {
        const bytes = sample(300 + ((index * seed) % 900), index + 1);
        const path = `layer${seed}/${String(index).padStart(5, "0")}`;
        return { type: "file", path, mode: 0o644, size: bytes.length, content: { bytes } };
      });
    const write = (seed: number, name: string) =>
      writeLayer(entries(seed), { destination: join(dir.path, `${name}${seed}`), compression: "gzip" });
    const alone = [await write(3, "a"), await write(7, "a"), await write(11, "a")];
    const together = await Promise.all([write(3, "b"), write(7, "b"), write(11, "b")]);
    expect(together).toEqual(alone);
  });

  const entries = [text("a", "first"), text("b", "second".repeat(100_000))];

  it("tells the truth about digests and sizes", async () => {
    using directory = scratch();
    const tar = tarOf(entries, 5);
    for (const compression of ["none", "gzip"] as const) {
      const destination = join(directory.path, compression);
      const progress: number[] = [];
      const layer = await writeLayer(entries, {
        destination,
        compression,
        mtime: 5,
        onProgress: (current) => progress.push(current),
      });
      const written = readFileSync(destination);
      expect(layer).toEqual({
        diffID: sha256(tar),
        digest: sha256(written),
        size: written.length,
        uncompressedSize: tar.length,
      });
      expect(progress.at(-1)).toBe(tar.length);
      const plain = compression === "gzip" ? run("gzip", ["-dc"], written) : written;
      expect(plain.equals(tar)).toBe(true);
    }
  });

  it("leaves nothing behind on an error or abort, and never touches a file that was there", async () => {
    using directory = scratch();
    const destination = join(directory.path, "layer");
    const missing: Entry = { ...text("x", "1"), type: "file", size: 1, content: { file: "/nonexistent/x" } };
    const failing = [...entries, missing];
    await expect(writeLayer(failing, { destination, compression: "gzip" })).rejects.toMatchObject({
      code: "APP_FILE_CHANGED",
    });
    expect(existsSync(destination)).toBe(false);

    const big = join(directory.path, "big");
    writeFileSync(big, "");
    truncateSync(big, 64 << 20);
    const large: Entry = { type: "file", path: "z", mode: 0o644, size: 64 << 20, content: { file: big } };
    for (const compression of ["none", "gzip"] as const) {
      const controller = new AbortController();
      let progress = 0;
      // A timer gets its turn only because the writer yields.
      const timer = setTimeout(() => controller.abort(), 1);
      const onProgress = (current: number): void => void (progress = current);
      const options = { destination, compression, signal: controller.signal, onProgress };
      await expect(writeLayer([large], options)).rejects.toHaveProperty("name", "AbortError");
      clearTimeout(timer);
      expect(progress).toBeLessThan(64 << 20);
      expect(existsSync(destination)).toBe(false);
    }

    writeFileSync(destination, "mine");
    await expect(writeLayer(entries, { destination, compression: "none" })).rejects.toMatchObject({
      code: "EEXIST",
    });
    expect(readFileSync(destination, "utf8")).toBe("mine");
  });

  it("holds little memory, whatever the size", () => {
    using directory = scratch();
    const big = join(directory.path, "big");
    const fd = openSync(big, "w");
    const part = sample(8 << 20);
    for (let index = 0; index < 16; index++) writeSync(fd, part);
    closeSync(fd);
    const source = join(import.meta.dirname, "../../../src/archive/write-layer.ts");
    const program = `
      const { writeLayer } = await import(${JSON.stringify(source)});
      const before = process.resourceUsage().maxRSS;
      await writeLayer(
        [{ type: "file", path: "f", mode: 0o644, size: ${statSync(big).size}, content: { file: process.argv[1] } }],
        { destination: process.argv[1] + ".gz", compression: "gzip" },
      );
      process.stdout.write(String((process.resourceUsage().maxRSS - before) / 1024));`;
    const args = ["--import", "tsx", "--input-type=module", "-e", program, big];
    const result = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(result.stderr).toBe("");
    // MiB on top of Node.js itself, for 128 MiB of input.
    expect(Number(result.stdout)).toBeGreaterThan(0);
    expect(Number(result.stdout)).toBeLessThan(64);
  });
});
