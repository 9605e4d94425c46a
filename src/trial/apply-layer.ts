import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { decompressLayer } from "../archive/decompress.ts";
import { normalizeEntryPath } from "../archive/entry-path.ts";
import type { TarHeader } from "../archive/parse-tar-header.ts";
import type { TarContent } from "../archive/tar-content.ts";
import { readTar } from "../archive/tar-reader.ts";
import { AnyarchError } from "../errors/error.ts";
import type { RootedTree } from "./rooted-tree.ts";

export interface ApplyLayerOptions {
  /** Of the uncompressed tar, as the config says it. */
  readonly diffID: string;
  readonly signal: AbortSignal;
}

/** An extended attribute that an archive gives a file; Node.js has no call to set it. */
export interface WantedAttribute {
  readonly place: string;
  readonly name: string;
  readonly value: Buffer;
}

interface DirectoryState {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
}

const xattrPrefix = "SCHILY.xattr.";
const opaqueMark = ".wh..wh..opq";

/**
 * Puts layers on top of each other in a directory, as image-spec layer.md ("Applying Changesets") has it: a layer's
 * whiteouts hide what lies below it, never what it brings itself. Owners are kept where `chown` is allowed (root).
 * Devices and FIFOs are left out: a container's /dev is made for it.
 */
export class LayerApplier {
  readonly #tree: RootedTree;
  readonly #chown: boolean;
  /** Set at the end: entries below would change times, and modes may forbid to write. */
  readonly #directories = new Map<string, DirectoryState>();
  /** Places of the layer that is being read, and their directories. */
  #written = new Set<string>();
  #attributes: WantedAttribute[] = [];
  #leftOut = 0;

  constructor(tree: RootedTree, options: { readonly chown: boolean }) {
    this.#tree = tree;
    this.#chown = options.chown;
  }

  /** How many devices and FIFOs were left out. */
  get leftOut(): number {
    return this.#leftOut;
  }

  get attributes(): readonly WantedAttribute[] {
    return this.#attributes;
  }

  /**
   * Applies one layer, lowest first. Throws DIGEST_MISMATCH where its content isn't what the config says,
   * ARCHIVE_UNSAFE for what would leave the root, ARCHIVE_INVALID, and what `source` throws.
   */
  async apply(source: AsyncIterable<Uint8Array>, options: ApplyLayerOptions): Promise<void> {
    const name = this.#tree.source;
    const hash = createHash("sha256");
    async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
      for await (const chunk of decompressLayer(source, "auto", name)) {
        hash.update(chunk);
        yield chunk;
      }
    }
    this.#written = new Set([""]);
    await readTar(hashed(), (header, content) => this.#entry(header, content), {
      name,
      signal: options.signal,
    });
    const actual = `sha256:${hash.digest("hex")}`;
    if (actual !== options.diffID) {
      throw new AnyarchError(
        "DIGEST_MISMATCH",
        `${name} unpacks to ${actual}, but the image's config says ${options.diffID}.`,
      );
    }
  }

  /** Gives directories their modes, owners and times. */
  finish(): void {
    const deepestFirst = [...this.#directories].sort(([a], [b]) => (a < b ? 1 : -1));
    for (const [place, { mode, uid, gid, mtime }] of deepestFirst) {
      const path = this.#tree.absolute(place);
      if (this.#chown) lchownSync(path, uid, gid);
      chmodSync(path, mode);
      utimesSync(path, mtime, mtime);
    }
    this.#directories.clear();
  }

  #entry(header: TarHeader, content: TarContent): void | Promise<void> {
    // Every runtime takes a leading slash for the image's root.
    const rooted = header.path.replace(/^\/+/, "");
    const path = rooted === "" ? "" : normalizeEntryPath(rooted, this.#tree.source);
    const slash = path.lastIndexOf("/");
    const folder = slash < 0 ? "" : path.slice(0, slash);
    const name = path.slice(slash + 1);
    if (name.startsWith(".wh.")) {
      this.#whiteout(folder, name);
      return undefined;
    }
    if (path === "") {
      if (header.type !== "directory") throw this.#tree.unsafe(header.path, "the root is a directory");
      this.#keep("", header);
      return undefined;
    }
    const parent = this.#tree.folder(folder, (place) => this.#implied(place)) ?? "";
    const place = parent === "" ? name : `${parent}/${name}`;
    switch (header.type) {
      case "directory":
        this.#directory(place, header);
        return undefined;
      case "symlink":
        this.#clear(place);
        symlinkSync(header.linkname, this.#tree.absolute(place));
        this.#own(place, header);
        lutimesSync(this.#tree.absolute(place), header.mtime, header.mtime);
        return undefined;
      case "hardlink":
        this.#hardlink(place, header);
        return undefined;
      case "file":
        this.#clear(place);
        return this.#file(place, header, content);
      default:
        this.#leftOut++;
        this.#clear(place);
        return undefined;
    }
  }

  async #file(place: string, header: TarHeader, content: TarContent): Promise<void> {
    const fd = openSync(this.#tree.absolute(place), "wx", 0o600);
    try {
      if (content.size > 0) {
        for await (const chunk of content) {
          for (let at = 0; at < chunk.length;) at += writeSync(fd, chunk, at);
        }
      }
      if (this.#chown) fchownSync(fd, header.uid, header.gid);
      fchmodSync(fd, header.mode);
      futimesSync(fd, header.mtime, header.mtime);
    } finally {
      closeSync(fd);
    }
    this.#note(place, header);
  }

  #directory(place: string, header: TarHeader): void {
    const found = this.#tree.stat(place);
    if (found?.isDirectory() !== true) {
      this.#clear(place);
      mkdirSync(this.#tree.absolute(place), 0o700);
    }
    this.#keep(place, header);
  }

  #hardlink(place: string, header: TarHeader): void {
    const target = normalizeEntryPath(header.linkname.replace(/^\/+/, ""), this.#tree.source);
    const slash = target.lastIndexOf("/");
    const folder = this.#tree.folder(slash < 0 ? "" : target.slice(0, slash));
    const name = target.slice(slash + 1);
    const original = folder === undefined ? undefined : folder === "" ? name : `${folder}/${name}`;
    const info = original === undefined ? undefined : this.#tree.stat(original);
    if (original === undefined || info === undefined || info.isDirectory()) {
      const what = info === undefined ? "isn't there" : "is a directory";
      throw new AnyarchError(
        "ARCHIVE_INVALID",
        `${this.#tree.source} links ${JSON.stringify(header.path)} to ${JSON.stringify(header.linkname)}, which ${what}.`,
      );
    }
    if (original.startsWith(`${place}/`))
      throw this.#tree.unsafe(header.path, "it links to what it replaces");
    this.#mark(place);
    if (original === place) return;
    this.#clear(place);
    // link(2) doesn't follow a symbolic link in the last place.
    linkSync(this.#tree.absolute(original), this.#tree.absolute(place));
  }

  #whiteout(folder: string, name: string): void {
    const hidden = name.slice(4);
    if (hidden === "" || hidden === "." || hidden === "..") {
      throw this.#tree.unsafe(`${folder}/${name}`, "it hides no name");
    }
    const parent = this.#tree.folder(folder);
    if (parent === undefined) return;
    if (name === opaqueMark) {
      this.#removeLower(parent, true);
      return;
    }
    if (name.startsWith(".wh..wh.")) return; // AUFS's own.
    this.#removeLower(parent === "" ? hidden : `${parent}/${hidden}`, false);
  }

  /** Removes what layers below have put at a place, or only what is in it. */
  #removeLower(place: string, inside: boolean): void {
    const info = this.#tree.stat(place);
    if (info === undefined) return;
    if (!inside && !this.#written.has(place)) {
      this.#remove(place, info.isDirectory());
      return;
    }
    if (!info.isDirectory()) return;
    for (const name of this.#tree.names(place)) {
      this.#removeLower(place === "" ? name : `${place}/${name}`, false);
    }
  }

  /** Makes room for an entry. */
  #clear(place: string): void {
    const info = this.#tree.stat(place);
    if (info !== undefined) this.#remove(place, info.isDirectory());
  }

  #remove(place: string, isDirectory: boolean): void {
    this.#tree.remove(place);
    const below = `${place}/`;
    const gone = (path: string): boolean => path === place || (isDirectory && path.startsWith(below));
    if (isDirectory) {
      for (const path of this.#directories.keys()) if (gone(path)) this.#directories.delete(path);
    }
    if (this.#attributes.length > 0) this.#attributes = this.#attributes.filter((one) => !gone(one.place));
  }

  #implied(place: string): void {
    this.#directories.set(place, { mode: 0o755, uid: 0, gid: 0, mtime: 0 });
    this.#mark(place);
  }

  #keep(place: string, { mode, uid, gid, mtime, pax }: TarHeader): void {
    this.#directories.set(place, { mode, uid, gid, mtime });
    this.#collect(place, pax);
    this.#mark(place);
  }

  #own(place: string, header: TarHeader): void {
    if (this.#chown) lchownSync(this.#tree.absolute(place), header.uid, header.gid);
    this.#note(place, header);
  }

  #note(place: string, header: TarHeader): void {
    this.#collect(place, header.pax);
    this.#mark(place);
  }

  #collect(place: string, pax: TarHeader["pax"]): void {
    for (const [key, value] of pax) {
      if (!key.startsWith(xattrPrefix)) continue;
      this.#attributes.push({
        place,
        name: key.slice(xattrPrefix.length),
        value: Buffer.from(value, "latin1"),
      });
    }
  }

  #mark(place: string): void {
    for (let at = place; !this.#written.has(at); at = at.slice(0, Math.max(0, at.lastIndexOf("/")))) {
      this.#written.add(at);
    }
  }
}
