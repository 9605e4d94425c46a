import { createHash, type Hash } from "node:crypto";
import { type BigIntStats, closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Entry } from "../archive/entry.ts";
import { AnyarchError, systemCode } from "../errors/error.ts";
import { printableName } from "../errors/printable.ts";
import { systemReason } from "../errors/system-error.ts";
import { writeFileAtomic } from "../host/atomic-file.ts";
import { type Digest, digestOf, digestHex } from "../oci/digest.ts";

/** size, mtime and ctime in ns, inode, digest: what tells that a file is still the one that was read. */
type Memo = readonly [size: string, mtimeNs: string, ctimeNs: string, inode: string, digest: Digest];

/** Bytes; larger files are read in pieces of {@link piecesAtOnce} MiB: Ctrl-C has to get its turn. */
const largeFile = 32 << 20;
const piecesAtOnce = 32;

/** Files changed this shortly before they were read may change again within the clock's granularity. */
const racyNs = 2_000_000_000n;

/**
 * Digests of files on the host, remembered by (path, size, mtime, ctime, inode) as git's index does, so that an
 * unchanged file is not read again. One file per scope (an application's directory) under the cache.
 */
export class ContentDigests {
  readonly #path: string;
  readonly #known: Map<string, Memo>;
  readonly #buffer: Buffer = Buffer.allocUnsafe(1 << 20);
  /** What this build has read. */
  readonly #read = new Map<string, Memo>();
  #changed = false;

  constructor(cacheDir: string, scope: string) {
    this.#path = join(cacheDir, "content", `${digestHex(digestOf(scope)).slice(0, 32)}.json`);
    this.#known = readMemos(this.#path);
  }

  /**
   * The digest of a file's content, each file once per build. Large files are read in pieces between which others have
   * their turn. Throws INPUT_UNREADABLE, or APP_FILE_CHANGED where the size isn't `expectedSize` any more.
   */
  digestOfFile(path: string, expectedSize: number, signal: AbortSignal): Digest | Promise<Digest> {
    const file = openFile(path);
    let isOpen = true;
    try {
      const stat = fstatSync(file, { bigint: true });
      if (Number(stat.size) !== expectedSize) throw changed(path);
      const key = keyOf(stat);
      const known = this.#read.get(path) ?? this.#known.get(path);
      if (known !== undefined && sameKey(key, known)) {
        this.#read.set(path, known);
        return known[4];
      }
      if (expectedSize <= largeFile) return this.#remember(path, stat, this.#hash(file));
      isOpen = false;
      return this.#hashSlowly(file, signal)
        .finally(() => closeSync(file))
        .then((digest) => this.#remember(path, stat, digest));
    } finally {
      if (isOpen) closeSync(file);
    }
  }

  /**
   * Throws APP_FILE_CHANGED where one of the files isn't any more what its digest was taken of: else the layer that was
   * written meanwhile would be remembered as one of other content.
   */
  assertUnchanged(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.type !== "file" || "bytes" in entry.content) continue;
      const { file } = entry.content;
      const known = this.#read.get(file);
      if (known === undefined) continue;
      const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined || !sameKey(keyOf(stat), known)) throw changed(file);
    }
  }

  /** Remembers what was read for the next build. A cache that can't be written is no failure. */
  async save(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    await writeFileAtomic(this.#path, JSON.stringify([...this.#known])).catch(() => {});
  }

  #remember(path: string, stat: BigIntStats, digest: Digest): Digest {
    const memo: Memo = [...keyOf(stat), digest];
    this.#read.set(path, memo);
    const now = BigInt(Date.now()) * 1_000_000n;
    if (now - stat.mtimeNs > racyNs && now - stat.ctimeNs > racyNs) {
      this.#known.set(path, memo);
      this.#changed = true;
    }
    return digest;
  }

  #hash(file: number): Digest {
    const hash = createHash("sha256");
    while (this.#readPiece(file, hash));
    return `sha256:${hash.digest("hex")}`;
  }

  async #hashSlowly(file: number, signal: AbortSignal): Promise<Digest> {
    const hash = createHash("sha256");
    for (let pieces = 1; this.#readPiece(file, hash); pieces++) {
      if (pieces % piecesAtOnce !== 0) continue;
      await new Promise((resolve) => setImmediate(resolve));
      signal.throwIfAborted();
    }
    return `sha256:${hash.digest("hex")}`;
  }

  #readPiece(file: number, hash: Hash): boolean {
    const count = readSync(file, this.#buffer, 0, this.#buffer.length, null);
    hash.update(this.#buffer.subarray(0, count));
    return count > 0;
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (systemCode(error) === "ENOENT") throw changed(path);
    throw new AnyarchError(
      "INPUT_UNREADABLE",
      `${printableName(path)} can't be read: ${systemReason(error)}.`,
      {
        cause: error,
        hint: "Make it readable, or leave it out with .dockerignore.",
      },
    );
  }
}

function changed(path: string): AnyarchError {
  return new AnyarchError("APP_FILE_CHANGED", `${printableName(path)} changed while the build looked at it.`);
}

type Key = readonly [size: string, mtimeNs: string, ctimeNs: string, inode: string];

function keyOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): Key {
  return [String(size), String(mtimeNs), String(ctimeNs), String(ino)];
}

function sameKey(key: Key, memo: Memo): boolean {
  return key.every((part, index) => part === memo[index]);
}

function readMemos(path: string): Map<string, Memo> {
  try {
    return new Map(JSON.parse(readFileSync(path, "utf8")) as [string, Memo][]);
  } catch {
    return new Map(); // Absent or damaged: everything is read once more.
  }
}
