import { spawnSync } from "node:child_process";
import { appendFileSync, lstatSync, mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { readEntryContent, readEntryStart } from "../../../src/archive/entry-content.ts";
import type { Entry, FileEntry } from "../../../src/archive/entry.ts";
import { compareBytewise, sortEntries, withParents } from "../../../src/archive/sort-entries.ts";
import { encodeEntryHeader, tarBlocks, tarOutputSize } from "../../../src/archive/tar-writer.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { run, scratch, tarOf, treeArbitrary, treeOfEntries, treeOnDisk } from "./tree.ts";

// Real programs are run, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const file = (path: string, text = ""): Entry => ({
  type: "file",
  path,
  mode: 0o644,
  size: Buffer.byteLength(text),
  content: { bytes: Buffer.from(text) },
});

const code = (value: string): unknown => expect.objectContaining({ code: value });

describe("tarBlocks", () => {
  it("writes what GNU tar extracts unchanged", () => {
    fc.assert(
      fc.property(treeArbitrary(), (entries) => {
        using directory = scratch();
        // "a." sorts between "a" and "a/b"; like container runtimes, tar is to set times of directories at the end.
        const args = ["-xpf", "-", "--delay-directory-restore", "-C", directory.path];
        run("tar", args, tarOf(entries, 1_700_000_000));
        expect(treeOnDisk(directory.path)).toEqual(treeOfEntries(entries, 1_700_000_000));
        for (const entry of entries) {
          if (entry.type !== "hardlink") continue;
          const link = lstatSync(join(directory.path, entry.path));
          expect(link.ino).toBe(lstatSync(join(directory.path, entry.target)).ino);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("keeps setuid, sticky bits and owners", () => {
    const entries: Entry[] = [
      { type: "directory", path: "tmp", mode: 0o1777 },
      { ...file("tmp/su", "x"), mode: 0o4755, uid: 33, gid: 2097152 },
    ];
    const listing = run("tar", ["-tv", "--numeric-owner"], tarOf(sortEntries(entries))).toString();
    expect(listing).toMatch(/^drwxrwxrwt 0\/0 +0 1970-01-01 \S+ tmp\/$/m);
    expect(listing).toMatch(/^-rwsr-xr-x 33\/2097152 +1 1970-01-01 \S+ tmp\/su$/m);
  });

  it("uses plain ustar unless it isn't enough", () => {
    const long = `${"d".repeat(155)}/${"f".repeat(100)}`;
    const plain = tarOf([file("a".repeat(100)), file(long)]);
    expect(plain.length).toBe(4 * 512);
    expect(run("tar", ["-t"], plain).toString()).toBe(`${"a".repeat(100)}\n${long}\n`);
    expect(tarOf([file(`${"d".repeat(156)}/${"f".repeat(100)}`)]).length).toBe(5 * 512);
    expect(tarOf([file("é")]).length).toBe(5 * 512);
  });

  it("writes times before 1970 and names of any length", () => {
    const name = `${"x".repeat(200)}/`.repeat(6) + "end";
    const tar = tarOf([{ ...file(name), mtime: -86_400 }]);
    const env = { ...process.env, TZ: "UTC" };
    const listing = spawnSync("tar", ["-tv"], { input: tar, env }).stdout.toString();
    expect(listing).toContain("1969-12-31");
    expect(listing.trimEnd().endsWith(name)).toBe(true);
  });

  it("reads files in place, from an offset, over several blocks", () => {
    using directory = scratch();
    const path = join(directory.path, "large");
    const bytes = Buffer.alloc(3 * tarOutputSize + 12_345, "0123456789abcdef_");
    writeFileSync(path, bytes);
    const entries: Entry[] = [
      { type: "file", path: "all", mode: 0o600, size: bytes.length, content: { file: path } },
      { type: "file", path: "slice", mode: 0o600, size: 1000, content: { file: path, offset: 2_000_001 } },
    ];
    const blocks = [...tarBlocks(entries)];
    expect(blocks.slice(0, -1).every((block) => block.length === tarOutputSize)).toBe(true);
    const out = join(directory.path, "out");
    mkdirSync(out);
    run("tar", ["-xf", "-", "-C", out], Buffer.concat(blocks));
    expect(run("cat", [join(out, "all")]).equals(bytes)).toBe(true);
    expect(run("cat", [join(out, "slice")]).equals(bytes.subarray(2_000_001, 2_001_001))).toBe(true);
  });

  it("notices files that change, shrink, grow or go away", () => {
    using directory = scratch();
    const path = join(directory.path, "file");
    writeFileSync(path, "12345");
    const entry: Entry = { type: "file", path: "f", mode: 0o644, size: 5, content: { file: path } };
    expect(tarOf([entry]).length).toBe(4 * 512);
    truncateSync(path, 4);
    expect(() => tarOf([entry])).toThrow(code("APP_FILE_CHANGED"));
    appendFileSync(path, "56");
    expect(() => tarOf([entry])).toThrow(code("APP_FILE_CHANGED"));
    const gone: Entry = { ...entry, content: { file: `${path}-gone` } };
    expect(() => tarOf([gone])).toThrow(code("APP_FILE_CHANGED"));
    const slice: Entry = { ...entry, content: { file: path, offset: 2 } };
    expect(() => tarOf([slice])).toThrow(code("APP_FILE_CHANGED"));
  });

  it("refuses a slice whose bytes aren't those of its digest any more", () => {
    using directory = scratch();
    const path = join(directory.path, "data");
    // Long enough to be cut by the end of an output block.
    const text = "before".repeat(100_000) + "slice".repeat(400_000) + "after";
    writeFileSync(path, text);
    const content = { file: path, offset: 600_000 };
    const digest = digestOf("slice".repeat(400_000));
    const entry: FileEntry = { type: "file", path: "f", mode: 0o644, size: 2_000_000, content, digest };
    expect(
      tarOf([entry])
        .subarray(512, 512 + 2_000_000)
        .equals(Buffer.from(text).subarray(600_000, 2_600_000)),
    ).toBe(true);
    expect(readEntryContent(entry).byteLength).toBe(2_000_000);
    expect(readEntryStart(entry, 7).toString()).toBe("slicesl");
    writeFileSync(path, text.replace("slices", "slicEs"));
    const failure = expect.objectContaining({ code: "APP_FILE_CHANGED", details: { path: "f", file: path } });
    expect(() => tarOf([entry])).toThrow(failure);
    expect(() => readEntryContent(entry)).toThrow(failure);
    truncateSync(path, 600_100);
    expect(() => readEntryContent(entry)).toThrow(failure);
  });

  it("refuses unsafe and repeated paths, disorder and dangling links", () => {
    for (const path of ["/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "./a", "", "a\0b", "\ud800"]) {
      expect(() => tarOf([file(path)]), path).toThrow(code("ARCHIVE_UNSAFE"));
    }
    expect(() => tarOf([file("a"), file("a")])).toThrow(code("APP_FILE_CONFLICT"));
    expect(() => tarOf([file("b"), file("a")])).toThrow(code("INTERNAL"));
    const link: Entry = { type: "hardlink", path: "b", mode: 0o644, target: "a" };
    expect(() => tarOf([link])).toThrow(code("ARCHIVE_INVALID"));
    expect(() => tarOf([{ type: "symlink", path: "l", mode: 0o777, target: "" }])).toThrow(
      code("ARCHIVE_UNSAFE"),
    );
  });

  it("describes files of 8 GiB and more as GNU tar understands them", () => {
    const size = 9 * 2 ** 30 + 7;
    const entry: Entry = { type: "file", path: "big", mode: 0o644, size, content: { file: "/nowhere" } };
    const header = Buffer.from(encodeEntryHeader(entry, 0));
    const listing = spawnSync("tar", ["-tv"], { input: header }).stdout.toString();
    expect(listing).toContain(` ${size} `);
    const fits: Entry = { ...entry, size: 8 * 2 ** 30 - 1 };
    expect(encodeEntryHeader(fits, 0).length).toBe(512);
  });
});

describe("sortEntries and withParents", () => {
  it("orders as UTF-8 bytes are ordered", () => {
    const name = fc.string({
      unit: fc.constantFrom("a", "b", "/", ".", "é", "\uffee", "𝒳", "\ue000"),
      maxLength: 5,
    });
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(Math.sign(compareBytewise(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it("adds the parents that are missing and keeps those that are there", () => {
    const entries = withParents([file("a/b/c"), { type: "directory", path: "a", mode: 0o700 }, file("z")]);
    expect(entries.map(({ path, type, mode }) => `${path} ${type} ${mode.toString(8)}`)).toEqual([
      "a directory 700",
      "a/b directory 755",
      "a/b/c file 644",
      "z file 644",
    ]);
  });

  it("refuses files below files and links", () => {
    expect(() => withParents([file("a"), file("a/b")])).toThrow(code("APP_FILE_CONFLICT"));
    const link: Entry = { type: "symlink", path: "lib", mode: 0o777, target: "usr/lib" };
    expect(() => withParents([file("lib/x"), link])).toThrow(code("APP_FILE_CONFLICT"));
  });

  it("makes the first name of a hard-linked file the file", () => {
    const target = { ...file("m", "text"), mode: 0o755, uid: 7 };
    const link = (path: string): Entry => ({ type: "hardlink", path, mode: 0, target: "m" });
    const sorted = sortEntries([link("z"), target, link("b"), link("a")]);
    expect(sorted.map(({ path, type }) => `${path} ${type}`)).toEqual([
      "a file",
      "b hardlink",
      "m hardlink",
      "z hardlink",
    ]);
    expect(sorted[0]).toEqual({ ...target, path: "a" });
    expect(sorted[3]).toEqual({ type: "hardlink", path: "z", mode: 0o755, uid: 7, target: "a" });
  });
});
