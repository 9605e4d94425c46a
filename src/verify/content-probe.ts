import type { TarContent } from "../archive/tar-content.ts";
import { releaseMemory } from "../archive/release-memory.ts";
import { Limiter } from "../host/concurrency.ts";
import { type ElfFacts, readElf } from "./elf.ts";
import { elfHeaderSize, type ElfMalformed, isElf, rangesOfInterest } from "./elf-header.ts";
import type { RandomAccess } from "./random-access.ts";

/** What the bytes of a file turned out to be. */
export type Probed =
  | ElfFacts
  | ElfMalformed
  | { readonly kind: "foreign"; readonly format: "Mach-O" | "PE" }
  | { readonly kind: "script"; readonly shebang: string };

/** Enough for a shebang line and for where a PE file says that it is one. */
const probeSize = 1024;

export interface ProbeLimits {
  /** ELF files up to this many bytes are held whole while they are looked into; default 64 MiB. */
  readonly whole: number;
  /** Bytes that are held from the beginning of larger ones; default 16 MiB. */
  readonly beginning: number;
}

const defaultLimits: ProbeLimits = { whole: 64 << 20, beginning: 16 << 20 };

/** Files that need no more than this are looked into at any time, longer ones one after the other. */
const ownBuffer = 4 << 20;

/** A longer buffer is given back after its use. */
const largestKept = 64 << 20;

/** What the probes of layers that are read at the same time share: one of them at a time holds a large file. */
export class ProbeMemory {
  readonly #turns = new Limiter(1);
  #buffer: Buffer = Buffer.alloc(0);

  /** Gives `work` a buffer of at least `length` bytes, which is valid until it is done. */
  use<T>(length: number, work: (buffer: Buffer) => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      if (this.#buffer.byteLength < length) {
        releaseMemory(this.#buffer);
        this.#buffer = Buffer.allocUnsafeSlow(length);
      }
      const result = await work(this.#buffer);
      if (this.#buffer.byteLength > largestKept) {
        releaseMemory(this.#buffer);
        this.#buffer = Buffer.alloc(0);
      }
      return result;
    });
  }
}

/**
 * Looks into one file after the other, reading no more of each than is needed. Memory is bounded by the
 * limits: a buffer that is used again, and parts of at most as many bytes beside it for larger files; all but a small
 * one of them belongs to `memory`.
 */
export class ContentProbe {
  #buffer: Buffer = Buffer.alloc(0);
  readonly #memory: ProbeMemory;
  readonly #limits: ProbeLimits;

  constructor(memory: ProbeMemory = new ProbeMemory(), limits: ProbeLimits = defaultLimits) {
    this.#memory = memory;
    this.#limits = limits;
  }

  /** Undefined for what no proof needs to know. */
  async look(content: TarContent): Promise<Probed | undefined> {
    if (content.size < 4) return undefined;
    const head = await content.head(probeSize);
    if (isElf(head)) return this.#lookIntoElf(content);
    const format = foreignFormat(head);
    if (format !== undefined) return { kind: "foreign", format };
    if (head[0] === 0x23 && head[1] === 0x21) return { kind: "script", shebang: shebangOf(head) };
    return undefined;
  }

  async #lookIntoElf(content: TarContent): Promise<ElfFacts | ElfMalformed | undefined> {
    const { size } = content;
    const { whole, beginning } = this.#limits;
    const kept = size <= whole ? size : Math.max(beginning, elfHeaderSize);
    if (kept > ownBuffer) return this.#memory.use(kept, (buffer) => this.#readElf(content, kept, buffer));
    if (this.#buffer.byteLength < kept) this.#buffer = Buffer.allocUnsafeSlow(Math.max(kept, 1 << 20));
    return this.#readElf(content, kept, this.#buffer);
  }

  async #readElf(
    content: TarContent,
    kept: number,
    buffer: Buffer,
  ): Promise<ElfFacts | ElfMalformed | undefined> {
    const { size } = content;
    let parts: readonly Part[] | undefined;
    let at = 0;
    for await (const chunk of content) {
      if (at < kept) buffer.set(chunk.subarray(0, Math.min(chunk.byteLength, kept - at)), at);
      if (at + chunk.byteLength >= kept && size > kept) {
        parts ??= planParts(buffer.subarray(0, kept), size, this.#limits.whole);
        for (const part of parts) copyOverlap(part, chunk, at);
        if (parts.every(({ end }) => end <= at + chunk.byteLength)) break;
      }
      at += chunk.byteLength;
    }
    const held = [{ offset: 0, end: kept, bytes: buffer.subarray(0, kept) }, ...(parts ?? [])];
    return readElf(sourceOfParts(held, size));
  }
}

interface Part {
  readonly offset: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** Buffers for the ranges of a large file that lie behind its beginning, at most `budget` bytes in all. */
function planParts(beginning: Uint8Array, size: number, budget: number): readonly Part[] {
  let left = budget;
  const parts: Part[] = [];
  for (const { offset, length } of rangesOfInterest(beginning, size)) {
    const end = offset + length;
    const known =
      end <= beginning.byteLength || parts.some((part) => offset >= part.offset && end <= part.end);
    if (known || length > left) continue;
    left -= length;
    const bytes = new Uint8Array(length);
    if (offset < beginning.byteLength) bytes.set(beginning.subarray(offset));
    parts.push({ offset, end, bytes });
  }
  return parts;
}

function copyOverlap(part: Part, chunk: Uint8Array, at: number): void {
  const from = Math.max(part.offset, at);
  const to = Math.min(part.end, at + chunk.byteLength);
  if (from < to) part.bytes.set(chunk.subarray(from - at, to - at), from - part.offset);
}

function sourceOfParts(parts: readonly Part[], size: number): RandomAccess {
  return {
    size,
    read: (offset, length) => {
      const part = parts.find((one) => offset >= one.offset && offset + length <= one.end);
      return part?.bytes.subarray(offset - part.offset, offset - part.offset + length);
    },
  };
}

const machO: ReadonlySet<number> = new Set([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe]);

function foreignFormat(bytes: Uint8Array): "Mach-O" | "PE" | undefined {
  if (bytes.byteLength < 32) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (machO.has(magic)) return "Mach-O";
  // Universal binaries share their magic number with Java classes, whose version is 45 or more.
  if ((magic === 0xcafebabe || magic === 0xcafebabf) && view.getUint32(4) < 40) return "Mach-O";
  if (bytes[0] === 0x4d && bytes[1] === 0x5a && bytes.byteLength >= 64) {
    const header = view.getUint32(60, true);
    if (header + 4 <= bytes.byteLength && view.getUint32(header) === 0x50450000) return "PE";
  }
  return undefined;
}

function shebangOf(bytes: Uint8Array): string {
  const line = bytes.subarray(2, 252);
  const end = line.indexOf(0x0a);
  return Buffer.from(end < 0 ? line : line.subarray(0, end))
    .toString("utf8")
    .trim();
}
