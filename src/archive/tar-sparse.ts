import type { ByteSource } from "./byte-source.ts";
import { bufferOf, MalformedTar, numberField, type PaxRecords } from "./tar-fields.ts";
import { tarBlockSize } from "./tar-header.ts";

/** A part of a file's content that the archive holds; between the parts the content is zero. */
export interface Segment {
  readonly offset: number;
  readonly length: number;
}

export interface SparseLayout {
  readonly segments: readonly Segment[];
  /** Bytes of the file with its holes. */
  readonly size: number;
  /** Bytes of the archived data that the map itself took. */
  readonly mapBytes: number;
}

/** Bounds what a hostile map can make us hold. */
const maxSegments = 1 << 20;

/** GNU's old format: four segments in the header, further ones in blocks of 21 that follow it. */
export async function oldGnuLayout(block: Uint8Array, source: ByteSource): Promise<SparseLayout> {
  const size = numberField(block, 483, 12, "real size");
  const segments: Segment[] = [];
  readOldSegments(block, 386, 4, segments);
  let more = block[482] !== 0;
  while (more) {
    const extension = await source.take(tarBlockSize);
    if (extension.byteLength < tarBlockSize) throw new MalformedTar("its sparse map is cut off");
    readOldSegments(extension, 0, 21, segments);
    if (segments.length > maxSegments) throw new MalformedTar("its sparse map is too long");
    more = extension[504] !== 0;
  }
  return { segments, size, mapBytes: 0 };
}

function readOldSegments(block: Uint8Array, start: number, count: number, into: Segment[]): void {
  for (let index = 0; index < count; index++) {
    const at = start + 24 * index;
    if (block[at] === 0) return;
    into.push({
      offset: numberField(block, at, 12, "sparse map"),
      length: numberField(block, at + 12, 12, "sparse map"),
    });
  }
}

/** PAX formats 0.0, 0.1 (map in the records) and 1.0 (map before the data); undefined for a plain file. */
export async function paxLayout(
  pax: PaxRecords,
  source: ByteSource,
  stored: number,
): Promise<SparseLayout | undefined> {
  if (pax.get("GNU.sparse.major") === "1") {
    const { numbers, mapBytes } = await readMap(source, stored);
    return { segments: pairs(numbers), size: decimal(pax.get("GNU.sparse.realsize")), mapBytes };
  }
  const map = pax.get("GNU.sparse.map");
  if (map === undefined) return undefined;
  const numbers = map === "" ? [] : map.split(",").map(decimal);
  const size = decimal(pax.get("GNU.sparse.size") ?? pax.get("GNU.sparse.realsize"));
  return { segments: pairs(numbers), size, mapBytes: 0 };
}

async function readMap(source: ByteSource, stored: number): Promise<{ numbers: number[]; mapBytes: number }> {
  const numbers: number[] = [];
  let wanted = 1;
  let text = "";
  let mapBytes = 0;
  while (numbers.length < wanted) {
    if (mapBytes + tarBlockSize > stored) throw new MalformedTar("its sparse map is cut off");
    const block = await source.take(tarBlockSize);
    if (block.byteLength < tarBlockSize) throw new MalformedTar("its sparse map is cut off");
    mapBytes += tarBlockSize;
    text += bufferOf(block).toString("latin1");
    const lines = text.split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      if (numbers.length >= wanted) break;
      numbers.push(decimal(line));
      if (numbers.length === 1) wanted = 1 + 2 * (numbers[0] as number);
      if (wanted > 2 * maxSegments) throw new MalformedTar("its sparse map is too long");
    }
  }
  return { numbers: numbers.slice(1), mapBytes };
}

function decimal(text: string | undefined): number {
  const value = text !== undefined && /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new MalformedTar("its sparse map isn't made of numbers");
  return value;
}

function pairs(numbers: readonly number[]): Segment[] {
  if (numbers.length % 2 !== 0) throw new MalformedTar("its sparse map has an odd length");
  const segments: Segment[] = [];
  for (let at = 0; at < numbers.length; at += 2) {
    segments.push({ offset: numbers[at] as number, length: numbers[at + 1] as number });
  }
  return segments;
}

/** Throws unless the segments are in order, inside of the file, and as long as what the archive stores. */
export function checkLayout(layout: SparseLayout, stored: number): void {
  let end = 0;
  let total = 0;
  for (const { offset, length } of layout.segments) {
    if (offset < end || offset + length > layout.size) throw new MalformedTar("its sparse map overlaps");
    end = offset + length;
    total += length;
  }
  if (total !== stored - layout.mapBytes) throw new MalformedTar("its sparse map doesn't match its data");
}
