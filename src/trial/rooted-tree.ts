import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  rmSync,
  type Stats,
} from "node:fs";
import { join } from "node:path";
import { AnyarchError, systemCode } from "../errors/error.ts";

/** Symbolic links followed until a path counts as a loop; Linux's own limit. */
const maxLinks = 40;

/**
 * A root filesystem in a directory of ours. Paths are relative to it ("usr/bin/env", "" for the root); symbolic links
 * are followed as a process sees them whose root it is, and never out of it. Nothing else may write there meanwhile.
 */
export class RootedTree {
  readonly root: string;
  /** For errors: "The layer sha256:…". */
  source: string;
  /** Directory as written → where it is. */
  readonly #folders = new Map<string, string>();

  constructor(root: string, source: string) {
    this.root = root;
    this.source = source;
  }

  absolute(place: string): string {
    return place === "" ? this.root : `${this.root}/${place}`;
  }

  stat(place: string): Stats | undefined {
    return lstatSync(this.absolute(place), { throwIfNoEntry: false });
  }

  names(place: string): readonly string[] {
    return readdirSync(this.absolute(place));
  }

  /** Removes what is at a place, a directory with all in it; links are not followed. */
  remove(place: string): void {
    rmSync(this.absolute(place), { recursive: true, force: true });
    this.#folders.clear();
  }

  /**
   * Where the directory `path` is, its links followed; undefined where there is none. With `make`, what is missing or
   * no directory is made and `onMade` called. Throws ARCHIVE_UNSAFE for links that climb above the root or loop.
   */
  folder(path: string, make?: (place: string) => void): string | undefined {
    if (path === "") return "";
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const found = this.#follow(path, (place, info) => {
      if (info?.isDirectory() === true) return "go";
      if (make === undefined) return "stop";
      if (info !== undefined) this.remove(place);
      mkdirSync(this.absolute(place), 0o755);
      make(place);
      return "go";
    });
    if (found !== undefined) this.#folders.set(path, found);
    return found;
  }

  /** Where `path` leads, all links followed; undefined where nothing is. Throws ARCHIVE_UNSAFE as {@link folder}. */
  resolve(path: string): string | undefined {
    return this.#follow(path, (_place, info) => (info === undefined ? "stop" : "go"));
  }

  /** A small file's content; undefined where `path` leads to no regular file, or to one larger than `limit` bytes. */
  read(path: string, limit: number): Buffer | undefined {
    const start = this.readStart(path, limit + 1);
    return start === undefined || start.byteLength > limit ? undefined : start;
  }

  /** The first `count` bytes of a regular file that may be read, or fewer where it is shorter. */
  readStart(path: string, count: number): Buffer | undefined {
    const place = this.resolve(path);
    if (place === undefined || this.stat(place)?.isFile() !== true) return undefined;
    let fd: number;
    try {
      fd = openSync(this.absolute(place), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      if (systemCode(error) === "EACCES") return undefined; // A program like sudo that its user may only execute.
      throw error;
    }
    try {
      const bytes = Buffer.alloc(Math.min(count, fstatSync(fd).size));
      let done = 0;
      while (done < bytes.length) {
        const read = readSync(fd, bytes, done, bytes.length - done, done);
        if (read === 0) break;
        done += read;
      }
      return bytes.subarray(0, done);
    } finally {
      closeSync(fd);
    }
  }

  #follow(
    path: string,
    decide: (place: string, info: Stats | undefined) => "go" | "stop",
  ): string | undefined {
    const parts = path.split("/").toReversed();
    let at: string[] = [];
    let links = 0;
    while (parts.length > 0) {
      const part = parts.pop() ?? "";
      if (part === "" || part === ".") continue;
      if (part === "..") {
        if (at.pop() === undefined) throw this.unsafe(path, "a link on its way climbs above the root");
        continue;
      }
      const place = join(...at, part);
      const info = this.stat(place);
      if (info?.isSymbolicLink() === true) {
        if (++links > maxLinks) throw this.unsafe(path, "its links go round in a circle");
        const target = readlinkSync(this.absolute(place));
        if (target.startsWith("/")) at = [];
        parts.push(...target.split("/").toReversed());
        continue;
      }
      if (decide(place, info) === "stop") return undefined;
      at.push(part);
      // A file has nothing below it.
      if (info?.isDirectory() !== true && parts.some((more) => more !== "" && more !== ".")) {
        if (this.stat(place)?.isDirectory() !== true) return undefined;
      }
    }
    return at.join("/");
  }

  unsafe(path: string, why: string): AnyarchError {
    return new AnyarchError(
      "ARCHIVE_UNSAFE",
      `${this.source} has the path ${JSON.stringify(path)}: ${why}.`,
      {
        details: { path },
      },
    );
  }
}
