import { closeSync, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import { Readable } from "node:stream";
import { AnyarchError } from "../errors/error.ts";

/** A member of an ar archive; `offset` and `size` in bytes say where its content lies in the file. */
export interface ArMember {
  readonly name: string;
  readonly size: number;
  readonly offset: number;
}

const magic = "!<arch>\n";
const headerSize = 60;
/** Bounds what a hostile archive can make us hold. */
const maxNames = 1 << 20;

/**
 * The members of an ar archive, as .deb files are (deb(5)), in order. Understands the common format and both
 * ways of writing long names: BSD's ("#1/length") and GNU's ("//" table); GNU's tables themselves are left out.
 * Throws ARCHIVE_INVALID with the offset, and INPUT_UNREADABLE where the file can't be opened.
 */
export function readArMembers(path: string): readonly ArMember[] {
  const fd = openForReading(path);
  try {
    return new ArFile(path, fd).members();
  } finally {
    closeSync(fd);
  }
}

/** The content of a member. */
export function openArMember(path: string, member: ArMember): Readable {
  const { offset, size } = member;
  // A read stream's end is inclusive: it can't say "nothing".
  if (size === 0) return Readable.from([]);
  return createReadStream(path, { start: offset, end: offset + size - 1, highWaterMark: 256 << 10 });
}

function openForReading(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new AnyarchError("INPUT_UNREADABLE", `${path} can't be read: ${what}`, { cause: error });
  }
}

class ArFile {
  readonly #path: string;
  readonly #fd: number;
  readonly #size: number;
  #names = "";

  constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
    this.#size = fstatSync(fd).size;
  }

  members(): ArMember[] {
    if (this.#read(0, magic.length, "the file").toString("latin1") !== magic)
      throw this.#invalid(0, "it doesn't begin as an ar archive does");
    const members: ArMember[] = [];
    for (let at = magic.length; at < this.#size;) {
      const header = this.#read(at, headerSize, "a header").toString("latin1");
      if (header.slice(58) !== "`\n") throw this.#invalid(at, "a header doesn't end as it should");
      const size = this.#number(header.slice(48, 58), at);
      const offset = at + headerSize;
      if (offset + size > this.#size) throw this.#invalid(at, "a member is cut off");
      const member = this.#member(header.slice(0, 16).trimEnd(), offset, size);
      if (member !== undefined) members.push(member);
      at = offset + size + (size % 2);
    }
    return members;
  }

  #member(name: string, offset: number, size: number): ArMember | undefined {
    if (name === "/" || name === "/SYM64/") return undefined;
    if (name === "//") {
      if (size > maxNames) throw this.#invalid(offset, "its table of names is too long");
      this.#names = this.#read(offset, size, "the table of names").toString("utf8");
      return undefined;
    }
    if (name.startsWith("#1/")) {
      const length = this.#number(name.slice(3), offset);
      if (length > size || length > maxNames) throw this.#invalid(offset, "a name is longer than its member");
      const text = this.#read(offset, length, "a name").toString("utf8").replace(/\0+$/, "");
      return { name: text, offset: offset + length, size: size - length };
    }
    if (/^\/\d+$/.test(name)) {
      const start = Number(name.slice(1));
      const end = this.#names.indexOf("/\n", start);
      if (start >= this.#names.length || end < 0)
        throw this.#invalid(offset, `the long name ${name} is missing`);
      return { name: this.#names.slice(start, end), offset, size };
    }
    const plain = name.endsWith("/") ? name.slice(0, -1) : name;
    if (plain === "") throw this.#invalid(offset, "a member has no name");
    return { name: plain, offset, size };
  }

  #number(text: string, at: number): number {
    const digits = text.trimEnd();
    if (!/^\d{1,15}$/.test(digits)) throw this.#invalid(at, "a size isn't a number");
    return Number(digits);
  }

  #read(at: number, length: number, what: string): Buffer {
    const bytes = Buffer.alloc(length);
    let got = 0;
    while (got < length) {
      const count = readSync(this.#fd, bytes, got, length - got, at + got);
      if (count === 0) throw this.#invalid(at, `${what} is cut off`);
      got += count;
    }
    return bytes;
  }

  #invalid(offset: number, why: string): AnyarchError {
    const what = `${this.#path} is corrupt at byte ${offset}: ${why}.`;
    return new AnyarchError("ARCHIVE_INVALID", what, { details: { path: this.#path, offset } });
  }
}
