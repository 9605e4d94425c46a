import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { BlobCache } from "../../../src/stores/blob-cache.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "anyarch-cache-"));
});
afterEach(() => rmSync(dir, { recursive: true }));
const ctx = createContext(createNodeHost());

async function read(stream: Readable): Promise<string> {
  let text = "";
  for await (const chunk of stream as AsyncIterable<Buffer>) text += chunk.toString();
  return text;
}

describe("BlobCache", () => {
  const bytes = Buffer.from("blob");
  const descriptor = { mediaType: "x/y", digest: digestOf(bytes), size: bytes.length };

  it("fetches once, also when asked several times at once, and keeps the blob for others", async () => {
    const cache = new BlobCache(dir);
    let opened = 0;
    const open = () => {
      opened++;
      return Promise.resolve(Readable.from([bytes]));
    };
    expect(await cache.has(descriptor)).toBe(false);
    const streams = await Promise.all([1, 2, 3].map(() => cache.getOrFetch(descriptor, open, ctx)));
    expect(await Promise.all(streams.map(read))).toEqual(["blob", "blob", "blob"]);
    expect(opened).toBe(1);
    const other = new BlobCache(dir);
    expect(await other.has(descriptor)).toBe(true);
    expect(await other.ensure(descriptor, open, ctx)).toBe(
      join(dir, "blobs/sha256", descriptor.digest.slice(7)),
    );
    expect(readFileSync(other.pathOf(descriptor.digest), "utf8")).toBe("blob");
    expect(opened).toBe(1);
  });

  it("keeps nothing that isn't what its digest says, and can be asked again", async () => {
    const cache = new BlobCache(dir);
    const wrong = () => Promise.resolve(Readable.from([Buffer.from("blub")]));
    await expect(cache.getOrFetch(descriptor, wrong, ctx)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(readdirSync(join(dir, "blobs/sha256"))).toEqual([]);
    expect(await read(await cache.getOrFetch(descriptor, bytes, ctx))).toBe("blob");
  });

  it("finds out when a blob changed on the disk", async () => {
    const cache = new BlobCache(dir);
    const path = await cache.ensure(descriptor, bytes, ctx);
    writeFileSync(path, "blub");
    const stream = await cache.getOrFetch(descriptor, bytes, ctx);
    await expect(read(stream)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    expect(await cache.has(descriptor)).toBe(false);
    writeFileSync(path, "cut");
    expect(await read(await cache.getOrFetch(descriptor, bytes, ctx))).toBe("blob");
  });
});
