import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { AnyarchError } from "../../../src/errors/error.ts";
import { readLayer } from "../../../src/verify/layer-scanner.ts";
import { encodeEntryHeader } from "../../../src/archive/tar-writer.ts";
import { seededNumbers } from "../seeded-numbers.ts";
import { mutatedLayers } from "./mutated-layer.ts";

/** More inputs and another seed: see hostile-elf.test.ts; a hundredth of its number. */
const inputs = Math.ceil(Number(process.env["ANYARCH_FUZZ_INPUTS"] ?? 200_000) / 100);
const seed = Number(process.env["ANYARCH_FUZZ_SEED"] ?? 1);

const signal = new AbortController().signal;
/** Milliseconds of CPU for a layer of some 20 KiB, whatever sizes it claims. */
const tooSlow = 2000;

/** The bytes in pieces of any length, of which each is gone when the next one is there. */
async function* pieces(bytes: Uint8Array, next: () => number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length;) {
    const length = 1 + Math.floor(next() ** 3 * 8000);
    const piece = Uint8Array.from(bytes.subarray(at, at + length));
    at += length;
    yield piece;
    piece.fill(0xff);
  }
}

describe("readLayer on mutated layers", () => {
  it(
    `takes ${inputs} of them: what can't be read is said to be invalid or unsafe`,
    async () => {
      const next = seededNumbers(seed + 1);
      const counts: Record<string, number> = {};
      const wrong: string[] = [];
      let made = 0;
      for (const tar of mutatedLayers(seed, inputs)) {
        const before = process.cpuUsage();
        let outcome: string;
        try {
          const scan = await readLayer(pieces(tar, next), { name: "It", signal });
          outcome = "read";
          if (scan.diffID !== `sha256:${createHash("sha256").update(tar).digest("hex")}`)
            wrong.push("diffID");
        } catch (error) {
          outcome = error instanceof AnyarchError ? error.code : String((error as Error).stack);
        }
        counts[outcome] = (counts[outcome] ?? 0) + 1;
        const { user, system } = process.cpuUsage(before);
        if ((user + system) / 1000 > tooSlow) wrong.push(`input ${made} took ${(user + system) / 1000} ms`);
        made++;
      }
      expect(wrong).toEqual([]);
      expect(Object.keys(counts).toSorted()).toEqual(
        expect.arrayContaining(["ARCHIVE_INVALID", "ARCHIVE_UNSAFE", "read"]),
      );
      expect(Object.keys(counts)).toHaveLength(3);
      expect(counts["read"]).toBeGreaterThan(inputs / 10);
    },
    60_000 + 10 * inputs,
  );
});

/** An archive that goes on until its reader has enough, and how much of it was read. */
class Endless {
  bytes = 0;
  readonly #unit: Buffer;

  constructor(unit: Buffer) {
    this.#unit = Buffer.concat(Array.from({ length: Math.ceil((1 << 20) / unit.length) }, () => unit));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.bytes < 2 ** 32) {
      this.bytes += this.#unit.length;
      yield this.#unit;
    }
  }
}

function extension(typeflag: string, text: string): Buffer {
  const header = Buffer.from(
    encodeEntryHeader(
      { type: "file", path: "x", mode: 0o644, size: text.length, content: { bytes: Buffer.from(text) } },
      0,
    ),
  );
  header.write(typeflag, 156, "latin1");
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return Buffer.concat([header, Buffer.from(text), Buffer.alloc((512 - (text.length % 512)) % 512)]);
}

describe("readLayer on endless layers", () => {
  it.each([
    ["headers for one entry", extension("x", "11 path=ab\n"), 100 << 20],
    ["headers for the rest", extension("g", "12 comment=\n"), 10 << 20],
    ["long names", extension("L", "n".repeat(4000)), 10 << 20],
  ])("stops at endless %s", async (_, unit, limit) => {
    const source = new Endless(unit);
    await expect(readLayer(source, { name: "It", signal })).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
    expect(source.bytes).toBeLessThan(limit);
  });

  it("stops where the names take too much memory", async () => {
    const path = `20008 path=${"d".repeat(19_996)}\n`;
    expect(path).toHaveLength(20_008);
    const entry = Buffer.from(encodeEntryHeader({ type: "directory", path: "d", mode: 0o755 }, 0));
    const source = new Endless(Buffer.concat([extension("x", path), entry]));
    await expect(readLayer(source, { name: "It", signal })).rejects.toMatchObject({
      code: "ARCHIVE_UNSAFE",
      message: "It has more than 256 MiB of names: it was not read further.",
    });
    expect(source.bytes).toBeLessThan(400 << 20);
  });
});
