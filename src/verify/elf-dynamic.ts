import { type ByteView, textUntilNul } from "./random-access.ts";
import { type Segment, segmentTypes } from "./elf-header.ts";

/** What the dynamic section asks of the loader (gABI chapter 5, "Dynamic Section"). */
export interface DynamicFacts {
  readonly needed: readonly string[];
  readonly soname?: string;
  /** DT_RUNPATH, or the older DT_RPATH. */
  readonly runpath?: string;
  /** The highest GLIBC_x.y that a symbol is wanted of: "2.34". */
  readonly glibc?: string;
  /** The highest GLIBC_x.y that the file itself defines: a libc's own version. */
  readonly glibcProvided?: string;
}

const tags = { needed: 1, stringTable: 5, stringSize: 10, soname: 14, rpath: 15, runpath: 29 } as const;
const versionTags = {
  define: 0x6ffffffc,
  defineCount: 0x6ffffffd,
  need: 0x6ffffffe,
  needCount: 0x6fffffff,
} as const;
const wantedTags: ReadonlySet<number> = new Set([...Object.values(tags), ...Object.values(versionTags)]);

/**
 * No real file comes near these; hostile ones end there. Lengths are in bytes: of one name, of all that are kept of a
 * file, and of a version's name.
 */
const limits = {
  entries: 1 << 16,
  name: 4096,
  names: 1 << 16,
  versions: 1 << 14,
  versionName: 64,
} as const;

/** Throws OutOfRange where a part isn't in the source. Undefined where the file has no dynamic section. */
export function readDynamic(view: ByteView, segments: readonly Segment[]): DynamicFacts | undefined {
  const segment = segments.find(({ type, size }) => type === segmentTypes.dynamic && size > 0);
  if (segment === undefined) return undefined;
  const values = readEntries(view, segment);
  const first = (tag: number): number | undefined => values.get(tag)?.[0];
  const tableAddress = first(tags.stringTable);
  if (tableAddress === undefined) return { needed: [] };
  const strings: StringTable = {
    offset: offsetOf(tableAddress, segments),
    size: first(tags.stringSize) ?? 0,
  };
  let left: number = limits.names;
  const nameAt = (at: number): string => {
    const name = readName(view, strings, at, Math.min(limits.name, left));
    left -= name.length;
    return name;
  };
  const text = (tag: number): string | undefined => {
    const at = first(tag);
    return at === undefined ? undefined : nameAt(at);
  };
  const soname = text(tags.soname);
  const runpath = text(tags.runpath) ?? text(tags.rpath);
  const highest = (tag: number, countTag: number, layout: VersionLayout): string | undefined => {
    const address = first(tag);
    if (address === undefined) return undefined;
    return highestGlibc(
      view,
      strings,
      { start: offsetOf(address, segments), count: first(countTag) ?? 0 },
      layout,
    );
  };
  const glibc = highest(versionTags.need, versionTags.needCount, needLayout);
  const glibcProvided = highest(versionTags.define, versionTags.defineCount, defineLayout);
  return {
    needed: (values.get(tags.needed) ?? []).flatMap((at) => (left > 0 && nameAt(at)) || []),
    ...(soname !== undefined && { soname }),
    ...(runpath !== undefined && { runpath }),
    ...(glibc !== undefined && { glibc }),
    ...(glibcProvided !== undefined && { glibcProvided }),
  };
}

interface StringTable {
  readonly offset: number;
  readonly size: number;
}

/** Tag → its values in order. */
function readEntries(view: ByteView, segment: Segment): ReadonlyMap<number, readonly number[]> {
  const word = view.wide ? 8 : 4;
  const count = Math.min(Math.floor(segment.size / (2 * word)), limits.entries);
  const fields = view.fields(segment.offset, count * 2 * word, "the dynamic section");
  const values = new Map<number, number[]>();
  for (let index = 0; index < count; index++) {
    const tag = fields.word(index * 2 * word);
    if (tag === 0) break;
    if (!wantedTags.has(tag)) continue;
    const value = fields.word(index * 2 * word + word);
    const list = values.get(tag);
    if (list === undefined) values.set(tag, [value]);
    else list.push(value);
  }
  return values;
}

/** Where in the file an address is loaded from; the address itself where no segment holds it. */
function offsetOf(address: number, segments: readonly Segment[]): number {
  for (const { type, address: start, offset, size } of segments) {
    if (type === segmentTypes.load && address >= start && address < start + size) {
      return address - start + offset;
    }
  }
  return address;
}

function readName(view: ByteView, strings: StringTable, at: number, limit: number): string {
  const room = Math.min(strings.size - at, view.source.size - (strings.offset + at), limit);
  return textUntilNul(view.bytes(strings.offset + at, room, "a name in the dynamic string table"));
}

/** Where version needs and definitions have their fields, in bytes (LSB, "Symbol Versioning"). */
interface VersionLayout {
  readonly size: number;
  /** A 16-bit count of auxiliary entries, 32-bit offsets of the first one and of the next record. */
  readonly count: number;
  readonly auxiliary: number;
  readonly next: number;
  readonly auxiliarySize: number;
  /** In the auxiliary entry: the name, and the offset of the next entry. */
  readonly name: number;
  readonly auxiliaryNext: number;
}

const needLayout: VersionLayout = {
  size: 16,
  count: 2,
  auxiliary: 8,
  next: 12,
  auxiliarySize: 16,
  name: 8,
  auxiliaryNext: 12,
};
const defineLayout: VersionLayout = {
  size: 20,
  count: 6,
  auxiliary: 12,
  next: 16,
  auxiliarySize: 8,
  name: 0,
  auxiliaryNext: 4,
};

function highestGlibc(
  view: ByteView,
  strings: StringTable,
  records: { readonly start: number; readonly count: number },
  layout: VersionLayout,
): string | undefined {
  let highest: string | undefined;
  let budget: number = limits.versions;
  let at = records.start;
  for (let index = 0; index < records.count && budget > 0; index++, budget--) {
    const record = view.fields(at, layout.size, "the version table");
    let auxiliary = at + record.u32(layout.auxiliary);
    for (let rest = record.u16(layout.count); rest > 0 && budget > 0; rest--, budget--) {
      const entry = view.fields(auxiliary, layout.auxiliarySize, "the version table");
      const version = glibcVersion(readName(view, strings, entry.u32(layout.name), limits.versionName));
      if (version !== undefined && (highest === undefined || compareVersions(version, highest) > 0)) {
        highest = version;
      }
      const next = entry.u32(layout.auxiliaryNext);
      if (next === 0) break;
      auxiliary += next;
    }
    const next = record.u32(layout.next);
    if (next === 0) break;
    at += next;
  }
  return highest;
}

function glibcVersion(name: string): string | undefined {
  return /^GLIBC_(\d{1,4}(?:\.\d{1,4}){1,3})$/.exec(name)?.[1];
}

/** Compares dotted numbers: negative, zero or positive. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split("."), b.split(".")];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = Number(left[index] ?? 0) - Number(right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
