import { type Segment, segmentTypes } from "./elf-header.ts";
import type { ByteView, Fields } from "./random-access.ts";

/** What the notes of a file say of the machine that it needs. */
export interface NoteFacts {
  /** x86 only: the x86-64 level that the file, when linked, declares to need. */
  readonly isa?: 1 | 2 | 3 | 4;
  /** The oldest Linux that its C library supports: "3.2.0". */
  readonly kernel?: string;
}

const gnuNotes = { abiTag: 1, property: 5 } as const;
/** GNU_PROPERTY_X86_ISA_1_NEEDED of the x86-64 psABI. */
const x86IsaNeeded = 0xc0008002;

/** Bytes of one segment and of all notes of a file; no real file comes near them. */
const limits = { segment: 1 << 20, all: 4 << 20 } as const;

/**
 * Reads .note.gnu.property (where `x86` says that its properties are those of x86) and .note.ABI-tag (LSB, "ABI note
 * tag"); empty where the file has neither. Throws OutOfRange where the notes aren't in the source.
 */
export function readNotes(view: ByteView, segments: readonly Segment[], x86: boolean): NoteFacts {
  const found: { isa?: 1 | 2 | 3 | 4; kernel?: string } = {};
  const alignment = view.wide ? 8 : 4;
  let left: number = limits.all;
  for (const segment of segments) {
    const isNote = segment.type === segmentTypes.gnuProperty || segment.type === segmentTypes.note;
    if (!isNote || segment.size === 0 || segment.size > Math.min(left, limits.segment)) continue;
    left -= segment.size;
    forEachNote(view.fields(segment.offset, segment.size, "a note"), alignment, (note) => {
      const isa = x86 && note.type === gnuNotes.property ? levelIn(note, alignment) : undefined;
      const kernel = note.type === gnuNotes.abiTag ? kernelIn(note) : undefined;
      if (isa !== undefined) found.isa ??= isa;
      if (kernel !== undefined) found.kernel ??= kernel;
    });
  }
  return found;
}

/** A note whose owner is GNU; its content is between `start` and `end` of `fields`. */
interface GnuNote {
  readonly type: number;
  readonly fields: Fields;
  readonly start: number;
  readonly end: number;
}

/** Ends at the first note that is longer than what holds it. */
function forEachNote(fields: Fields, alignment: 4 | 8, visit: (note: GnuNote) => void): void {
  let at = 0;
  while (at + 12 <= fields.length) {
    const [nameSize, size, type] = [fields.u32(at), fields.u32(at + 4), fields.u32(at + 8)];
    const start = at + 12 + align(nameSize, 4);
    const end = start + size;
    if (end > fields.length) return;
    const isOfGnu = nameSize >= 4 && isGnu(fields.bytes, at + 12);
    if (isOfGnu) visit({ type, fields, start, end });
    // Property notes are aligned to the word size, all others to four bytes.
    at = start + align(size, isOfGnu && type === gnuNotes.property ? alignment : 4);
  }
}

/** "GNU" and a NUL. */
function isGnu(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x47 && bytes[at + 1] === 0x4e && bytes[at + 2] === 0x55 && bytes[at + 3] === 0;
}

function levelIn({ fields, start, end }: GnuNote, alignment: number): 1 | 2 | 3 | 4 | undefined {
  for (let at = start; at + 8 <= end; at += 8 + align(fields.u32(at + 4), alignment)) {
    if (fields.u32(at) !== x86IsaNeeded || fields.u32(at + 4) < 4 || at + 12 > end) continue;
    const bits = fields.u32(at + 8);
    for (const level of [4, 3, 2, 1] as const) if ((bits & (1 << (level - 1))) !== 0) return level;
  }
  return undefined;
}

const linux = 0;

/** Four words: the operating system, and the version of its oldest kernel. Undefined for other systems than Linux. */
function kernelIn({ fields, start, end }: GnuNote): string | undefined {
  if (end - start < 16 || fields.u32(start) !== linux) return undefined;
  return [4, 8, 12].map((word) => fields.u32(start + word)).join(".");
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
