import type { Segment } from "./elf-header.ts";
import { segmentTypes } from "./elf-header.ts";
import type { RandomAccess } from "./random-access.ts";

/** For which processors a Go program was compiled; Go programs have no other mark of it. */
export interface GoTarget {
  /** GOARM: 5 to 7. */
  readonly arm?: number;
  /** GOAMD64: 1 to 4. */
  readonly amd64?: 1 | 2 | 3 | 4;
}

const magic = "\xff Go buildinf:";
/** The linker puts it at the beginning of a segment; Go's own reader looks as far. */
const reach = 64 << 10;
const maxText = 64 << 10;
/** The header is 32 bytes; since Go 1.18 two strings with their lengths before them follow (package debug/buildinfo). */
const headerSize = 32;
const inlineStrings = 2;

/**
 * What the build information of a Go program says of its target; undefined for other programs, for those of Go
 * before 1.18, and where the bytes aren't at hand. Never throws.
 */
export function readGoTarget(source: RandomAccess, segments: readonly Segment[]): GoTarget | undefined {
  for (const { type, executable, offset, size } of segments) {
    if (type !== segmentTypes.load || executable || offset >= source.size) continue;
    const length = Math.min(size, reach, source.size - offset);
    const bytes = source.read(offset, length);
    if (bytes === undefined) continue;
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const at = view.indexOf(magic, 0, "latin1");
    if (at < 0 || at + headerSize > view.length || ((view[at + 15] ?? 0) & inlineStrings) === 0) continue;
    const version = stringAt(view, at + headerSize);
    const settings = version && stringAt(view, version.end);
    return settings === undefined ? undefined : targetOf(settings.text);
  }
  return undefined;
}

/** A string with its length as a varint before it. */
function stringAt(bytes: Buffer, start: number): { readonly text: string; readonly end: number } | undefined {
  let length = 0;
  let at = start;
  for (let scale = 1; scale < 2 ** 28; scale *= 128) {
    const byte = bytes[at++];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) break;
  }
  if (length > maxText || at + length > bytes.length) return undefined;
  return { text: bytes.toString("latin1", at, at + length), end: at + length };
}

function targetOf(settings: string): GoTarget {
  const arm = /^build\tGOARM=([567])/m.exec(settings)?.[1];
  const amd64 = /^build\tGOAMD64=v([1-4])/m.exec(settings)?.[1];
  return {
    ...(arm !== undefined && { arm: Number(arm) }),
    ...(amd64 !== undefined && { amd64: Number(amd64) as 1 | 2 | 3 | 4 }),
  };
}
