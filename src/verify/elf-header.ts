import { type RandomAccess, ByteView, Fields } from "./random-access.ts";
import { type ElfType, machineName, systemName, typeName } from "./elf-machine.ts";

/** What the first 64 bytes of an ELF file say (gABI chapter 4, "ELF Header"). */
export interface ElfHeader {
  readonly class: 32 | 64;
  readonly endianness: "little" | "big";
  /** "x86_64", "aarch64", "arm", "386", "ppc64le", "s390x", "riscv64", "mips64le", … "unknown(0x..)". */
  readonly machine: string;
  readonly machineCode: number;
  readonly type: ElfType;
  /** "sysv" and "gnu" for Linux, else the operating system: "freebsd". */
  readonly osabi: string;
  readonly flags: number;
}

/** Where the tables are, in bytes. */
export interface ElfTables {
  readonly programOffset: number;
  readonly programEntry: number;
  readonly programCount: number;
  readonly sectionOffset: number;
  readonly sectionEntry: number;
  readonly sectionCount: number;
}

export interface ElfMalformed {
  readonly kind: "malformed";
  /** Without a subject: "it ends inside of its header". */
  readonly why: string;
}

/** As many bytes as an ELF header can have. */
export const elfHeaderSize = 64;

export function isElf(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
}

function malformed(why: string): ElfMalformed {
  return { kind: "malformed", why };
}

/**
 * Reads the header from the first {@link elfHeaderSize} bytes (52 are enough for 32 bit); undefined for what
 * isn't ELF. Never throws.
 */
export function readElfHeader(
  bytes: Uint8Array,
): (ElfHeader & { readonly kind: "elf"; readonly tables: ElfTables }) | ElfMalformed | undefined {
  if (!isElf(bytes)) return undefined;
  const [fileClass, data, version] = [bytes[4], bytes[5], bytes[6]];
  if (bytes.byteLength < 16) return malformed("it ends inside of its header");
  if (fileClass !== 1 && fileClass !== 2) return malformed(`its class is ${fileClass}, not 1 or 2`);
  if (data !== 1 && data !== 2) return malformed(`its byte order is ${data}, not 1 or 2`);
  if (version !== 1) return malformed(`its version is ${version}, not 1`);
  const wide = fileClass === 2;
  if (bytes.byteLength < (wide ? 64 : 52)) return malformed("it ends inside of its header");
  const little = data === 1;
  const fields = new Fields(bytes.subarray(0, 64), little, wide);
  const machineCode = fields.u16(18);
  // After e_entry, e_phoff and e_shoff, whose width is the class's.
  const rest = wide ? 48 : 36;
  return {
    kind: "elf",
    class: wide ? 64 : 32,
    endianness: little ? "little" : "big",
    machine: machineName(machineCode, wide, little),
    machineCode,
    type: typeName(fields.u16(16)),
    osabi: systemName(fields.u8(7)),
    flags: fields.u32(rest),
    tables: {
      programOffset: fields.word(wide ? 32 : 28),
      programEntry: fields.u16(rest + 6),
      programCount: fields.u16(rest + 8),
      sectionOffset: fields.word(wide ? 40 : 32),
      sectionEntry: fields.u16(rest + 10),
      sectionCount: fields.u16(rest + 12),
    },
  };
}

/** gABI chapter 5, "Program Header"; what of it is needed. */
export interface Segment {
  readonly type: number;
  readonly executable: boolean;
  readonly offset: number;
  readonly address: number;
  /** Bytes in the file. */
  readonly size: number;
}

export const segmentTypes = {
  load: 1,
  dynamic: 2,
  interpreter: 3,
  note: 4,
  gnuProperty: 0x6474e553,
} as const;

/** gABI chapter 4, "Sections"; what of it is needed. */
export interface Section {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
}

export const sectionTypes = { armAttributes: 0x70000003, dynamicSymbols: 11 } as const;

/** No real file comes near these; hostile ones end there. Linux itself starts no program of more than 64 KiB of them. */
const limits = { segments: 1 << 16, sections: 1 << 20, ranges: 64 } as const;

/** Throws OutOfRange where the table isn't in the source. */
export function readSegments(view: ByteView, tables: ElfTables): readonly Segment[] {
  const entry = view.wide ? 56 : 32;
  if (tables.programCount === 0 || tables.programOffset === 0) return [];
  // PN_XNUM: the count didn't fit and is in the first section header.
  const count =
    tables.programCount === 0xffff && tables.sectionOffset > 0
      ? Math.min(readSection(view, tables, 0).info, limits.segments)
      : tables.programCount;
  if (count === 0) return [];
  const stride = Math.max(tables.programEntry, entry);
  const length = (count - 1) * stride + entry;
  const fields = view.fields(tables.programOffset, length, "the program header table");
  return Array.from({ length: count }, (_, index) => {
    const at = index * stride;
    return view.wide
      ? {
          type: fields.u32(at),
          executable: (fields.u32(at + 4) & 1) !== 0,
          offset: fields.u64(at + 8),
          address: fields.u64(at + 16),
          size: fields.u64(at + 32),
        }
      : {
          type: fields.u32(at),
          executable: (fields.u32(at + 24) & 1) !== 0,
          offset: fields.u32(at + 4),
          address: fields.u32(at + 8),
          size: fields.u32(at + 16),
        };
  });
}

function readSection(view: ByteView, tables: ElfTables, index: number): Section {
  const entry = view.wide ? 64 : 40;
  const stride = Math.max(tables.sectionEntry, entry);
  const fields = view.fields(tables.sectionOffset + index * stride, entry, "the section header table");
  return sectionAt(fields, 0, view.wide);
}

function sectionAt(fields: Fields, at: number, wide: boolean): Section {
  return {
    type: fields.u32(at + 4),
    offset: fields.word(at + (wide ? 24 : 16)),
    size: fields.word(at + (wide ? 32 : 20)),
    link: fields.u32(at + (wide ? 40 : 24)),
    info: fields.u32(at + (wide ? 44 : 28)),
  };
}

/** The first section of a type. Throws OutOfRange where the table isn't in the source. */
export function findSection(view: ByteView, tables: ElfTables, type: number): Section | undefined {
  if (tables.sectionOffset === 0) return undefined;
  const entry = view.wide ? 64 : 40;
  const stride = Math.max(tables.sectionEntry, entry);
  // 0: the count didn't fit and is in the first section header.
  const count =
    tables.sectionCount === 0
      ? Math.min(readSection(view, tables, 0).size, limits.sections)
      : tables.sectionCount;
  if (count === 0) return undefined;
  const length = (count - 1) * stride + entry;
  const fields = view.fields(tables.sectionOffset, length, "the section header table");
  for (let index = 0; index < count; index++) {
    if (fields.u32(index * stride + 4) === type) return sectionAt(fields, index * stride, view.wide);
  }
  return undefined;
}

/** A range of a file, in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** Longer parts aren't worth their memory: the header's facts have to do then. */
const maxPart = 64 << 20;

/**
 * The parts of a large ELF file of `size` bytes that its facts need, from its beginning (as much of it as is
 * at hand, at least the program header table): for readers that can't keep all of it. The beginning itself
 * isn't among them.
 */
export function rangesOfInterest(beginning: Uint8Array, size: number): readonly ByteRange[] {
  const header = readElfHeader(beginning);
  if (header?.kind !== "elf") return [];
  const { tables } = header;
  const source: RandomAccess = {
    size,
    read: (offset, length) =>
      offset + length <= beginning.length ? beginning.subarray(offset, offset + length) : undefined,
  };
  const wide = header.class === 64;
  const stride = Math.max(tables.sectionEntry, wide ? 64 : 40);
  const ranges: ByteRange[] = [
    { offset: tables.sectionOffset, length: Math.max(tables.sectionCount, 1) * stride },
    // .ARM.attributes and its like are among the last sections.
    { offset: Math.max(0, size - (1 << 20)), length: 1 << 20 },
  ];
  try {
    for (const segment of readSegments(new ByteView(source, header.endianness === "little", wide), tables)) {
      const code = segment.type === segmentTypes.load && segment.executable;
      if (!code && segment.size <= maxPart) ranges.push({ offset: segment.offset, length: segment.size });
    }
  } catch {
    // The program headers aren't where files have them: the facts will say that they are incomplete.
  }
  return ranges
    .filter(({ offset, length }) => length > 0 && offset < size)
    .slice(0, limits.ranges)
    .map(({ offset, length }) => ({ offset, length: Math.min(length, size - offset) }));
}
