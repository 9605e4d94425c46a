/** Makes small, well-formed ELF files for any machine: what the tests of verify read. */
export interface ElfSpec {
  readonly machine: number;
  readonly class?: 32 | 64;
  readonly endianness?: "little" | "big";
  /** e_type: 1 rel, 2 exec, 3 dyn (default), 4 core. */
  readonly type?: number;
  readonly osabi?: number;
  readonly flags?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
  readonly soname?: string;
  readonly runpath?: string;
  readonly rpath?: string;
  /** Version names wanted of the first needed library: "GLIBC_2.17". */
  readonly versions?: readonly string[];
  /** Version names that the file defines, its own name first. */
  readonly defines?: readonly string[];
  /** Bits of GNU_PROPERTY_X86_ISA_1_NEEDED. */
  readonly isaNeeded?: number;
  /** Words of the ABI note: the system (0 is Linux), and the three numbers of its oldest kernel. */
  readonly abi?: readonly [number, number, number, number];
  /** st_info of the dynamic symbols, one each. */
  readonly symbols?: readonly number[];
  /** Pairs of tag and value for `.ARM.attributes`. */
  readonly armAttributes?: readonly (readonly [tag: number, value: number])[];
  /** Bytes of code between the program headers and the rest. */
  readonly padding?: number;
}

export const machines = {
  x86: 3,
  mips: 8,
  ppc64: 21,
  s390: 22,
  arm: 40,
  x86_64: 62,
  aarch64: 183,
  riscv: 243,
  bpf: 247,
  loongarch: 258,
} as const;

/** Where files are loaded: addresses and offsets differ, so that mixing them up is seen. */
const base = 0x10000;

interface Part {
  readonly segment?: number;
  readonly section?: number;
  bytes: Uint8Array;
  offset: number;
}

class Writer {
  readonly bytes: number[] = [];
  readonly little: boolean;
  readonly wide: boolean;

  constructor(little: boolean, wide: boolean) {
    this.little = little;
    this.wide = wide;
  }

  number(value: number, length: number): this {
    const digits = Array.from({ length }, (_, index) => Math.floor(value / 256 ** index) % 256);
    this.bytes.push(...(this.little ? digits : digits.toReversed()));
    return this;
  }

  u16(...values: number[]): this {
    for (const value of values) this.number(value, 2);
    return this;
  }

  u32(...values: number[]): this {
    for (const value of values) this.number(value, 4);
    return this;
  }

  word(...values: number[]): this {
    for (const value of values) this.number(value, this.wide ? 8 : 4);
    return this;
  }

  raw(bytes: Uint8Array): this {
    for (const byte of bytes) this.bytes.push(byte);
    return this;
  }

  align(to: number): this {
    while (this.bytes.length % to !== 0) this.bytes.push(0);
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.bytes);
  }
}

const utf8 = new TextEncoder();

function uleb(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...uleb(value >> 7)];
}

function attributes(pairs: readonly (readonly [number, number])[], little: boolean): Uint8Array {
  // A CPU name first, so that text values have to be skipped.
  const body = [
    5,
    ...utf8.encode("ARM1176"),
    0,
    ...pairs.flatMap(([tag, value]) => [...uleb(tag), ...uleb(value)]),
  ];
  const file = new Writer(little, false)
    .number(1, 1)
    .u32(body.length + 5)
    .raw(Uint8Array.from(body))
    .done();
  const vendor = utf8.encode("aeabi\0");
  return new Writer(little, false)
    .number(0x41, 1)
    .u32(4 + vendor.length + file.length)
    .raw(vendor)
    .raw(file)
    .done();
}

export function buildElf(spec: ElfSpec): Uint8Array {
  const little = (spec.endianness ?? "little") === "little";
  const wide = (spec.class ?? 64) === 64;
  const writer = (): Writer => new Writer(little, wide);
  const strings: number[] = [0];
  const intern = (text: string): number => {
    const at = strings.length;
    strings.push(...utf8.encode(text), 0);
    return at;
  };
  const needed = (spec.needed ?? []).map(intern);
  const soname = spec.soname === undefined ? undefined : intern(spec.soname);
  const runpath = spec.runpath === undefined ? undefined : intern(spec.runpath);
  const rpath = spec.rpath === undefined ? undefined : intern(spec.rpath);
  const versions = (spec.versions ?? []).map(intern);
  const defines = (spec.defines ?? []).map(intern);

  const isDynamic = needed.length > 0 || soname !== undefined || runpath !== undefined || rpath !== undefined;
  const parts: Part[] = [];
  const add = (bytes: Uint8Array, kind: { segment?: number; section?: number } = {}): Part => {
    const part: Part = { ...kind, bytes, offset: 0 };
    parts.push(part);
    return part;
  };
  if (spec.interpreter !== undefined) add(utf8.encode(`${spec.interpreter}\0`), { segment: 3 });
  if (spec.isaNeeded !== undefined) {
    const property = writer()
      .u32(0xc0008002, 4, spec.isaNeeded)
      .align(wide ? 8 : 4)
      .done();
    const note = writer().u32(4, property.length, 5).raw(utf8.encode("GNU\0")).raw(property).done();
    // Another note before it, as linkers write the build id.
    const buildId = writer().u32(4, 20, 3).raw(utf8.encode("GNU\0")).raw(new Uint8Array(20)).done();
    add(Uint8Array.from([...buildId, ...note]), { segment: 4 });
  }
  if (spec.abi !== undefined) {
    const note = writer()
      .u32(4, 16, 1)
      .raw(utf8.encode("GNU\0"))
      .u32(...spec.abi);
    add(note.done(), { segment: 4 });
  }
  if (spec.padding) add(new Uint8Array(spec.padding));
  const needs = writer();
  if (versions.length > 0) {
    needs.u16(1, versions.length).u32(needed[0] ?? 0, 16, 0);
    versions.forEach((name, index) =>
      needs
        .u32(0)
        .u16(0, index + 2)
        .u32(name, index + 1 === versions.length ? 0 : 16),
    );
  }
  const versionPart = add(needs.done());
  const definitions = writer();
  defines.forEach((name, index) => {
    const next = index + 1 === defines.length ? 0 : 28;
    definitions
      .u16(1, 0, index + 1, 1)
      .u32(0, 20, next)
      .u32(name, 0);
  });
  const definePart = add(definitions.done());
  const stringPart = add(Uint8Array.from(strings));
  const entryCount =
    needed.length +
    (soname === undefined ? 0 : 1) +
    (runpath === undefined ? 0 : 1) +
    (rpath === undefined ? 0 : 1) +
    (versions.length > 0 ? 2 : 0) +
    (defines.length > 0 ? 2 : 0) +
    3;
  const dynamicPart = isDynamic
    ? add(new Uint8Array(entryCount * (wide ? 16 : 8)), { segment: 2 })
    : undefined;
  if (spec.symbols) {
    const [entry, at] = wide ? [24, 4] : [16, 12];
    const table = new Uint8Array(spec.symbols.length * entry);
    for (const [index, info] of spec.symbols.entries()) table[index * entry + at] = info;
    add(table, { section: 11 });
  }
  if (spec.armAttributes) add(attributes(spec.armAttributes, little), { section: 0x70000003 });

  const headerSize = wide ? 64 : 52;
  const programSize = wide ? 56 : 32;
  const segmentParts = parts.filter(({ segment }) => segment !== undefined);
  const programCount = spec.type === 1 ? 0 : segmentParts.length + 1;
  let offset = headerSize + programCount * programSize;
  for (const part of parts) {
    offset = Math.ceil(offset / 8) * 8;
    part.offset = offset;
    offset += part.bytes.length;
  }
  const total = Math.ceil(offset / 8) * 8;
  if (dynamicPart) {
    const dynamic = writer();
    for (const at of needed) dynamic.word(1, at);
    if (soname !== undefined) dynamic.word(14, soname);
    if (runpath !== undefined) dynamic.word(29, runpath);
    if (rpath !== undefined) dynamic.word(15, rpath);
    dynamic.word(5, base + stringPart.offset).word(10, strings.length);
    if (versions.length > 0) dynamic.word(0x6ffffffe, base + versionPart.offset).word(0x6fffffff, 1);
    if (defines.length > 0) {
      dynamic.word(0x6ffffffc, base + definePart.offset).word(0x6ffffffd, defines.length);
    }
    dynamicPart.bytes = dynamic.word(0, 0).done();
  }

  const sectionParts = parts.filter(({ section }) => section !== undefined);
  const file = writer()
    .raw(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1, spec.osabi ?? 0))
    .align(16)
    .u16(spec.type ?? 3, spec.machine)
    .u32(1)
    .word(0, programCount > 0 ? headerSize : 0, sectionParts.length > 0 ? total : 0)
    .u32(spec.flags ?? 0)
    .u16(
      headerSize,
      programSize,
      programCount,
      wide ? 64 : 40,
      sectionParts.length > 0 ? sectionParts.length + 1 : 0,
      0,
    );
  const program = (type: number, at: number, size: number): void => {
    if (wide) file.u32(type, 4).word(at, base + at, base + at, size, size, 8);
    else file.u32(type, at, base + at, base + at, size, size, 4, 4);
  };
  if (programCount > 0) {
    program(1, 0, total);
    for (const part of segmentParts) program(part.segment ?? 0, part.offset, part.bytes.length);
  }
  for (const part of parts) {
    while (file.bytes.length < part.offset) file.bytes.push(0);
    file.raw(part.bytes);
  }
  while (file.bytes.length < total) file.bytes.push(0);
  if (sectionParts.length > 0) {
    file.raw(new Uint8Array(wide ? 64 : 40));
    for (const part of sectionParts) {
      file
        .u32(0, part.section ?? 0)
        .word(0, 0, part.offset, part.bytes.length)
        .u32(0, 0)
        .word(1, 0);
    }
  }
  return file.done();
}
