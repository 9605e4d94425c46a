import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { ModuleKind, ScriptTarget, transpileModule } from "typescript";
import { describe, expect, it, vi } from "vitest";
import {
  type Compression,
  decompressLayer,
  type DecompressOptions,
  detectCompression,
} from "../../../src/archive/decompress.ts";
import { chunked, collect, run, scratch } from "./tree.ts";

// Real programs are run, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const bytes = Buffer.concat([
  Buffer.from("a layer ".repeat(60_000)),
  randomBytes(300_000),
  Buffer.alloc(500_000),
]);

const programs: Readonly<Record<Exclude<Compression, "auto">, (input: Buffer) => Buffer>> = {
  none: (input) => input,
  gzip: (input) => run("gzip", ["-c"], input),
  zstd: (input) => run("zstd", ["-c"], input),
  xz: (input) => run("xz", ["-c"], input),
};

/** The chunks in memory of their own, as files are read. */
async function* owned(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Uint8Array.from(chunk);
}

const invalid = expect.objectContaining({ code: "ARCHIVE_INVALID" }) as unknown;

describe.each([
  ["keeping memory", {}],
  ["giving memory back", { transient: true, ownsSource: true }],
])("decompressLayer, %s", (_, memory: DecompressOptions) => {
  const decompress = (
    source: AsyncIterable<Uint8Array>,
    compression: Compression,
    name?: string,
  ): AsyncIterable<Uint8Array> =>
    decompressLayer(memory.ownsSource === true ? owned(source) : source, compression, name, memory);
  const unpack = (packed: Uint8Array, compression: Compression, cut = 65_536): Promise<Buffer> =>
    collect(decompress(chunked(packed, [cut]), compression));

  for (const [name, pack] of Object.entries(programs)) {
    const compression = name as Exclude<Compression, "auto">;

    it(`reads what the ${name} program wrote, named or recognised`, async () => {
      const packed = pack(bytes);
      expect((await unpack(packed, compression)).equals(bytes)).toBe(true);
      expect((await unpack(packed, "auto", 1000)).equals(bytes)).toBe(true);
      const small = pack(Buffer.from("small"));
      expect((await unpack(small, "auto", 1)).toString()).toBe("small");
      expect(detectCompression(packed)).toBe(compression);
    });

    if (compression === "none") continue;

    it(`refuses ${name} data that is cut off or damaged, and names it`, async () => {
      const packed = pack(bytes);
      for (const length of [packed.length - 1, packed.length >> 1, 20, 0]) {
        await expect(unpack(packed.subarray(0, length), compression), `${length}`).rejects.toEqual(invalid);
      }
      const damaged = Buffer.from(packed).fill(0xff, 40, 80);
      const reading = collect(decompress(chunked(damaged), compression, "Layer 2"));
      await expect(reading).rejects.toThrow(new RegExp(`^Layer 2 isn't whole ${name} data`));
      // The decoder is free again afterwards.
      expect((await unpack(packed, compression)).equals(bytes)).toBe(true);
    });

    it(`passes on errors of a ${name} source as they are, and reads it to its end`, async () => {
      const packed = pack(bytes);
      async function* failing(after: number): AsyncGenerator<Uint8Array> {
        yield* chunked(packed.subarray(0, after), [10_000]);
        throw new Error("digest mismatch");
      }
      for (const after of [0, 15_000, packed.length]) {
        const reading = collect(decompress(failing(after), compression));
        await expect(reading, `${after}`).rejects.toThrow(/^digest mismatch$/);
      }
    });

    it(`closes a ${name} source that isn't read to its end`, async () => {
      let closed = false;
      async function* source(): AsyncGenerator<Uint8Array> {
        try {
          yield* chunked(pack(bytes), [1000]);
        } finally {
          closed = true;
        }
      }
      for await (const chunk of decompress(source(), compression)) {
        expect(chunk.length).toBeGreaterThan(0);
        break;
      }
      await new Promise(setImmediate);
      expect(closed).toBe(true);
      // And another can be read.
      expect((await unpack(pack(Buffer.from("next")), compression)).toString()).toBe("next");
    });
  }

  it("reads several gzip members, padding and all", async () => {
    const parts = [Buffer.from("one"), bytes, Buffer.alloc(0), Buffer.from("four")];
    const packed = Buffer.concat(parts.map((part) => gzipSync(part)));
    const padded = Buffer.concat([packed, Buffer.alloc(200_000)]);
    for (const cut of [997, 65_536])
      expect((await unpack(packed, "gzip", cut)).equals(Buffer.concat(parts))).toBe(true);
    expect((await unpack(padded, "gzip")).equals(Buffer.concat(parts))).toBe(true);
  });

  it("reads a padded source to its end, for its digest may be wrong", async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield gzipSync("x");
      for (let index = 0; index < 40; index++) yield Buffer.alloc(65_536);
      throw new Error("digest mismatch");
    }
    await expect(collect(decompress(failing(), "gzip"))).rejects.toThrow("digest mismatch");
  });

  it("reads several zstd frames, skippable ones among them, of any kind", async () => {
    const skippable = Buffer.concat([Buffer.from("502a4d1803000000", "hex"), Buffer.from("abc")]);
    const frames = [
      skippable,
      run("zstd", ["-c", "-19", "--no-check"], bytes),
      skippable,
      run("zstd", ["-c", "--long=27"], Buffer.concat([bytes, bytes])),
      run("zstd", ["-c", "--no-content-size"], Buffer.alloc(300_000, 1)),
      run("zstd", ["-c"], Buffer.alloc(0)),
      run("zstd", ["-c"], Buffer.from("end")),
    ];
    const wanted = Buffer.concat([bytes, bytes, bytes, Buffer.alloc(300_000, 1), Buffer.from("end")]);
    for (const cut of [997, 65_536, 1 << 24]) {
      expect((await unpack(Buffer.concat(frames), "auto", cut)).equals(wanted)).toBe(true);
    }
    await expect(unpack(Buffer.concat([...frames, Buffer.from("junk")]), "zstd")).rejects.toEqual(invalid);
  });

  it("reads xz of several blocks, and several at once", async () => {
    const streams = [bytes.subarray(0, 1000), bytes.subarray(1000)];
    const packed = Buffer.concat(
      streams.map((part) => run("xz", ["-c", "-T2", "--block-size=100000"], part)),
    );
    const all = await Promise.all([1, 2, 3].map(() => unpack(packed, "xz", 5000)));
    expect(all.every((result) => result.equals(bytes))).toBe(true);
  });

  it("decompresses any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 400 }),
        fc.constantFrom("gzip", "zstd", "xz"),
        fc.integer({ min: 1, max: 50 }),
        async (input, name, cut) => {
          const packed = spawnSync(name, ["-c"], { input }).stdout;
          expect((await unpack(packed, "auto", cut)).equals(Buffer.from(input))).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("finds its libraries in Node.js itself, which sees less of CommonJS than test runners do", () => {
    using directory = scratch();
    const root = join(import.meta.dirname, "../../..");
    symlinkSync(realpathSync(join(root, "node_modules")), join(directory.path, "node_modules"));
    writeFileSync(join(directory.path, "package.json"), '{"type":"module"}');
    const options = {
      target: ScriptTarget.ES2023,
      module: ModuleKind.ESNext,
      rewriteRelativeImportExtensions: true,
    };
    for (const area of ["archive", "errors", "oci"]) {
      mkdirSync(join(directory.path, area));
      for (const name of readdirSync(join(root, "src", area))) {
        const { outputText } = transpileModule(readFileSync(join(root, "src", area, name), "utf8"), {
          compilerOptions: options,
        });
        writeFileSync(join(directory.path, area, name.replace(/\.ts$/, ".js")), outputText);
      }
    }
    const program = `
      import { decompressLayer } from "./archive/decompress.js";
      import { openZip } from "./archive/zip-reader.js";
      for await (const chunk of decompressLayer(process.stdin, "auto")) process.stdout.write(chunk);
      await openZip("none").catch((error) => process.stdout.write(" " + error.code));`;
    writeFileSync(join(directory.path, "main.js"), program);
    for (const name of ["xz", "zstd", "gzip"]) {
      const packed = run(name, ["-c"], Buffer.from("content"));
      const output = run(process.execPath, ["main.js"], packed, directory.path).toString();
      expect(output).toBe("content INPUT_UNREADABLE");
    }
  });
});
