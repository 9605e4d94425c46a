import { describe, expect, it } from "vitest";
import { rangesOfInterest, readElfHeader } from "../../../src/verify/elf-header.ts";
import { type ElfFacts, readElf } from "../../../src/verify/elf.ts";
import { type RandomAccess, sourceOf } from "../../../src/verify/random-access.ts";
import { buildElf, machines } from "./elf-builder.ts";
import { elfSeeds, mutatedElf } from "./mutated-elf.ts";

/**
 * More inputs, another seed, and a directory of real files to begin from:
 *
 *     ANYARCH_FUZZ_INPUTS=1000000 ANYARCH_FUZZ_SEED=7 ANYARCH_FUZZ_FILES=DIR npx vitest run tests/unit/verify/hostile-elf.test.ts
 */
const inputs = Number(process.env["ANYARCH_FUZZ_INPUTS"] ?? 20_000);
const seed = Number(process.env["ANYARCH_FUZZ_SEED"] ?? 1);
const files = process.env["ANYARCH_FUZZ_FILES"];

/** Milliseconds of CPU for an input of at most 48 KiB: ordinary ones take a twentieth of one. */
const tooSlow = 50;
/** What is known of one file may take so many characters. */
const tooLong = 128 << 10;
/** Bytes that the heap and buffers may have more at the end than at the beginning. */
const tooMuch = 64 << 20;

function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The best of three where it seems slow: a garbage collection isn't the input's fault. */
function isSlow(work: () => void): boolean {
  for (let attempt = 0; attempt < 3; attempt++) if (cpuMs(work) <= tooSlow) return false;
  return true;
}

function held(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Counts what is asked of it. */
class Counted implements RandomAccess {
  readonly size: number;
  bytes = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, size: number = bytes.length) {
    this.#bytes = bytes;
    this.size = size;
  }

  read(offset: number, length: number): Uint8Array | undefined {
    this.bytes += length;
    return offset + length <= this.#bytes.length ? this.#bytes.subarray(offset, offset + length) : undefined;
  }
}

/** What is wrong with how the reader takes an input; undefined where nothing is. */
function complaint(input: Uint8Array, at: number): string | undefined {
  try {
    const whole = readElf(input);
    if (whole !== undefined && whole.kind !== "elf" && whole.kind !== "malformed") return "another kind";
    if (at % 8 === 0 && JSON.stringify(whole)?.length > tooLong) return "too long facts";
    readElfHeader(input);
    // A file of which only this beginning is at hand, of the largest size that a tar can say.
    const rest = readElf(sourceOf(input, 2 ** 43));
    if (rest?.kind !== whole?.kind && input.length >= 64) return "another kind of the beginning";
    const ranges = rangesOfInterest(input, 2 ** 30);
    if (ranges.length > 64) return "too many ranges";
    for (const { offset, length } of ranges)
      if (!(offset >= 0 && length > 0 && offset + length <= 2 ** 30)) return "a range outside";
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

describe("readElf on mutated files", () => {
  it(
    `takes ${inputs} of them without a crash, a pause or a growing heap`,
    () => {
      const wrong: string[] = [];
      const seeds = elfSeeds(files);
      const count = { read: 0, elf: 0, damaged: 0 };
      const started = { held: 0, ms: performance.now() };
      let most = 0;
      for (const input of mutatedElf(seed, inputs, seeds)) {
        const at = count.read++;
        let why: string | undefined;
        const slow = isSlow(() => (why = complaint(input, at)));
        why ??= slow ? "slow" : undefined;
        if (why !== undefined && wrong.length < 5)
          wrong.push(`input ${at}: ${why}\n${Buffer.from(input.subarray(0, 1024)).toString("hex")}`);
        const facts = at % 16 === 0 ? readElf(input) : undefined;
        if (facts?.kind === "elf") {
          count.elf++;
          if (facts.damage !== undefined) count.damaged++;
        }
        if (at % 1000 !== 0) continue;
        // Compiled code and caches are there after the first thousands.
        if (at <= 4000) started.held = held();
        most = Math.max(most, held() - started.held);
      }
      if (inputs > 20_000) {
        const seconds = (performance.now() - started.ms) / 1000;
        process.stdout.write(
          `${count.read} inputs in ${seconds.toFixed(1)} s, ${(most / 2 ** 20).toFixed(0)} MiB more at most\n`,
        );
      }
      expect(wrong).toEqual([]);
      expect(most).toBeLessThan(tooMuch);
      // The inputs get past the first checks, and not all are whole.
      expect(count.elf).toBeGreaterThan(inputs / 16 / 2);
      expect(count.damaged).toBeGreaterThan(inputs / 16 / 10);
    },
    60_000 + inputs,
  );

  it("makes the same inputs of the same seed", () => {
    const seeds = elfSeeds();
    const digest = (of: number): string =>
      [...mutatedElf(of, 50, seeds)].map((input) => Buffer.from(input).toString("base64")).join();
    expect(digest(3)).toBe(digest(3));
    expect(digest(3)).not.toBe(digest(4));
  });
});

/** A file whose tables are written by hand: ELF64, little endian. */
function forge(options: {
  readonly size: number;
  readonly machine?: number;
  readonly programs?: readonly (readonly [type: number, offset: number, size: number])[];
  readonly counts?: {
    readonly programs?: number;
    readonly sections?: number;
    readonly sectionOffset?: number;
  };
}): Buffer {
  const bytes = Buffer.alloc(options.size);
  bytes.write("\x7fELF\x02\x01\x01", 0, "latin1");
  bytes.writeUInt16LE(3, 16);
  bytes.writeUInt16LE(options.machine ?? machines.x86_64, 18);
  bytes.writeBigUInt64LE(64n, 32);
  const { programs = [], counts = {} } = options;
  bytes.writeBigUInt64LE(BigInt(counts.sectionOffset ?? 0), 40);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(counts.programs ?? programs.length, 56);
  bytes.writeUInt16LE(64, 58);
  bytes.writeUInt16LE(counts.sections ?? 0, 60);
  programs.forEach(([type, offset, size], index) => {
    const at = 64 + index * 56;
    bytes.writeUInt32LE(type, at);
    bytes.writeBigUInt64LE(BigInt(offset), at + 8);
    bytes.writeBigUInt64LE(BigInt(offset), at + 16);
    bytes.writeBigUInt64LE(BigInt(size), at + 32);
  });
  return bytes;
}

function factsOf(source: RandomAccess): ElfFacts {
  const facts = readElf(source);
  if (facts?.kind !== "elf") throw new Error(`not ELF: ${JSON.stringify(facts)}`);
  return facts;
}

describe("readElf on forged files", () => {
  it("allocates nothing for tables that a header only claims", () => {
    const sections = forge({ size: 4096, counts: { programs: 0xffff, sectionOffset: 1024 } });
    // PN_XNUM and a section count of 2^32, both in the first section header.
    sections.writeBigUInt64LE(2n ** 32n, 1024 + 32);
    sections.writeUInt32LE(0xffffffff, 1024 + 44);
    const source = new Counted(sections);
    const before = held();
    expect(factsOf(source).damage).toBe("the program header table lies outside of the file");
    expect(source.bytes).toBeLessThan(1024);
    expect(held() - before).toBeLessThan(1 << 20);
  });

  it("reads the same megabyte of notes only a few times, however many headers name it", () => {
    const programs = Array.from({ length: 30_000 }, () => [4, 2_000_000, 1 << 20] as const);
    const source = new Counted(forge({ size: 4_000_000, programs }));
    expect(factsOf(source).isa).toBeUndefined();
    expect(source.bytes).toBeLessThan(10 << 20);
  });

  it("keeps no more than a few names, however often and long the dynamic section has them", () => {
    const bytes = forge({
      size: 3 << 20,
      programs: [
        [1, 0, 3 << 20],
        [2, 4096, 16 << 16],
      ],
    });
    for (let at = 4096; at < 4096 + (16 << 16); at += 16) {
      bytes.writeBigUInt64LE(1n, at);
      bytes.writeBigUInt64LE(BigInt(at % 777), at + 8);
    }
    bytes.fill(0x61, 2 << 20);
    bytes.writeBigUInt64LE(5n, 4096);
    bytes.writeBigUInt64LE(BigInt(2 << 20), 4096 + 8);
    bytes.writeBigUInt64LE(10n, 4096 + 16);
    bytes.writeBigUInt64LE(BigInt(1 << 20), 4096 + 24);
    const source = new Counted(bytes);
    const { needed } = factsOf(source);
    expect(needed.length).toBeGreaterThan(10);
    expect(needed.join("").length).toBeLessThanOrEqual(64 << 10);
    expect(source.bytes).toBeLessThan(4 << 20);
  });

  it("ends with version records that lead to each other without end", () => {
    const bytes = Buffer.from(
      buildElf({ machine: machines.x86_64, needed: ["libc.so.6"], versions: ["GLIBC_2.17"] }),
    );
    // Both counts as large as they can be, and each next record one byte further.
    const record = bytes.indexOf(Buffer.from([1, 0, 1, 0]));
    bytes.writeUInt16LE(0xffff, record + 2);
    bytes.writeUInt32LE(1, record + 12);
    const source = new Counted(bytes);
    expect(factsOf(source).machine).toBe("x86_64");
    expect(source.bytes).toBeLessThan(8 << 20);
  });

  it("wants few ranges of a file with thousands of segments", () => {
    const programs = Array.from({ length: 20_000 }, (_, at) => [1, 2_000_000 + at * 64, 32] as const);
    expect(rangesOfInterest(forge({ size: 1_200_000, programs }), 2 ** 31).length).toBeLessThanOrEqual(64);
  });
});
