import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { type Compression, decompressLayer } from "../../archive/decompress.ts";
import { digestHex, digestOf } from "../../oci/digest.ts";
import { type ExpectedFile, mismatch } from "./download.ts";

/** The fields of Packages that choosing packages needs; the rest is most of the file. */
const keptFields: ReadonlySet<string> = new Set([
  ..."Package Version Architecture Multi-Arch Essential Important Priority Provides Pre-Depends Depends".split(
    " ",
  ),
  ..."Conflicts Breaks Replaces Recommends Suggests Enhances Protected Filename Size SHA256".split(" "),
]);

/** A Packages file as it was fetched, to be made smaller: plain data, for it may go to another thread. */
export interface FetchedIndex {
  readonly body: Uint8Array;
  readonly compression: Compression;
  readonly url: string;
  /** What the release says of the decompressed file. */
  readonly plain: ExpectedFile;
}

/**
 * Decompresses, checks and reduces a Packages file to what choosing packages needs, in latin1. Throws
 * ARCHIVE_INVALID and HASH_MISMATCH.
 */
export async function reduceFetchedIndex({
  body,
  compression,
  url,
  plain,
}: FetchedIndex): Promise<Uint8Array> {
  const hash = createHash("sha256");
  const reducer = new IndexReducer();
  let size = 0;
  for await (const chunk of decompressLayer(Readable.from([body]), compression, url)) {
    hash.update(chunk);
    size += chunk.byteLength;
    reducer.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1"));
  }
  const actual = hash.digest("hex");
  if (compression !== "none" && size === plain.size && actual !== plain.sha256)
    throw mismatch(new URL(url), plain, `its sha256 is ${actual}`);
  return Buffer.from(reducer.end(), "latin1");
}

/** Throws HASH_MISMATCH where the bytes aren't the expected ones. */
export function checkFile(body: Uint8Array, expected: ExpectedFile, url: URL): void {
  if (body.length !== expected.size)
    throw mismatch(url, expected, `it has ${body.length} bytes, not ${expected.size}`);
  const actual = digestHex(digestOf(body));
  if (actual !== expected.sha256) throw mismatch(url, expected, `its sha256 is ${actual}`);
}

/** Leaves out the fields that nobody here reads. `text` is latin1: what is kept is ASCII. */
export function reduceIndex(text: string): string {
  const reducer = new IndexReducer();
  reducer.push(text);
  return reducer.end();
}

/** The same piece by piece: the whole file is three times what is kept of it. */
class IndexReducer {
  readonly #pieces: string[] = [];
  #rest = "";
  #keeping = false;
  /** Whether what was kept last was a field: an empty line may follow. */
  #inStanza = false;

  push(text: string): void {
    const end = text.lastIndexOf("\n") + 1;
    if (end > 0) this.#lines(this.#rest + text.slice(0, end));
    this.#rest = end > 0 ? text.slice(end) : this.#rest + text;
  }

  end(): string {
    if (this.#rest !== "") this.push("\n");
    if (this.#inStanza) this.#pieces.push("\n");
    return this.#pieces.join("");
  }

  #lines(text: string): void {
    const kept: string[] = [];
    for (let start = 0, end = 0; start < text.length; start = end + 1) {
      end = text.indexOf("\n", start);
      const first = text.charCodeAt(start);
      if (end === start) {
        if (this.#inStanza) kept.push("\n");
        this.#inStanza = false;
        this.#keeping = false;
        continue;
      }
      const continued = first === 32 || first === 9;
      if (!continued) this.#keeping = keptFields.has(text.slice(start, text.indexOf(":", start)));
      if (!this.#keeping) continue;
      kept.push(text.slice(start, end + 1));
      this.#inStanza = true;
    }
    // One flat text: slices would keep all of `text` in memory.
    if (kept.length > 0) this.#pieces.push(kept.join(""));
  }
}
