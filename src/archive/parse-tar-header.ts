import {
  bufferOf,
  headerPath,
  MalformedTar,
  numberField,
  paxNumber,
  type PaxRecords,
  paxText,
  textField,
} from "./tar-fields.ts";

export type TarEntryType =
  | "file"
  | "directory"
  | "symlink"
  | "hardlink"
  | "character-device"
  | "block-device"
  | "fifo"
  /** A type flag that no standard knows; see `typeflag`. */
  | "other";

/** What the archive says of an entry, long names and PAX records applied; not yet checked for safety. */
export interface TarHeader {
  /** As written: may begin with "./" or "/", end with "/", hold "..". See normalizeEntryPath. */
  readonly path: string;
  readonly type: TarEntryType;
  readonly typeflag: string;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  /** Bytes of content; 0 for all but files and "other". */
  readonly size: number;
  /** Seconds since the epoch; PAX may give fractions. */
  readonly mtime: number;
  /** Target of symbolic and hard links, as written. */
  readonly linkname: string;
  /** Of devices. */
  readonly major: number;
  readonly minor: number;
  /** Where the header begins in the archive, in bytes. */
  readonly offset: number;
  /** PAX records that apply, for example SCHILY.xattr.*. */
  readonly pax: PaxRecords;
}

const types: Readonly<Record<string, TarEntryType>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  S: "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  D: "directory",
  "6": "fifo",
};

/** Types without content, whatever their size field says (as Go's archive/tar, which container runtimes use). */
export const headerOnly: ReadonlySet<string> = new Set(["1", "2", "3", "4", "5", "6"]);

export function isFileType(typeflag: string): boolean {
  return types[typeflag] === "file";
}

/** What entries before this one say of it. */
export interface Extensions {
  readonly pax: PaxRecords;
  readonly longName: string | undefined;
  readonly longLink: string | undefined;
}

export const noExtensions: Extensions = { pax: new Map(), longName: undefined, longLink: undefined };

/** Throws MalformedTar. `size` is left 0: only the reader knows it, for sparse files have a map to read. */
export function parseTarHeader(
  block: Uint8Array,
  typeflag: string,
  extensions: Extensions,
  offset: number,
): TarHeader {
  const { pax } = extensions;
  const path = paxText(
    pax,
    "GNU.sparse.name",
    paxText(pax, "path", extensions.longName ?? headerPath(block)),
  );
  if (path === "") throw new MalformedTar("its path is empty");
  const type = types[typeflag] ?? "other";
  const device = type === "character-device" || type === "block-device";
  // V7 had no type for directories.
  const isOldDirectory = type === "file" && path.endsWith("/");
  const ustar = bufferOf(block).toString("latin1", 257, 262) === "ustar";
  return {
    path,
    type: isOldDirectory ? "directory" : type,
    typeflag,
    mode: numberField(block, 100, 8, "mode") & 0o7777,
    uid: paxNumber(pax, "uid", numberField(block, 108, 8, "user id")),
    gid: paxNumber(pax, "gid", numberField(block, 116, 8, "group id")),
    uname: ustar ? paxText(pax, "uname", textField(block, 265, 32)) : "",
    gname: ustar ? paxText(pax, "gname", textField(block, 297, 32)) : "",
    size: 0,
    mtime: paxNumber(pax, "mtime", numberField(block, 136, 12, "time")),
    linkname: paxText(pax, "linkpath", extensions.longLink ?? textField(block, 157, 100)),
    major: device ? numberField(block, 329, 8, "device number") : 0,
    minor: device ? numberField(block, 337, 8, "device number") : 0,
    offset,
    pax,
  };
}
