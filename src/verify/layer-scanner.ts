import { createHash } from "node:crypto";
import type { TarContent } from "../archive/tar-content.ts";
import type { TarHeader } from "../archive/parse-tar-header.ts";
import { decompressLayer } from "../archive/decompress.ts";
import { readTar } from "../archive/tar-reader.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Digest } from "../oci/digest.ts";
import { isCodeArchive, nativesOf } from "./archive-probe.ts";
import { ContentProbe, type Probed, ProbeMemory } from "./content-probe.ts";
import type { ArchivedNative, LayerScan, ScannedFile } from "./layer-scan.ts";
import { PackageRecords } from "./package-records.ts";

/**
 * Bytes of paths, names and package databases that a layer may make us hold, until it counts as hostile: the largest of
 * real ones have a tenth of it.
 */
const maxHeld = 256 << 20;

/** Package databases are read up to this size. */
const maxRecord = 32 << 20;

export interface ReadLayerOptions {
  /** For errors: "The layer sha256:…". */
  readonly name: string;
  readonly signal: AbortSignal;
  /** Called with the uncompressed bytes read so far. */
  readonly onProgress?: (current: number) => void;
  /** True where the memory of the source's chunks is nobody else's; false by default. */
  readonly ownsSource?: boolean;
  /** Shared with other layers that are read at the same time. */
  readonly memory?: ProbeMemory | undefined;
}

/**
 * Reads a layer's bytes from beginning to end, once, and says what it holds. How they are compressed is seen in
 * them, as container runtimes do, for media types lie. Throws ARCHIVE_INVALID and
 * ARCHIVE_UNSAFE as the archive readers do, and what `source` throws.
 */
export async function readLayer(
  source: AsyncIterable<Uint8Array>,
  options: ReadLayerOptions,
): Promise<LayerScan> {
  const hash = createHash("sha256");
  let size = 0;
  const how = { transient: true, ownsSource: options.ownsSource ?? false };
  async function* hashed(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of decompressLayer(source, "auto", options.name, how)) {
      hash.update(chunk);
      size += chunk.byteLength;
      options.onProgress?.(size);
      yield chunk;
    }
  }
  const collector = new LayerCollector(options.name, options.memory ?? new ProbeMemory());
  await readTar(hashed(), (header, content) => collector.visit(header, content), {
    name: options.name,
    signal: options.signal,
  });
  const diffID: Digest = `sha256:${hash.digest("hex")}`;
  return { diffID, size, ...collector.result() };
}

/** What a file of the layer holds. */
interface Found {
  readonly probed: Probed | { readonly kind: "archive"; readonly natives: readonly ArchivedNative[] };
  readonly executable: boolean;
  /** The paths that it has now, oldest first: a later entry of the same path takes the place of an earlier one. */
  readonly names: Set<string>;
}

class LayerCollector {
  readonly #name: string;
  readonly #memory: ProbeMemory;
  readonly #probe: ContentProbe;
  readonly #records = new PackageRecords();
  /** Path → file; hard links lead to the same. */
  readonly #files = new Map<string, Found>();
  readonly #tree = new Map<string, Set<string>>();
  /** Directories with an entry of their own. */
  readonly #entries = new Set([""]);
  readonly #symlinks = new Map<string, string>();
  readonly #whiteouts = new Set<string>();
  readonly #opaque = new Set<string>();
  #count = 0;
  #held = 0;

  constructor(name: string, memory: ProbeMemory) {
    this.#name = name;
    this.#memory = memory;
    this.#probe = new ContentProbe(memory);
  }

  visit(header: TarHeader, content: TarContent): void | Promise<void> {
    this.#hold(header.path.length + header.linkname.length);
    const path = rootedPath(header.path);
    const slash = path.lastIndexOf("/");
    const folder = slash < 0 ? "" : path.slice(0, slash);
    const name = path.slice(slash + 1);
    if (name.startsWith(".wh.")) {
      this.#whiteout(folder, name);
      return undefined;
    }
    if (header.type === "directory") {
      this.#forget(path);
      this.#tree.get(folder)?.delete(name);
      this.#folder(path);
      this.#entries.add(path);
      return undefined;
    }
    if (path === "") return undefined;
    this.#forget(path);
    this.#folder(folder).add(name);
    switch (header.type) {
      case "file":
        this.#count++;
        return this.#file(path, header, content);
      case "symlink":
        this.#symlinks.set(path, header.linkname);
        return undefined;
      case "hardlink":
        this.#hardlink(path, rootedPath(header.linkname));
        return undefined;
      default:
        return undefined;
    }
  }

  async #file(path: string, header: TarHeader, content: TarContent): Promise<void> {
    if (PackageRecords.wants(path) && header.size <= maxRecord) {
      this.#hold(header.size);
      this.#records.add(path, await content.bytes(maxRecord));
      return;
    }
    const executable = (header.mode & 0o111) !== 0;
    if (isCodeArchive(path)) {
      const natives = await nativesOf(content, this.#memory);
      if (natives !== undefined) {
        const probed = { kind: "archive", natives } as const;
        this.#files.set(path, { probed, executable, names: new Set([path]) });
      }
      return;
    }
    const probed = await this.#probe.look(content);
    if (probed === undefined || (probed.kind === "script" && !executable)) return;
    if (probed.kind === "elf") for (const name of probed.needed) this.#hold(name.length);
    this.#files.set(path, { probed, executable, names: new Set([path]) });
  }

  #hold(bytes: number): void {
    this.#held += bytes;
    if (this.#held <= maxHeld) return;
    throw new AnyarchError(
      "ARCHIVE_UNSAFE",
      `${this.#name} has more than ${maxHeld >>> 20} MiB of names: it was not read further.`,
    );
  }

  #hardlink(path: string, target: string): void {
    const found = this.#files.get(target);
    if (found === undefined) return;
    found.names.add(path);
    this.#files.set(path, found);
  }

  /** The image-spec's layer.md, "Whiteouts"; other names with ".wh..wh." belong to AUFS itself. */
  #whiteout(folder: string, name: string): void {
    if (name === ".wh..wh..opq") this.#opaque.add(folder);
    else if (!name.startsWith(".wh..wh.") && name.length > 4) {
      this.#whiteouts.add(folder === "" ? name.slice(4) : `${folder}/${name.slice(4)}`);
    }
  }

  #folder(path: string): Set<string> {
    let names = this.#tree.get(path);
    if (names === undefined) {
      names = new Set();
      this.#tree.set(path, names);
    }
    return names;
  }

  /** What was under this path before in the same layer. */
  #forget(path: string): void {
    this.#symlinks.delete(path);
    // The content lives on under its other names.
    this.#files.get(path)?.names.delete(path);
    this.#files.delete(path);
  }

  /** Whether the layer has something of this path, be it a directory. */
  #holds(path: string): boolean {
    const slash = path.lastIndexOf("/");
    const names = this.#tree.get(slash < 0 ? "" : path.slice(0, slash));
    return names?.has(path.slice(slash + 1)) === true || this.#tree.has(path);
  }

  result(): Omit<LayerScan, "diffID" | "size"> {
    const elf: LayerScan["elf"][number][] = [];
    const malformed: LayerScan["malformed"][number][] = [];
    const foreign: LayerScan["foreign"][number][] = [];
    const scripts: LayerScan["scripts"][number][] = [];
    const archives: LayerScan["archives"][number][] = [];
    const binaries = new Set<string>();
    for (const { probed, executable, names } of new Set(this.#files.values())) {
      const [path = "", ...hardlinks] = names;
      const file: ScannedFile = { path, executable, ...(hardlinks.length > 0 && { hardlinks }) };
      if (probed.kind !== "script") for (const name of [path, ...hardlinks]) binaries.add(name);
      if (probed.kind === "script") scripts.push({ ...file, shebang: probed.shebang });
      else if (probed.kind === "archive") archives.push({ ...file, natives: probed.natives });
      else if (probed.kind === "elf") elf.push({ ...file, facts: probed });
      else if (probed.kind === "malformed") malformed.push({ ...file, why: probed.why });
      else foreign.push({ ...file, format: probed.format });
    }
    return {
      files: this.#count,
      elf,
      malformed,
      foreign,
      scripts,
      archives,
      tree: Object.fromEntries([...this.#tree].map(([folder, names]) => [folder, [...names]])),
      implied: [...this.#tree.keys()].filter((folder) => !this.#entries.has(folder)),
      symlinks: Object.fromEntries(this.#symlinks),
      whiteouts: [...this.#whiteouts],
      opaque: [...this.#opaque],
      packages: this.#records.result(
        (path) => this.#holds(path) && !this.#files.has(path),
        foldersOf(binaries),
      ),
    };
  }
}

/** A test for the directories that files are in, at any depth. */
function foldersOf(files: Iterable<string>): (folder: string) => boolean {
  const folders = new Set<string>();
  for (const path of files) {
    for (let end = path.lastIndexOf("/"); end > 0 && !folders.has(path.slice(0, end));) {
      folders.add(path.slice(0, end));
      end = path.lastIndexOf("/", end - 1);
    }
  }
  return (folder) => folders.has(folder);
}

/** A path as container runtimes take it: below the root whatever it says. */
function rootedPath(path: string): string {
  if (!/(?:^|\/)(?:\.{0,2})(?:\/|$)/.test(path)) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}
