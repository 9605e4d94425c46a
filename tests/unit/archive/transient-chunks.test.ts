import { randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decompressLayer } from "../../../src/archive/decompress.ts";
import type { Entry } from "../../../src/archive/entry.ts";
import { releaseMemory } from "../../../src/archive/release-memory.ts";
import { readTar } from "../../../src/archive/tar-reader.ts";
import { tarBlocks } from "../../../src/archive/tar-writer.ts";

/** Zlib's output comes in chunks of 256 KiB: headers, long names and contents lie across their borders. */
function makeTar(): { readonly tar: Buffer; readonly contents: ReadonlyMap<string, Buffer> } {
  const contents = new Map<string, Buffer>();
  const entries = Array.from({ length: 600 }, (_, at): Entry => {
    const path = `${"directory/".repeat(at % 40)}${"n".repeat(1 + (at % 200))}/${String(at).padStart(4, "0")}`;
    const bytes = randomBytes(1 + ((at * 7919) % 9001));
    contents.set(path, bytes);
    return { type: "file", path, mode: 0o644, size: bytes.byteLength, content: { bytes } };
  }).sort((a, b) => (a.path < b.path ? -1 : 1));
  return { tar: Buffer.concat([...tarBlocks(entries)]), contents };
}

describe("transient chunks", () => {
  it("are read as tar though each chunk is gone when the next one is there", async () => {
    const { tar, contents } = makeTar();
    let released = 0;
    async function* gone(): AsyncGenerator<Uint8Array, void, undefined> {
      const source = Readable.from([gzipSync(tar)]);
      for await (const chunk of decompressLayer(source, "auto", "it", { transient: true })) {
        yield chunk;
        // What zlib still writes to isn't given back by it; here it may well be.
        chunk.fill(0xff);
        released++;
      }
    }
    const read = new Map<string, Buffer>();
    await readTar(gone(), async ({ path }, content) => {
      const head = Buffer.from(await content.head(Math.min(1024, content.size)));
      const all = await content.bytes();
      expect(all.subarray(0, head.byteLength).equals(head)).toBe(true);
      read.set(path, all);
    });
    expect(released).toBeGreaterThan(8);
    expect(read.size).toBe(contents.size);
    for (const [path, bytes] of contents) expect(read.get(path)?.equals(bytes), path).toBe(true);
  });

  it.each([true, false])("are gone only where they are called so: %s", async (transient) => {
    const compressed = gzipSync(Buffer.alloc(4 << 20, "some text "));
    const chunks: Uint8Array[] = [];
    for await (const chunk of decompressLayer(Readable.from([compressed]), "gzip", "it", { transient }))
      chunks.push(chunk);
    expect(chunks).toHaveLength(16);
    expect(chunks.filter(({ byteLength }) => byteLength === 0)).toHaveLength(transient ? 16 : 0);
  });
});

describe("releaseMemory", () => {
  it("takes the memory away, but not that of the pool", () => {
    const large = Buffer.allocUnsafeSlow(1 << 20);
    releaseMemory(large.subarray(5, 9));
    expect(large.byteLength).toBe(0);
    const small = Buffer.from("in the pool");
    releaseMemory(small);
    expect(small.toString()).toBe("in the pool");
  });
});
