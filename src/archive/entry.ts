import type { Digest } from "../oci/digest.ts";

/**
 * One thing in a layer. Everything that makes layers (application files, wheels, Debian packages) speaks in
 * entries; the tar writer turns sorted entries into bytes. Metadata is eager, file content lazy.
 */
export type Entry = FileEntry | DirectoryEntry | SymlinkEntry | HardlinkEntry;

interface EntryBase {
  /** Relative to the image's root, "/"-separated, no leading or trailing slash, no "." or "..". */
  readonly path: string;
  /** Permission bits including setuid, setgid and sticky: 0o755. */
  readonly mode: number;
  /** 0 by default. */
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since the epoch; the layer's own time (SOURCE_DATE_EPOCH or 0) by default. */
  readonly mtime?: number;
}

export interface FileEntry extends EntryBase {
  readonly type: "file";
  /** Bytes. */
  readonly size: number;
  readonly content: FileContent;
  /** sha256 of the content where it is known already; else it is computed when a recipe needs it. */
  readonly digest?: Digest;
}

export interface DirectoryEntry extends EntryBase {
  readonly type: "directory";
}

export interface SymlinkEntry extends EntryBase {
  readonly type: "symlink";
  readonly target: string;
}

export interface HardlinkEntry extends EntryBase {
  readonly type: "hardlink";
  /** The `path` of a file entry that comes before this one. */
  readonly target: string;
}

/** Bytes at hand, or `size` bytes of a file on the host from `offset` (0 by default). */
export type FileContent =
  | { readonly bytes: Uint8Array }
  | { readonly file: string; readonly offset?: number };
