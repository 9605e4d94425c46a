import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { openZip } from "../../../src/archive/zip-reader.ts";
import { collect, run, scratch } from "./tree.ts";

// Real programs are run, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

/** Runs Python with `path` as the zip file to make; its zipfile module is the oracle. */
function python(path: string, lines: readonly string[]): void {
  const program = [
    "import sys, zipfile, warnings",
    "warnings.simplefilter('ignore')",
    "path = sys.argv[1]",
    ...lines,
  ];
  run("python3", ["-c", program.join("\n"), path]);
}

const invalid = (text: RegExp): unknown =>
  expect.objectContaining({ code: "ARCHIVE_INVALID", message: expect.stringMatching(text) as unknown });
const unsafe = expect.objectContaining({ code: "ARCHIVE_UNSAFE" }) as unknown;

const makeMixed = [
  "z = zipfile.ZipFile(path, 'w')",
  "z.writestr('pkg/__init__.py', '')",
  "z.writestr('pkg/data.txt', 'text ' * 50000, zipfile.ZIP_DEFLATED)",
  "z.writestr('pkg/é.bin', bytes(range(256)) * 10)",
  "i = zipfile.ZipInfo('bin/run'); i.external_attr = 0o100755 << 16; z.writestr(i, '#!/bin/sh\\n')",
  "i = zipfile.ZipInfo('lib/'); i.external_attr = (0o40755 << 16) | 16; z.writestr(i, '')",
  "i = zipfile.ZipInfo('link'); i.external_attr = 0o120777 << 16; z.writestr(i, 'bin/run')",
  "z.close()",
];

describe("openZip", () => {
  it("lists and reads what Python's zipfile wrote", async () => {
    using directory = scratch();
    const path = join(directory.path, "mixed.zip");
    python(path, makeMixed);
    using zip = await openZip(path);
    expect(
      zip.entries.map(({ name, size, mode, isDirectory, isSymlink }) => ({
        name,
        size,
        mode,
        isDirectory,
        isSymlink,
      })),
    ).toEqual([
      { name: "pkg/__init__.py", size: 0, mode: 0o600, isDirectory: false, isSymlink: false },
      { name: "pkg/data.txt", size: 250_000, mode: 0o600, isDirectory: false, isSymlink: false },
      { name: "pkg/é.bin", size: 2560, mode: 0o600, isDirectory: false, isSymlink: false },
      { name: "bin/run", size: 10, mode: 0o755, isDirectory: false, isSymlink: false },
      { name: "lib", size: 0, mode: 0o755, isDirectory: true, isSymlink: false },
      { name: "link", size: 7, mode: 0o777, isDirectory: false, isSymlink: true },
    ]);
    const wanted = ["", "text ".repeat(50_000), undefined, "#!/bin/sh\n", "", "bin/run"];
    for (const [index, entry] of zip.entries.entries()) {
      const content = zip.read(entry);
      if (wanted[index] !== undefined) expect(content.toString()).toBe(wanted[index]);
      expect((await collect(zip.stream(entry))).equals(content)).toBe(true);
    }
    expect(zip.find("pkg/data.txt")?.compressedSize).toBeLessThan(2000);
    expect(zip.find("nothing")).toBeUndefined();
  });

  it("reads any content, stored or deflated", async () => {
    using directory = scratch();
    const path = join(directory.path, "any.zip");
    const input = join(directory.path, "input");
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), fc.boolean(), async (bytes, deflate) => {
        writeFileSync(input, bytes);
        const method = deflate ? "zipfile.ZIP_DEFLATED" : "zipfile.ZIP_STORED";
        python(path, [
          `z = zipfile.ZipFile(path, 'w', ${method})`,
          `z.writestr('f', open(${JSON.stringify(input)}, 'rb').read())`,
          "z.close()",
        ]);
        using zip = await openZip(path);
        const [entry] = zip.entries;
        if (entry === undefined) throw new Error("no entry");
        expect(zip.read(entry).equals(Buffer.from(bytes))).toBe(true);
        expect((await collect(zip.stream(entry))).equals(Buffer.from(bytes))).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  it("reads zip64 and archives with data descriptors", async () => {
    using directory = scratch();
    const path = join(directory.path, "wide.zip");
    python(path, [
      "class Out:",
      "  def __init__(self): self.f = open(path, 'wb')",
      "  def write(self, b): return self.f.write(b)",
      "  def flush(self): self.f.flush()",
      "z = zipfile.ZipFile(Out(), 'w', zipfile.ZIP_DEFLATED)",
      "h = z.open('big', 'w', force_zip64=True); h.write(b'x' * 100000); h.close()",
      "z.close(); z.fp",
    ]);
    using zip = await openZip(path);
    expect(zip.entries.map((entry) => zip.read(entry).length)).toEqual([100_000]);
  });

  for (const name of ["../evil", "a/../../evil", "/etc/passwd", "..\\\\evil", "\\\\evil"]) {
    it(`refuses the name ${name}`, async () => {
      using directory = scratch();
      const path = join(directory.path, "evil.zip");
      python(path, ["z = zipfile.ZipFile(path, 'w')", `z.writestr('${name}', 'x')`, "z.close()"]);
      await expect(openZip(path)).rejects.toEqual(unsafe);
    });
  }

  it("refuses names that occur twice", async () => {
    using directory = scratch();
    const path = join(directory.path, "twice.zip");
    python(path, [
      "z = zipfile.ZipFile(path, 'w')",
      "z.writestr('a', '1')",
      "z.writestr('a', '2')",
      "z.close()",
    ]);
    await expect(openZip(path)).rejects.toEqual(
      invalid(/^a in .*twice\.zip is corrupt: the name occurs twice/),
    );
  });

  it("refuses content whose CRC, size or local name is wrong", async () => {
    using directory = scratch();
    const path = join(directory.path, "bad.zip");
    const reread = async (change: (bytes: Buffer) => void, deflate: boolean): Promise<void> => {
      const method = deflate ? "zipfile.ZIP_DEFLATED" : "zipfile.ZIP_STORED";
      python(path, [
        `z = zipfile.ZipFile(path, 'w', ${method})`,
        "z.writestr('file', 'content ' * 9)",
        "z.close()",
      ]);
      const bytes = readFileSync(path);
      change(bytes);
      writeFileSync(path, bytes);
      using zip = await openZip(path);
      const [entry] = zip.entries;
      if (entry === undefined) throw new Error("no entry");
      const why = /^file in .*bad\.zip is corrupt: /;
      expect(() => zip.read(entry)).toThrow(invalid(why));
      // What only the local header tells is found before there is a stream.
      await expect((async () => collect(zip.stream(entry)))()).rejects.toEqual(invalid(why));
    };
    const directoryAt = (bytes: Buffer): number => bytes.lastIndexOf("PK\u0001\u0002");
    const contentAt = 30 + "file".length;
    for (const deflate of [true, false]) {
      await reread((bytes) => bytes.writeUInt32LE(1234, directoryAt(bytes) + 16), deflate);
      await reread((bytes) => bytes.write("evil", 30), deflate);
      await reread((bytes) => bytes.write("XXXX", 0), deflate);
    }
    await reread((bytes) => bytes.fill(0xff, contentAt, contentAt + 6), true);
    await reread((bytes) => bytes.write("X", contentAt), false);
    // A bomb: more content than declared; and a lie the other way round.
    await reread((bytes) => bytes.writeUInt32LE(5, directoryAt(bytes) + 24), true);
    await reread((bytes) => bytes.writeUInt32LE(500, directoryAt(bytes) + 24), true);
    await reread((bytes) => bytes.writeUInt32LE(0x7fffffff, directoryAt(bytes) + 20), true);
    await reread((bytes) => bytes.writeUInt16LE(14, directoryAt(bytes) + 10), true);
  });

  it("refuses files that are cut off or no zip at all", async () => {
    using directory = scratch();
    const path = join(directory.path, "cut.zip");
    python(path, makeMixed);
    const whole = readFileSync(path);
    for (const length of [0, 10, whole.length >> 1, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length));
      await expect(openZip(path), `${length}`).rejects.toEqual(invalid(/cut\.zip is corrupt: /));
    }
    // The directory points beyond what is left of the start.
    writeFileSync(path, whole.subarray(1000));
    await expect(openZip(path)).rejects.toEqual(invalid(/cut\.zip is corrupt: /));
    await expect(openZip(join(directory.path, "nothing"))).rejects.toMatchObject({
      code: "INPUT_UNREADABLE",
    });
  });

  it("holds to its limits", async () => {
    using directory = scratch();
    const path = join(directory.path, "mixed.zip");
    python(path, makeMixed);
    await expect(openZip(path, { maxEntries: 5 })).rejects.toEqual(unsafe);
    await expect(openZip(path, { maxEntrySize: 249_999 })).rejects.toEqual(unsafe);
    await expect(openZip(path, { maxTotalSize: 250_000 })).rejects.toEqual(unsafe);
    (await openZip(path, { maxEntries: 6, maxEntrySize: 250_000, maxTotalSize: 260_000 })).close();
  });

  it("never crashes on damaged archives", async () => {
    using directory = scratch();
    const path = join(directory.path, "mixed.zip");
    python(path, makeMixed);
    const whole = readFileSync(path);
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        writeFileSync(path, bytes);
        try {
          using zip = await openZip(path, { maxEntrySize: 1 << 20 });
          for (const entry of zip.entries) {
            await collect(zip.stream(entry)).catch((error: { code?: string }) => {
              expect(error.code).toBe("ARCHIVE_INVALID");
            });
            zip.read(entry);
          }
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^ARCHIVE_(?:INVALID|UNSAFE)$/);
        }
      }),
      { numRuns: 150 },
    );
  });

  it("reads a file that was truncated after it was opened as an error", async () => {
    using directory = scratch();
    const path = join(directory.path, "mixed.zip");
    python(path, makeMixed);
    using zip = await openZip(path);
    truncateSync(path, 100);
    const entry = zip.find("pkg/data.txt");
    if (entry === undefined) throw new Error("no entry");
    expect(() => zip.read(entry)).toThrow(invalid(/cut off/));
    expect(existsSync(path)).toBe(true);
  });
});
