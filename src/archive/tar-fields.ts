import { headerSum, tarBlockSize } from "./tar-header.ts";

/** What PAX records say: an empty value means "as if absent" (POSIX.1-2017 pax, "pax Extended Header"). */
export type PaxRecords = ReadonlyMap<string, string>;

/** Tells where and why; the reader turns it into an error with the archive's name and offset. */
export class MalformedTar extends Error {}

/** Text up to the first NUL: UTF-8, as all tar programs of today write it. */
export function textField(block: Uint8Array, at: number, length: number): string {
  let end = at;
  while (end < at + length && block[end] !== 0) end++;
  return bufferOf(block).toString("utf8", at, end);
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An octal number padded with spaces or NULs, or GNU's base-256 (first byte 0x80, or 0xff for negatives). */
export function numberField(block: Uint8Array, at: number, length: number, what: string): number {
  const first = block[at] as number;
  if ((first & 0x80) !== 0) return base256(block, at, length, what);
  let position = at;
  const end = at + length;
  while (position < end && (block[position] === 0x20 || block[position] === 0)) position++;
  let value = 0;
  for (; position < end; position++) {
    const digit = (block[position] as number) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  for (; position < end; position++) {
    const byte = block[position];
    if (byte === 0) break;
    if (byte !== 0x20) throw new MalformedTar(`its ${what} isn't an octal number`);
  }
  return safe(value, what);
}

function base256(block: Uint8Array, at: number, length: number, what: string): number {
  const negative = block[at] === 0xff;
  let value = negative ? -1n : BigInt((block[at] as number) & 0x7f);
  for (let position = at + 1; position < at + length; position++) {
    value = value * 256n + BigInt(block[position] as number);
  }
  return safe(Number(value), what);
}

function safe(value: number, what: string): number {
  if (!Number.isSafeInteger(value)) throw new MalformedTar(`its ${what} is too large`);
  return value;
}

export function isZeroBlock(block: Uint8Array): boolean {
  for (let at = 0; at < tarBlockSize; at++) if (block[at] !== 0) return false;
  return true;
}

/** Some old programs summed the bytes as signed ones. */
export function checksumHolds(block: Uint8Array): boolean {
  const stored = numberField(block, 148, 8, "checksum");
  let sum = headerSum(block);
  for (let at = 148; at < 156; at++) sum += 0x20 - (block[at] as number);
  if (sum === stored) return true;
  for (let at = 0; at < tarBlockSize; at++) {
    if ((at < 148 || at >= 156) && (block[at] as number) > 127) sum -= 256;
  }
  return sum === stored;
}

/** Path of a ustar header: its prefix is only there with POSIX's magic (GNU keeps times in its place). */
export function headerPath(block: Uint8Array): string {
  const name = textField(block, 0, 100);
  const posix = bufferOf(block).toString("latin1", 257, 263) === "ustar\0";
  if (!posix) return name;
  const star = bufferOf(block).toString("latin1", 508, 512) === "tar\0";
  const prefix = textField(block, 345, star ? 131 : 155);
  return prefix === "" ? name : `${prefix}/${name}`;
}

/**
 * Parses "length key=value\n" records. GNU.sparse.offset and .numbytes repeat: they are joined by commas. Values of
 * SCHILY.xattr.* are bytes, one per character (latin1); all others are UTF-8.
 */
export function parsePax(bytes: Uint8Array): PaxRecords {
  const data = bufferOf(bytes);
  const records = new Map<string, string>();
  const sparse: string[] = [];
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const digits = space < 0 ? "" : data.toString("latin1", at, space);
    const end = /^[1-9]\d{0,8}$/.test(digits) ? at + Number(digits) : -1;
    const equals = data.indexOf(0x3d, space);
    if (end <= space + 1 || end > data.length || data[end - 1] !== 0x0a || equals < 0 || equals >= end)
      throw new MalformedTar("its extended header is malformed");
    const key = data.toString("utf8", space + 1, equals);
    const encoding = key.startsWith("SCHILY.xattr.") ? "latin1" : "utf8";
    const value = data.toString(encoding, equals + 1, end - 1);
    if (key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes") sparse.push(value);
    else records.set(key, value);
    at = end;
  }
  if (sparse.length > 0) records.set("GNU.sparse.map", sparse.join(","));
  return records;
}

/** A decimal record; `fallback` where it is absent or empty. Fractions of times are kept. */
export function paxNumber(pax: PaxRecords, key: string, fallback: number): number {
  const text = pax.get(key);
  if (text === undefined || text === "") return fallback;
  const pattern = key === "mtime" ? /^-?\d+(?:\.\d*)?$/ : /^\d+$/;
  if (!pattern.test(text)) throw new MalformedTar(`its extended header's ${key} isn't a number`);
  const value = Number(text);
  if (Math.abs(value) > Number.MAX_SAFE_INTEGER) throw new MalformedTar(`its ${key} is too large`);
  return value;
}

/** A text record; `fallback` where it is absent or empty. */
export function paxText(pax: PaxRecords, key: string, fallback: string): string {
  const text = pax.get(key);
  if (text === undefined || text === "") return fallback;
  if (text.includes("\0")) throw new MalformedTar(`its extended header's ${key} holds a NUL byte`);
  return text;
}
