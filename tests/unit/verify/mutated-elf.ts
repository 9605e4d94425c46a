import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { seededNumbers } from "../seeded-numbers.ts";
import { buildElf, type ElfSpec, machines } from "./elf-builder.ts";

/** How much of a real file is a seed: its tables and the beginning of its content. */
const seedSize = 24 << 10;

const kinds: readonly ElfSpec[] = [
  { machine: machines.x86_64 },
  { machine: machines.x86_64, class: 32 },
  { machine: machines.x86, class: 32 },
  { machine: machines.aarch64 },
  { machine: machines.aarch64, endianness: "big" },
  {
    machine: machines.arm,
    class: 32,
    osabi: 3,
    symbols: [0x12, 0x1a],
    armAttributes: [
      [6, 10],
      [7, 0x41],
      [28, 1],
    ],
  },
  { machine: machines.arm, class: 32, endianness: "big", armAttributes: [[6, 3]] },
  { machine: machines.ppc64, flags: 2 },
  { machine: machines.ppc64, endianness: "big", flags: 1 },
  { machine: machines.s390, endianness: "big" },
  { machine: machines.s390, class: 32, endianness: "big" },
  { machine: machines.mips },
  { machine: machines.mips, class: 32, endianness: "big" },
  { machine: machines.riscv, flags: 5 },
  { machine: machines.loongarch, flags: 0x43 },
  { machine: machines.bpf, type: 1 },
  { machine: machines.x86_64, type: 1 },
];

/** One file of each machine, word size and byte order, with all that the reader looks at. */
function builtSeeds(): readonly Uint8Array[] {
  return kinds.flatMap((kind) => [
    buildElf(kind),
    buildElf({
      ...kind,
      interpreter: "/lib/ld-linux.so.3",
      needed: ["libc.so.6", "libm.so.6"],
      soname: "libself.so.1",
      runpath: "$ORIGIN/../lib",
      versions: ["GLIBC_2.17", "GLIBC_2.34", "GLIBC_PRIVATE"],
      defines: ["libself.so.1", "SELF_1.0", "GLIBC_2.40"],
      isaNeeded: 3,
    }),
  ]);
}

/** The beginnings of real files: the program that runs this, and those of a directory. */
function realSeeds(directory: string | undefined): readonly Uint8Array[] {
  const paths = directory === undefined ? [] : readdirSync(directory).map((name) => join(directory, name));
  const files = [process.execPath, ...paths.filter((path) => statSync(path).isFile())];
  return files.map((path) => Uint8Array.from(readFileSync(path).subarray(0, seedSize)));
}

/** Seeds for {@link mutatedElf}. `directory`: further ELF files, of which the first 24 KiB are used. */
export function elfSeeds(directory?: string): readonly Uint8Array[] {
  return [...builtSeeds(), ...realSeeds(directory)];
}

const interesting: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  0x10n,
  0x34n,
  0x38n,
  0x40n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xfffen,
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xfffffffen,
  0xffffffffn,
  0x100000000n,
  1n << 52n,
  1n << 53n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
  0x6ffffffen,
  0x6474e553n,
  0x70000003n,
  0xc0008002n,
];

/** Changes a copy of a seed in one of the ways that files are damaged or forged. */
class Mutator {
  readonly #seeds: readonly Uint8Array[];
  readonly #next: () => number;
  readonly #room = new Uint8Array(2 * seedSize);
  readonly #view = new DataView(this.#room.buffer);
  #length = 0;

  constructor(seeds: readonly Uint8Array[], seed: number) {
    this.#seeds = seeds;
    this.#next = seededNumbers(seed);
  }

  /** Valid until the next call. */
  input(): Uint8Array {
    const seed = this.#pick(this.#seeds);
    this.#room.set(seed);
    this.#length = seed.length;
    for (let times = 1 + this.#below(6); times > 0; times--) this.#mutate();
    // Most keep the magic number: without it nothing is read.
    if (this.#below(20) > 0 && this.#length >= 4) this.#view.setUint32(0, 0x7f454c46);
    return this.#room.subarray(0, this.#length);
  }

  #below(limit: number): number {
    return Math.floor(this.#next() * limit);
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#below(items.length)] as T;
  }

  /** Half of the changes are in the headers, where they count. */
  #place(): number {
    const end = this.#below(2) === 0 ? Math.min(this.#length, 0x40 + 14 * 56) : this.#length;
    return this.#below(Math.max(1, end));
  }

  #mutate(): void {
    switch (this.#below(9)) {
      case 0: {
        const at = this.#place();
        this.#room[at] = (this.#room[at] ?? 0) ^ (1 << this.#below(8));
        return;
      }
      case 1:
        this.#room[this.#place()] = this.#below(256);
        return;
      case 2:
      case 3:
        return this.#number(this.#headerField());
      case 4:
        return this.#number(this.#place() & ~3);
      case 5: {
        // A piece of another file at another place.
        const other = this.#pick(this.#seeds);
        const from = this.#below(other.length);
        const piece = other.subarray(from, from + 1 + this.#below(512));
        const at = this.#place();
        return this.#room.set(piece.subarray(0, this.#length - at), at);
      }
      case 6:
        // A table's entry over another one: segments and sections that overlap.
        return this.#copyWithin(this.#pick([32, 40, 56, 64]));
      case 7:
        this.#length = this.#below(this.#length + 1);
        return;
      default: {
        const more = Math.min(this.#below(2048), this.#room.length - this.#length);
        this.#room.fill(this.#pick([0, 0xff, 0x41]), this.#length, this.#length + more);
        this.#length += more;
      }
    }
  }

  /** Where e_phoff, e_shoff, the sizes and counts of the tables, or a field of the first entries are. */
  #headerField(): number {
    const wide = this.#room[4] === 2;
    const fields = wide
      ? [16, 18, 24, 32, 40, 48, 52, 54, 56, 58, 60, 62]
      : [16, 18, 24, 28, 32, 36, 40, 42, 44, 46, 48, 50];
    if (this.#below(2) === 0) return this.#pick(fields);
    const [start, entry] = wide ? [64, 56] : [52, 32];
    return start + this.#below(12) * entry + 4 * this.#below(entry / 4);
  }

  #number(at: number): void {
    const value = this.#pick(interesting) + (this.#below(4) === 0 ? BigInt(this.#below(64)) : 0n);
    const little = this.#below(8) === 0 ? this.#below(2) === 0 : this.#room[5] === 1;
    const width = this.#pick([2, 4, 8]);
    if (at + width > this.#length) return;
    if (width === 2) this.#view.setUint16(at, Number(value & 0xffffn), little);
    else if (width === 4) this.#view.setUint32(at, Number(value & 0xffffffffn), little);
    else this.#view.setBigUint64(at, value & 0xffffffffffffffffn, little);
  }

  #copyWithin(size: number): void {
    const from = this.#place();
    const to = this.#place();
    const length = Math.min(size * (1 + this.#below(4)), this.#length - Math.max(from, to));
    if (length > 0) this.#room.copyWithin(to, from, from + length);
  }
}

/** So many damaged and forged ELF files, the same for the same seed; each is valid until the next one is asked for. */
export function* mutatedElf(
  seed: number,
  count: number,
  seeds: readonly Uint8Array[],
): Generator<Uint8Array, void, undefined> {
  const mutator = new Mutator(seeds, seed);
  for (let made = 0; made < count; made++) yield mutator.input();
}
