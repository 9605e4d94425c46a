import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Entry, FileEntry } from "../../archive/entry.ts";
import { type ArMember, openArMember, readArMembers } from "../../archive/ar.ts";
import { decompressLayer } from "../../archive/decompress.ts";
import { normalizeEntryPath } from "../../archive/entry-path.ts";
import type { TarHeader } from "../../archive/parse-tar-header.ts";
import type { TarContent } from "../../archive/tar-content.ts";
import { readTar } from "../../archive/tar-reader.ts";
import { AnyarchError } from "../../errors/error.ts";
import { publishDirectory, stagingPath } from "../../host/atomic-file.ts";
import type { Context } from "../../host/context.ts";

/** A .deb taken apart: metadata at hand, contents in one file of the cache. */
export interface UnpackedDeb {
  /** The control file, as it is in the package. */
  readonly control: string;
  /** The other files of control.tar; their path is their name: "md5sums", "postinst", … */
  readonly info: readonly FileEntry[];
  /** The text of those of them that anyarch reads; "" where the package has none. */
  readonly texts: Readonly<Record<ReadFile, string>>;
  /** What the package installs, in its own order, paths not yet merged into /usr. */
  readonly entries: readonly Entry[];
  /** MD5 in hexadecimal of each configuration file, as dpkg's database wants it. */
  readonly conffiles: readonly { readonly path: string; readonly md5: string }[];
}

const readFiles = ["conffiles", "triggers", "preinst", "postinst"] as const;
type ReadFile = (typeof readFiles)[number];

const wanted: ReadonlySet<string> = new Set(["control", ...readFiles]);

/** Part of the cache's path: raise it when what is stored changes. */
const format = "v1";

/** Where a .deb lies in the cache once unpacked; `sha256` is that of the .deb. */
export function unpackedPath(sha256: string, ctx: Context): string {
  return join(ctx.host.cacheDir, "debian", "unpacked", `${sha256}-${format}`);
}

/** Reads what {@link unpackDeb} left; undefined where it isn't there or isn't whole. */
export async function readUnpackedDeb(folder: string): Promise<UnpackedDeb | undefined> {
  let stored: UnpackedDeb | null;
  try {
    stored = JSON.parse(await readFile(join(folder, "index.json"), "utf8")) as UnpackedDeb | null;
  } catch {
    return undefined;
  }
  if (!Array.isArray(stored?.info) || !Array.isArray(stored.entries)) return undefined;
  const data = join(folder, "data");
  if (!(await isWhole(stored, data))) return undefined;
  const locate = <T extends Entry>(entry: T): T =>
    entry.type === "file" && "file" in entry.content
      ? { ...entry, content: { ...entry.content, file: data } }
      : entry;
  return { ...stored, info: stored.info.map(locate), entries: stored.entries.map(locate) };
}

async function isWhole(stored: Partial<UnpackedDeb> | null, data: string): Promise<boolean> {
  const { info, entries } = stored ?? {};
  if (!Array.isArray(info) || !Array.isArray(entries)) return false;
  const files = [...info, ...entries].filter((entry) => entry.type === "file");
  const ends = files.map(({ content, size }) => ("file" in content ? (content.offset ?? 0) + size : 0));
  const found = await stat(data).catch(() => undefined);
  return found !== undefined && found.size >= ends.reduce((most, end) => Math.max(most, end), 0);
}

/**
 * Takes a .deb (deb(5), format 2.0; xz, gzip, zstd or no compression) apart into `folder`: the contents of all
 * files one after the other in `data`, everything else in `index.json`, hashes included. Nothing is executed and
 * no owner or mode is set on the host. Throws ARCHIVE_INVALID, and ARCHIVE_UNSAFE for hostile paths and devices.
 */
export async function unpackDeb(path: string, name: string, folder: string): Promise<void> {
  const members = readArMembers(path);
  const find = (prefix: string): ArMember => {
    const found = members.find((member) => member.name.replace(/\/$/, "").startsWith(prefix));
    if (found !== undefined) return found;
    throw new AnyarchError("ARCHIVE_INVALID", `${name} is no Debian package: it has no ${prefix}.`);
  };
  find("debian-binary");
  const staging = stagingPath(folder);
  await mkdir(staging, { recursive: true });
  try {
    const writer = new DataWriter(join(staging, "data"), name);
    try {
      const control = await writer.read(path, find("control.tar"));
      const entries = await writer.read(path, find("data.tar"));
      const index = makeIndex(name, control, entries, writer);
      await writeFile(join(staging, "index.json"), JSON.stringify(index));
    } finally {
      writer.close();
    }
    await publishDirectory(staging, folder, async () => (await readUnpackedDeb(folder)) !== undefined);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

function makeIndex(
  name: string,
  control: readonly Entry[],
  entries: readonly Entry[],
  writer: DataWriter,
): UnpackedDeb {
  const text = writer.texts.get("control");
  if (text === undefined) throw new AnyarchError("ARCHIVE_INVALID", `${name} has no control file.`);
  return {
    control: text,
    info: control.filter((entry) => entry.type === "file").filter((entry) => entry.path !== "control"),
    texts: Object.fromEntries(readFiles.map((file) => [file, writer.texts.get(file) ?? ""])) as Record<
      ReadFile,
      string
    >,
    entries,
    conffiles: writer.conffiles,
  };
}

/** Appends file contents to one file and remembers where they are. */
class DataWriter {
  readonly texts = new Map<string, string>();
  readonly conffiles: { path: string; md5: string }[] = [];
  readonly #fd: number;
  readonly #name: string;
  #offset = 0;
  #conffilePaths: ReadonlySet<string> | undefined;

  constructor(path: string, name: string) {
    this.#fd = openSync(path, "wx", 0o644);
    this.#name = name;
  }

  close(): void {
    closeSync(this.#fd);
  }

  async read(deb: string, member: ArMember): Promise<Entry[]> {
    const isControl = member.name.startsWith("control");
    const entries: Entry[] = [];
    const bytes = decompressLayer(openArMember(deb, member), "auto", `${member.name} of ${this.#name}`);
    const visit = (header: TarHeader, content: TarContent): void | Promise<void> => {
      const path = normalizeEntryPath(header.path, this.#name);
      if (path === "") return undefined;
      if (header.type !== "file") {
        entries.push(this.#plainEntry(header, path));
        return undefined;
      }
      return this.#append(header, path, content, isControl).then((entry) => void entries.push(entry));
    };
    await readTar(bytes, visit, { name: `${member.name} of ${this.#name}` });
    return entries;
  }

  #plainEntry(header: TarHeader, path: string): Entry {
    const base = { path, mode: header.mode & 0o7777, ...ownerOf(header) };
    switch (header.type) {
      case "directory":
        return { type: "directory", ...base };
      case "symlink":
        return { type: "symlink", ...base, target: header.linkname };
      case "hardlink":
        return { type: "hardlink", ...base, target: normalizeEntryPath(header.linkname, this.#name) };
      default:
        throw new AnyarchError(
          "ARCHIVE_UNSAFE",
          `${this.#name} holds ${path}, which is a ${header.type}: layers take files, directories and links only.`,
        );
    }
  }

  async #append(
    header: TarHeader,
    path: string,
    content: TarContent,
    isControl: boolean,
  ): Promise<FileEntry> {
    const sha256 = createHash("sha256");
    const md5 = !isControl && this.#isConffile(path) ? createHash("md5") : undefined;
    const kept: Buffer[] | undefined = isControl && wanted.has(path) ? [] : undefined;
    const offset = this.#offset;
    for await (const chunk of content) {
      sha256.update(chunk);
      md5?.update(chunk);
      kept?.push(Buffer.from(chunk));
      for (let done = 0; done < chunk.byteLength;) done += writeSync(this.#fd, chunk, done);
      this.#offset += chunk.byteLength;
    }
    if (kept !== undefined) this.texts.set(path, Buffer.concat(kept).toString("utf8"));
    if (md5 !== undefined) this.conffiles.push({ path, md5: md5.digest("hex") });
    return {
      type: "file",
      path,
      mode: header.mode & 0o7777,
      ...ownerOf(header),
      size: this.#offset - offset,
      content: { file: "data", offset },
      digest: `sha256:${sha256.digest("hex")}`,
    };
  }

  #isConffile(path: string): boolean {
    this.#conffilePaths ??= new Set(
      (this.texts.get("conffiles") ?? "").split("\n").map((line) => line.trim()),
    );
    return this.#conffilePaths.has(`/${path}`);
  }
}

function ownerOf(header: TarHeader): { uid?: number; gid?: number } {
  return { ...(header.uid !== 0 && { uid: header.uid }), ...(header.gid !== 0 && { gid: header.gid }) };
}
