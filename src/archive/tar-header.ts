import { AnyarchError } from "../errors/error.ts";

/** Bytes of a tar block: headers are one, contents are padded to whole ones. */
export const tarBlockSize = 512;

/** The largest value of an 11 digit octal field (POSIX.1-2017 pax, "ustar Interchange Format"): 8 GiB - 1. */
const maxOctal11 = 0o77777777777;
/** The largest value of a 7 digit octal field. */
const maxOctal7 = 0o7777777;

/** What one header says; numbers are non-negative integers but for `mtime`, which may be negative. */
export interface HeaderFields {
  /** With the trailing slash of directories. */
  readonly path: string;
  /** "0" file, "1" hard link, "2" symbolic link, "5" directory. */
  readonly typeflag: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content that follow. */
  readonly size: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly linkname: string;
}

const printableAscii = /^[\x20-\x7e]*$/;

/**
 * The ustar header, preceded by a PAX extended header only for what ustar can't say: paths and link names that
 * are too long or not ASCII, sizes from 8 GiB, ids above 2097151, times outside of 0…8^11. The result is a
 * multiple of 512 bytes and may be overwritten by the next call.
 */
export function encodeTarHeader(fields: HeaderFields): Buffer {
  const split = printableAscii.test(fields.path) ? splitPath(fields.path) : undefined;
  const records: string[] = [];
  if (split === undefined) records.push(paxRecord("path", fields.path));
  if (fields.linkname.length > 100 || !printableAscii.test(fields.linkname))
    records.push(paxRecord("linkpath", fields.linkname));
  if (fields.size > maxOctal11) records.push(paxRecord("size", String(fields.size)));
  if (fields.uid > maxOctal7) records.push(paxRecord("uid", String(fields.uid)));
  if (fields.gid > maxOctal7) records.push(paxRecord("gid", String(fields.gid)));
  if (fields.mtime < 0 || fields.mtime > maxOctal11) records.push(paxRecord("mtime", String(fields.mtime)));
  if (records.length === 0) {
    const [prefix, name] = split ?? ["", ""];
    writeUstar(scratch, fields, prefix, name);
    return scratch;
  }
  const [prefix, name] = split ?? ["", asciiName(fields.path, 100)];
  return withPaxHeader(fields, records.join(""), prefix, name);
}

const scratch = Buffer.alloc(tarBlockSize);

function withPaxHeader(fields: HeaderFields, records: string, prefix: string, name: string): Buffer {
  const data = Buffer.from(records, "utf8");
  const padded = Math.ceil(data.length / tarBlockSize) * tarBlockSize;
  const all = Buffer.alloc(tarBlockSize + padded + tarBlockSize);
  const extended: HeaderFields = {
    path: "",
    typeflag: "x",
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: data.length,
    mtime: 0,
    linkname: "",
  };
  writeUstar(all.subarray(0, tarBlockSize), extended, "", asciiName(`PaxHeaders/${fields.path}`, 100));
  data.copy(all, tarBlockSize);
  writeUstar(all.subarray(tarBlockSize + padded), fields, prefix, name);
  return all;
}

/**
 * Prefix (at most 155 bytes) and name (at most 100) of a printable ASCII path, or undefined when no slash
 * divides it so. The first slash that leaves a short enough name is taken.
 */
function splitPath(path: string): readonly [string, string] | undefined {
  if (path.length <= 100) return ["", path];
  const slash = path.indexOf("/", path.length - 101);
  if (slash <= 0 || slash > 155 || slash === path.length - 1) return undefined;
  return [path.slice(0, slash), path.slice(slash + 1)];
}

/** A stand-in for readers that don't know PAX. */
function asciiName(path: string, limit: number): string {
  return path.replaceAll(/[^\x20-\x7e]/gu, "_").slice(0, limit);
}

function paxRecord(key: string, value: string): string {
  const rest = Buffer.byteLength(key) + Buffer.byteLength(value) + 3;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** Numbers that don't fit are written as 0: a PAX record has them. */
function writeUstar(block: Buffer, fields: HeaderFields, prefix: string, name: string): void {
  block.fill(0);
  block.write(name, 0, 100, "latin1");
  writeOctal(block, 100, 7, fields.mode & 0o7777);
  writeOctal(block, 108, 7, fields.uid > maxOctal7 ? 0 : fields.uid);
  writeOctal(block, 116, 7, fields.gid > maxOctal7 ? 0 : fields.gid);
  writeOctal(block, 124, 11, fields.size > maxOctal11 ? 0 : fields.size);
  const { mtime } = fields;
  writeOctal(block, 136, 11, mtime < 0 || mtime > maxOctal11 ? 0 : mtime);
  block.write(fields.typeflag, 156, 1, "latin1");
  const linkname = printableAscii.test(fields.linkname) ? fields.linkname : asciiName(fields.linkname, 100);
  block.write(linkname, 157, 100, "latin1");
  block.write("ustar\u000000", 257, 8, "latin1");
  writeOctal(block, 329, 7, 0);
  writeOctal(block, 337, 7, 0);
  block.write(prefix, 345, 155, "latin1");
  block.fill(0x20, 148, 156);
  writeOctal(block, 148, 6, headerSum(block));
  block[154] = 0;
}

function writeOctal(block: Buffer, at: number, digits: number, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new AnyarchError("INTERNAL", `${value} isn't a number that a tar header can hold.`);
  let rest = value;
  for (let position = at + digits - 1; position >= at; position--) {
    block[position] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

/** The sum of a header's bytes, as its checksum field has it when that field is all spaces. */
export function headerSum(block: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < tarBlockSize; at++) sum += block[at] as number;
  return sum;
}
