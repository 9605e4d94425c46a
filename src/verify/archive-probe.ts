import { constants, inflateRawSync } from "node:zlib";
import type { TarContent } from "../archive/tar-content.ts";
import type { ProbeMemory } from "./content-probe.ts";
import { readElf } from "./elf.ts";
import { elfHeaderSize, isElf } from "./elf-header.ts";
import type { ArchivedNative } from "./layer-scan.ts";
import { sourceOf } from "./random-access.ts";

/** Larger archives aren't looked into: they are held whole meanwhile. */
const maxArchive = 256 << 20;
/** Archives within archives within archives: a library's jar in an application's in an enterprise archive. */
const maxDepth = 3;
const maxNatives = 4096;
/** Entries of one archive whose beginning is decompressed: ordinary ones have a few hundred of such a name. */
const maxLooks = 10_000;

/** True for archives whose reader loads native code out of them: Java's, and Python's zip applications. */
export function isCodeArchive(path: string): boolean {
  return /\.(?:jar|war|ear|pex|pyz|egg)$/i.test(path);
}

/**
 * The ELF files of an archive; undefined where it has none, isn't a zip file or is too large. Never throws for its
 * bytes. Of all archives that are read at the same time `memory` holds one.
 */
export async function nativesOf(
  content: TarContent,
  memory: ProbeMemory,
): Promise<readonly ArchivedNative[] | undefined> {
  const { size } = content;
  if (size < 22 || size > maxArchive) return undefined;
  const natives = await memory.use(size, async (buffer) => {
    let used = 0;
    for await (const chunk of content) {
      buffer.set(chunk, used);
      used += chunk.byteLength;
    }
    const found: Found = { natives: [], looks: 0 };
    collect(buffer.subarray(0, size), "", found, 1);
    return found.natives;
  });
  return natives.length === 0 ? undefined : natives;
}

interface Found {
  readonly natives: ArchivedNative[];
  looks: number;
}

function collect(zip: Buffer, prefix: string, found: Found, depth: number): void {
  const { natives } = found;
  for (const entry of entriesOf(zip)) {
    if (natives.length >= maxNatives || found.looks >= maxLooks) return;
    if (mayBeNative(entry.name)) {
      found.looks++;
      const facts = headerFacts(zip, entry);
      if (facts !== undefined) natives.push({ name: `${prefix}${entry.name}`, facts });
    } else if (isCodeArchive(entry.name) && depth < maxDepth && entry.method === 0) {
      // Spring and others store jars in jars, so that they can be read where they are.
      const content = contentOf(zip, entry);
      if (content !== undefined) collect(content, `${prefix}${entry.name}!/`, found, depth + 1);
    }
  }
}

/** Native code in archives has a library's name, or none (programs that are unpacked and run). */
function mayBeNative(name: string): boolean {
  if (/^META-INF\/[^/]*$/.test(name)) return false;
  return /(?:^|\/)[^/.]+$|\.(?:so(?:\.\d[\d.]*)?|node|jnilib|exe|bin)$|[-_](?:x86_64|amd64|aarch64|arm64)$/i.test(
    name,
  );
}

interface ZipEntry {
  readonly name: string;
  /** 0 stored, 8 deflated. */
  readonly method: number;
  /** As stored. */
  readonly size: number;
  /** Of its local header. */
  readonly offset: number;
}

const endMagic = 0x06054b50;
const entryMagic = 0x02014b50;
const localMagic = 0x04034b50;

/** What the central directory lists (APPNOTE.TXT 4.3.12 and 4.3.16; nothing of ZIP64, which jars don't need). */
function* entriesOf(zip: Buffer): Generator<ZipEntry, void, undefined> {
  const end = endOf(zip);
  if (end === undefined) return;
  const length = zip.readUInt32LE(end + 12);
  // Offsets count from where the archive begins, which may be behind a "#!" line.
  const shift = end - length - zip.readUInt32LE(end + 16);
  let at = end - length;
  if (at < 0 || shift < 0) return;
  while (at + 46 <= end && zip.readUInt32LE(at) === entryMagic) {
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString("utf8", at + 46, at + 46 + nameLength);
    const [method, size] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20)];
    yield { name, method, size, offset: zip.readUInt32LE(at + 42) + shift };
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
}

/** The end record lies behind everything but a comment of at most 65535 bytes. */
function endOf(zip: Buffer): number | undefined {
  const first = Math.max(0, zip.length - 22 - 0xffff);
  for (let at = zip.length - 22; at >= first; at--) {
    if (zip[at] === 0x50 && zip.readUInt32LE(at) === endMagic) return at;
  }
  return undefined;
}

function contentOf(zip: Buffer, { offset, size }: ZipEntry): Buffer | undefined {
  if (offset + 30 > zip.length || zip.readUInt32LE(offset) !== localMagic) return undefined;
  const start = offset + 30 + zip.readUInt16LE(offset + 26) + zip.readUInt16LE(offset + 28);
  return start + size <= zip.length ? zip.subarray(start, start + size) : undefined;
}

/** What the ELF header of an entry says; undefined for what isn't ELF. */
function headerFacts(zip: Buffer, entry: ZipEntry): ArchivedNative["facts"] | undefined {
  const content = contentOf(zip, entry);
  const head = content === undefined ? undefined : beginningOf(content, entry.method);
  if (head === undefined || head.length < elfHeaderSize || !isElf(head)) return undefined;
  const read = readElf(sourceOf(head.subarray(0, elfHeaderSize), Math.max(entry.size, elfHeaderSize)));
  return read?.kind === "elf" ? read : undefined;
}

/** Deflated bytes that surely hold the first hundred: tables of codes before them take at most some three hundred. */
const enough = 512;

function beginningOf(content: Buffer, method: number): Buffer | undefined {
  if (method === 0) return content;
  if (method !== 8) return undefined;
  try {
    return inflateRawSync(content.subarray(0, enough), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return undefined;
  }
}
