import { spawnSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  chmodSync,
  openSync,
  writeSync,
  closeSync,
} from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { Entry } from "../../../src/archive/entry.ts";
import { assertSafePath, normalizeEntryPath } from "../../../src/archive/entry-path.ts";
import { readTar } from "../../../src/archive/tar-reader.ts";
import { encodeEntryHeader } from "../../../src/archive/tar-writer.ts";
import { chunked, type ReadEntry, readAll, run, scratch, tarOf, treeArbitrary } from "./tree.ts";

// Real programs are run, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const invalid = expect.objectContaining({ code: "ARCHIVE_INVALID" }) as unknown;
const unsafe = expect.objectContaining({ code: "ARCHIVE_UNSAFE" }) as unknown;

/** What the writer was given and what the reader found, in the same words. */
function described(entries: readonly Entry[]): unknown[] {
  return entries.map((entry) => ({
    path: entry.type === "directory" ? `${entry.path}/` : entry.path,
    type: entry.type,
    mode: entry.mode,
    mtime: entry.mtime ?? 0,
    linkname: entry.type === "symlink" || entry.type === "hardlink" ? entry.target : "",
    content:
      entry.type === "file" && "bytes" in entry.content ? Buffer.from(entry.content.bytes) : Buffer.alloc(0),
  }));
}

function found(entries: readonly ReadEntry[]): unknown[] {
  return entries.map(({ path, type, mode, mtime, linkname, content }) => ({
    path,
    type,
    mode,
    mtime,
    linkname,
    content,
  }));
}

/** Makes the tree on disk, in the order of the entries, with the modes and times of directories last. */
function materialize(root: string, entries: readonly Entry[]): void {
  const isDirectory = (entry: Entry): boolean => entry.type === "directory";
  for (const entry of entries) {
    const path = join(root, entry.path);
    if (isDirectory(entry)) mkdirSync(path);
    else if (entry.type === "symlink") symlinkSync(entry.target, path);
    else if (entry.type === "hardlink") linkSync(join(root, entry.target), path);
    else if (entry.type === "file" && "bytes" in entry.content) {
      writeFileSync(path, entry.content.bytes);
      chmodSync(path, entry.mode);
      utimesSync(path, entry.mtime ?? 0, entry.mtime ?? 0);
    }
  }
  for (const entry of entries.filter(isDirectory).toReversed()) {
    chmodSync(join(root, entry.path), entry.mode);
    utimesSync(join(root, entry.path), entry.mtime ?? 0, entry.mtime ?? 0);
  }
}

/** A header with a right checksum whose fields may then be anything. */
function rawHeader(change: (block: Buffer) => void, path = "f"): Buffer {
  const block = Buffer.from(
    encodeEntryHeader({ type: "file", path, mode: 0o644, size: 0, content: { bytes: Buffer.alloc(0) } }, 0),
  );
  change(block);
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

describe("readTar", () => {
  it("reads back what the writer wrote, however it is cut", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(treeArbitrary(), sizes, async (entries, cuts) => {
        expect(found(await readAll(tarOf(entries), cuts))).toEqual(described(entries));
      }),
      { numRuns: 60 },
    );
  });

  for (const format of ["gnu", "oldgnu", "posix", "ustar", "v7"]) {
    it(`reads GNU tar's ${format} format`, async () => {
      const plain = format === "ustar" || format === "v7";
      await fc.assert(
        fc.asyncProperty(treeArbitrary({ plain }), async (entries) => {
          using directory = scratch();
          materialize(directory.path, entries);
          const args = [`--format=${format}`, "--owner=5", "--group=6", "--no-recursion", "-cf", "-"];
          const names = entries.map((entry) => `./${entry.path}\n`).join("");
          const tar = run("tar", [...args, "-T", "-"], Buffer.from(names), directory.path);
          const read = await readAll(tar, [1000]);
          const clean = read.map((entry) => ({
            ...entry,
            path: normalizeEntryPath(entry.path, "it") + (entry.type === "directory" ? "/" : ""),
            linkname: entry.type === "hardlink" ? normalizeEntryPath(entry.linkname, "it") : entry.linkname,
            // GNU tar says of hard links and symbolic links what the file system has.
            ...(entry.type === "symlink" && { mode: 0o777, mtime: 0 }),
          }));
          const files = new Map(entries.map((entry) => [entry.path, entry]));
          const wanted = entries.map((entry): Entry => {
            if (entry.type !== "hardlink") return entry;
            const { mode, mtime = 0 } = files.get(entry.target) ?? entry;
            return { ...entry, mode, mtime };
          });
          expect(found(clean)).toEqual(described(wanted));
          expect(read.every(({ uid, gid }) => uid === 5 && gid === 6)).toBe(true);
        }),
        { numRuns: 12 },
      );
    });
  }

  it("reads the sizes of files beyond 8 GiB as GNU tar writes them, and so as we do", async () => {
    using directory = scratch();
    const size = 9 * 2 ** 30 + 7;
    const path = join(directory.path, "big");
    writeFileSync(path, "");
    truncateSync(path, size);
    chmodSync(path, 0o644);
    utimesSync(path, 0, 0);
    const ours = Buffer.from(
      encodeEntryHeader({ type: "file", path: "big", mode: 0o644, size, content: { file: path } }, 0),
    );
    const headers = [ours];
    for (const format of ["gnu", "posix"]) {
      const command = `tar --format=${format} --owner=:0 --group=:0 -cf - big | head -c 2048`;
      headers.push(spawnSync("sh", ["-c", command], { cwd: directory.path }).stdout);
    }
    for (const header of headers) {
      const seen: unknown[] = [];
      await readTar(chunked(header), ({ path: name, type, mode, uid, gid, size: bytes, mtime }) => {
        seen.push({ name, type, mode, uid, gid, bytes, mtime });
        return "stop";
      });
      expect(seen).toEqual([
        { name: "big", type: "file", mode: 0o644, uid: 0, gid: 0, bytes: size, mtime: 0 },
      ]);
    }
  });

  it("gives sparse files with their holes", async () => {
    using directory = scratch();
    const path = join(directory.path, "sparse");
    const fd = openSync(path, "w");
    // More segments than a header holds, data at the start and a hole at the end.
    for (let part = 0; part < 40; part++) writeSync(fd, Buffer.alloc(4096, part + 1), 0, 4096, part * 65_536);
    closeSync(fd);
    truncateSync(path, 3_000_000);
    const whole = run("cat", [path]);
    const formats = [
      ["--format=gnu"],
      ["--format=posix", "--sparse-version=0.0"],
      ["--format=posix", "--sparse-version=0.1"],
      ["--format=posix", "--sparse-version=1.0"],
    ];
    for (const format of formats) {
      const tar = run("tar", [...format, "-S", "-cf", "-", "sparse", "sparse"], undefined, directory.path);
      expect(tar.length, format.join(" ")).toBeLessThan(600_000);
      const read = await readAll(tar, [700]);
      expect(read.map((entry) => entry.path)[0], format.join(" ")).toBe("sparse");
      expect(read[0]?.size).toBe(3_000_000);
      expect(read[0]?.content.equals(whole), format.join(" ")).toBe(true);
      // The second occurrence is a hard link, found only where the first was passed over exactly.
      const skipped: string[] = [];
      await readTar(chunked(tar), (header) => {
        skipped.push(header.type);
      });
      expect(skipped).toEqual(read.map((entry) => entry.type));
    }
  });

  it("reports devices, pipes and whiteouts as what they are", async () => {
    const tar = Buffer.concat([
      rawHeader((block) => {
        block.write("3", 156, "latin1");
        block.write("0000010\0", 329, "latin1");
        block.write("0000003\0", 337, "latin1");
      }, "dev/x"),
      rawHeader((block) => block.write("4", 156, "latin1"), "dev/y"),
      rawHeader((block) => block.write("6", 156, "latin1"), "dev/z"),
      rawHeader(() => undefined, "dev/.wh..wh..opq"),
      rawHeader((block) => block.write("Z", 156, "latin1"), "odd"),
      Buffer.alloc(1024),
    ]);
    const read = await readAll(tar);
    expect(read.map(({ path, type, major, minor }) => [path, type, major, minor])).toEqual([
      ["dev/x", "character-device", 8, 3],
      ["dev/y", "block-device", 0, 0],
      ["dev/z", "fifo", 0, 0],
      ["dev/.wh..wh..opq", "file", 0, 0],
      ["odd", "other", 0, 0],
    ]);
  });

  it("gives the head first and then all of it, and skips what isn't asked for", async () => {
    const bytes = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));
    const names = ["a", "b", "c", "d"];
    const tar = tarOf(
      names.map((path) => ({ type: "file", path, mode: 0o644, size: 5000, content: { bytes } })),
    );
    for (const cut of [1, 300, 512, 10_000, 1 << 20]) {
      const seen: Record<string, Buffer> = {};
      await readTar(chunked(tar, [cut]), async ({ path }, content) => {
        if (path === "b") seen[path] = Buffer.from(await content.head(10));
        if (path === "c") {
          expect(Buffer.from(await content.head(4)).equals(bytes.subarray(0, 4))).toBe(true);
          expect(Buffer.from(await content.head(1000)).equals(bytes.subarray(0, 1000))).toBe(true);
          seen[path] = await content.bytes();
        }
        if (path === "d") seen[path] = Buffer.from(await content.head(9999));
      });
      expect(Object.keys(seen)).toEqual(["b", "c", "d"]);
      expect(seen["b"]?.equals(bytes.subarray(0, 10))).toBe(true);
      expect(seen["c"]?.equals(bytes) && seen["d"]?.equals(bytes)).toBe(true);
    }
  });

  it("stops when told, and closes the source", async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* chunked(tarOf(["a", "b"].map((path) => ({ type: "directory", path, mode: 0o755 }))), [512]);
      } finally {
        closed = true;
      }
    }
    const seen: string[] = [];
    await readTar(source(), ({ path }) => {
      seen.push(path);
      return "stop";
    });
    expect(seen).toEqual(["a/"]);
    expect(closed).toBe(true);
  });

  it("reads the source to its end, past the end mark", async () => {
    const tar = Buffer.concat([tarOf([]), Buffer.alloc(9000, 1)]);
    let delivered = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunked(tar, [512])) {
        delivered += chunk.length;
        yield chunk;
      }
    }
    await readTar(source(), () => undefined);
    expect(delivered).toBe(tar.length);
  });

  it("refuses what is cut off, wherever", async () => {
    const content = { bytes: Buffer.alloc(700, 7) };
    const whole = tarOf([{ type: "file", path: "é", mode: 0o644, size: 700, content }]);
    const atEnd = whole.length - 1024;
    for (let length = 1; length < atEnd; length += 97) {
      await expect(readAll(whole.subarray(0, length)), `${length}`).rejects.toEqual(invalid);
    }
    // Without the end mark all entries are still there.
    expect(await readAll(whole.subarray(0, atEnd))).toHaveLength(1);
  });

  it("never hangs or crashes on damaged archives", async () => {
    const base = tarOf([
      { type: "file", path: "d".repeat(300), mode: 0o644, size: 3, content: { bytes: Buffer.from("abc") } },
      { type: "symlink", path: "é", mode: 0o777, target: "x".repeat(200) },
    ]);
    const damage = fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const tar = Buffer.from(base);
        for (const [at, value] of changes) tar[at] = value;
        try {
          await readAll(tar, [777], { maxBytes: 1 << 20 });
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^ARCHIVE_(?:INVALID|UNSAFE)$/);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("refuses malformed fields and says where", async () => {
    const octal = (at: number, text: string): Buffer => rawHeader((block) => block.write(text, at, "latin1"));
    const cases = [
      octal(124, "zzzzzzzzzzz"),
      octal(100, "7x "),
      rawHeader((block) => block.fill(0xff, 124, 136)),
      rawHeader((block) => block.fill(0x7f, 124, 136).writeUInt8(0x80, 124)),
      rawHeader((block) => block.fill(0, 0, 100)),
    ];
    for (const block of cases) {
      await expect(readAll(Buffer.concat([block, Buffer.alloc(1024)]))).rejects.toEqual(invalid);
    }
    const good = tarOf([{ type: "directory", path: "d", mode: 0o755 }]).subarray(0, 512);
    const broken = Buffer.concat([good, Buffer.alloc(512, 1)]);
    await expect(readAll(broken, undefined, { name: "Layer 3" })).rejects.toThrow(
      /^Layer 3 is corrupt: in the entry at byte 512,/,
    );
  });

  it("refuses extended headers that lie", async () => {
    const pax = (records: string): Buffer => {
      const header = rawHeader((block) => {
        block.write("x", 156, "latin1");
        block.write(records.length.toString(8).padStart(11, "0"), 124, "latin1");
      });
      return Buffer.concat([header, Buffer.from(records.padEnd(512, "\0")), rawHeader(() => undefined)]);
    };
    expect((await readAll(pax("10 path=b\n")))[0]?.path).toBe("b");
    for (const records of [
      "99 path=b\n",
      "10 pathxb\n",
      "8 path=b\n",
      "x",
      "12 size=-10\n",
      "11 size=1x\n",
    ]) {
      await expect(readAll(pax(records)), records).rejects.toEqual(invalid);
    }
    const huge = rawHeader((block) => {
      block.write("L", 156, "latin1");
      block.write("77777777777", 124, "latin1");
    });
    await expect(readAll(huge)).rejects.toEqual(unsafe);
    await expect(readAll(pax("10 path=b\n").subarray(0, 1024))).rejects.toEqual(invalid);
  });

  it("refuses sparse maps that lie", async () => {
    const sparse = (change: (block: Buffer) => void): Buffer =>
      rawHeader((block) => {
        block.write("S", 156, "latin1");
        block.write("00000001000", 124, "latin1");
        block.write("00000000000\u000000000001000\u0000", 386, "latin1");
        block.write("00000001000", 483, "latin1");
        change(block);
      });
    const data = Buffer.alloc(512 + 1024, 0).fill(5, 0, 512);
    expect((await readAll(Buffer.concat([sparse(() => undefined), data])))[0]?.content[511]).toBe(5);
    const lies = [
      sparse((block) => block.write("00000000777", 483, "latin1")),
      sparse((block) => block.write("00000000777", 398, "latin1")),
      sparse((block) => block.write("00000000001", 386, "latin1")),
    ];
    for (const block of lies) await expect(readAll(Buffer.concat([block, data]))).rejects.toEqual(invalid);
  });

  it("holds to its limits", async () => {
    const entry = (path: string): Entry => ({
      type: "file",
      path,
      mode: 0o644,
      size: 100,
      content: { bytes: Buffer.alloc(100) },
    });
    const tar = tarOf([entry("a"), entry("b"), entry("c")]);
    expect(await readAll(tar, undefined, { maxEntries: 3, maxBytes: 300 })).toHaveLength(3);
    await expect(readAll(tar, undefined, { maxEntries: 2 })).rejects.toEqual(unsafe);
    await expect(readAll(tar, undefined, { maxBytes: 299 })).rejects.toEqual(unsafe);
    await readTar(chunked(tar), async (_, content) => {
      await expect(content.bytes(99)).rejects.toEqual(unsafe);
    });
  });

  it("stops on an abort", async () => {
    const controller = new AbortController();
    const tar = tarOf(["a", "b"].map((path) => ({ type: "directory", path, mode: 0o755 })));
    const reading = readTar(chunked(tar), () => controller.abort(), { signal: controller.signal });
    await expect(reading).rejects.toHaveProperty("name", "AbortError");
  });
});

describe("entry paths", () => {
  it("normalises what is harmless", () => {
    const cases = {
      "./a/b/": "a/b",
      "a//b": "a/b",
      "./": "",
      ".": "",
      "a/./b": "a/b",
      ".a/..b/c..": ".a/..b/c..",
    };
    for (const [path, wanted] of Object.entries(cases)) expect(normalizeEntryPath(path, "it")).toBe(wanted);
  });

  it("refuses what could leave the root", () => {
    for (const path of ["/a", "..", "a/..", "../a", "a/../../b", "a\0", ""]) {
      expect(() => normalizeEntryPath(path, "it"), path).toThrow(
        expect.objectContaining({ code: "ARCHIVE_UNSAFE" }),
      );
      expect(() => assertSafePath(path, "it"), path).toThrow(
        expect.objectContaining({ code: "ARCHIVE_UNSAFE" }),
      );
    }
  });

  it("accepts nothing that resolves outside", () => {
    const path = fc.string({ unit: fc.constantFrom("a", ".", "/", "\0"), maxLength: 8 });
    fc.assert(
      fc.property(path, (text) => {
        let normalized: string;
        try {
          normalized = normalizeEntryPath(text, "it");
        } catch {
          return;
        }
        expect(`/root/${normalized}`.startsWith("/root/")).toBe(true);
        expect(join("/root", text).startsWith("/root")).toBe(true);
        expect(join("/root", text).replace(/\/$/, "")).toBe(join("/root", normalized).replace(/\/$/, ""));
      }),
    );
  });
});
