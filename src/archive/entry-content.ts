import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { AnyarchError, systemCode } from "../errors/error.ts";
import type { FileEntry } from "./entry.ts";

/**
 * The content of a small file entry. Throws APP_FILE_CHANGED, naming the file in its details, where it isn't (any
 * more) as long as the entry says or hasn't the digest that it says.
 */
export function readEntryContent(entry: FileEntry): Buffer {
  if ("bytes" in entry.content) return Buffer.from(entry.content.bytes);
  const { file, offset = 0 } = entry.content;
  const bytes = readSlice(file, offset, entry.size);
  if (bytes.byteLength < entry.size) throw changed(entry.path, file, "it is cut off");
  if (entry.digest !== undefined) {
    const actual = createHash("sha256").update(bytes).digest("hex");
    if (`sha256:${actual}` !== entry.digest) throw changed(entry.path, file, "it has another digest");
  }
  return bytes;
}

/** The first `count` bytes of an entry's content, or fewer where it is shorter. Not verified. */
export function readEntryStart({ content, size }: FileEntry, count: number): Buffer {
  const length = Math.min(count, size);
  if ("bytes" in content) return Buffer.from(content.bytes.subarray(0, length));
  return readSlice(content.file, content.offset ?? 0, length);
}

function readSlice(file: string, offset: number, size: number): Buffer {
  let fd: number;
  try {
    fd = openSync(file, "r");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
  try {
    const bytes = Buffer.allocUnsafe(size);
    let done = 0;
    while (done < size) {
      const count = readSync(fd, bytes, done, size - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(fd);
  }
}

/** `file` is what the entry at `path` takes its bytes from. */
export function changed(path: string, file: string, what: string, cause?: unknown): AnyarchError {
  return new AnyarchError("APP_FILE_CHANGED", `${file} changed while it was read: ${what}.`, {
    cause,
    details: { path, file },
  });
}
