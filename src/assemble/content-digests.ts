import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";
import { writeFileAtomic } from "../host/atomic-file.ts";
import { type Digest, digestOf, digestHex } from "../oci/digest.ts";

/** size, mtime and ctime in ns, inode, digest: what tells that a file is still the one that was read. */
type Memo = readonly [size: string, mtimeNs: string, ctimeNs: string, inode: string, digest: Digest];

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
  #changed = false;

  constructor(cacheDir: string, scope: string) {
    this.#path = join(cacheDir, "content", `${digestHex(digestOf(scope)).slice(0, 32)}.json`);
    this.#known = readMemos(this.#path);
  }

  /** Throws INPUT_UNREADABLE, or APP_FILE_CHANGED where the size isn't `expectedSize` any more. */
  digestOfFile(path: string, expectedSize: number): Digest {
    let file: number;
    try {
      file = openSync(path, "r");
    } catch (error) {
      throw new AnyarchError("INPUT_UNREADABLE", `${path} can't be read: ${systemReason(error)}.`, {
        cause: error,
        hint: "Make it readable, or leave it out with .dockerignore.",
      });
    }
    try {
      const stat = fstatSync(file, { bigint: true });
      if (Number(stat.size) !== expectedSize) {
        throw new AnyarchError("APP_FILE_CHANGED", `${path} changed while the build looked at it.`);
      }
      const key = [String(stat.size), String(stat.mtimeNs), String(stat.ctimeNs), String(stat.ino)] as const;
      const memo = this.#known.get(path);
      if (memo !== undefined && key.every((part, index) => part === memo[index])) return memo[4];
      const digest = this.#hash(file);
      const now = BigInt(Date.now()) * 1_000_000n;
      if (now - stat.mtimeNs > racyNs && now - stat.ctimeNs > racyNs) {
        this.#known.set(path, [...key, digest]);
        this.#changed = true;
      }
      return digest;
    } finally {
      closeSync(file);
    }
  }

  /** Remembers what was read for the next build. A cache that can't be written is no failure. */
  async save(): Promise<void> {
    if (!this.#changed) return;
    this.#changed = false;
    await writeFileAtomic(this.#path, JSON.stringify([...this.#known])).catch(() => {});
  }

  #hash(file: number): Digest {
    const hash = createHash("sha256");
    for (;;) {
      const count = readSync(file, this.#buffer, 0, this.#buffer.length, null);
      if (count === 0) return `sha256:${hash.digest("hex")}`;
      hash.update(this.#buffer.subarray(0, count));
    }
  }
}

function readMemos(path: string): Map<string, Memo> {
  try {
    return new Map(JSON.parse(readFileSync(path, "utf8")) as [string, Memo][]);
  } catch {
    return new Map(); // Absent or damaged: everything is read once more.
  }
}
