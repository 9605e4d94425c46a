import type { DirectoryEntry, Entry, FileEntry } from "../../archive/entry.ts";
import { readEntryContent, readEntryStart } from "../../archive/entry-content.ts";
import { AnyarchError } from "../../errors/error.ts";
import { runTask } from "../../events/task.ts";
import type { Context } from "../../host/context.ts";
import { digestHex, digestOf } from "../../oci/digest.ts";
import type { WheelFile } from "./download.ts";
import { formatRecord, recordHash, type RecordRow } from "./record.ts";
import { rewriteShebang, scriptText } from "./scripts.ts";
import { unpackWheel, type UnpackedFile, type UnpackedWheel } from "./unpack.ts";

/** Where wheels are installed in the image: a virtual environment's directories. */
export interface InstallLayout {
  /** "opt/venv": relative to the image's root, no slash at either end. */
  readonly prefix: string;
  /** Absolute in the image: "/opt/venv/bin/python". */
  readonly pythonExecutable: string;
  /** "3.11". */
  readonly pythonVersion: string;
  /** formatPlatform, for events. */
  readonly platform?: string;
}

/** Entries sorted by path, with the directories from the prefix down; the same directory may be in both. */
export interface InstalledWheels {
  /** Of wheels that are the same on all platforms. */
  readonly neutral: readonly Entry[];
  readonly native: readonly Entry[];
}

/**
 * Installs the wheels of one target as the wheel specification says (binary distribution format 1.x): purelib and
 * platlib, `.data`, scripts and entry points for the target's interpreter, a complete sorted RECORD, INSTALLER,
 * REQUESTED, direct_url.json. Nothing is run and no bytecode is made. Throws what unpackWheel throws, and
 * APP_FILE_CONFLICT where two wheels install different bytes to one path.
 */
export async function installWheels(
  wheels: readonly WheelFile[],
  layout: InstallLayout,
  ctx: Context,
): Promise<InstalledWheels> {
  return runTask(ctx.emit, "install Python packages", { platform: layout.platform }, async (task) => {
    const owners = new Map<string, { readonly wheel: string; readonly digest: string }>();
    const lists = { neutral: [] as FileEntry[], native: [] as FileEntry[] };
    for (const [index, wheel] of wheels.entries()) {
      const unpacked = await unpackWheel(wheel, ctx);
      const into = wheel.neutral ? lists.neutral : lists.native;
      for (const entry of installWheel(wheel, unpacked, layout))
        if (claim(owners, entry, wheel)) into.push(entry);
      task.progress(index + 1, wheels.length, "packages");
    }
    checkDirectories(owners);
    task.detail(`${wheels.length} packages`);
    return { neutral: withDirectories(lists.neutral, layout), native: withDirectories(lists.native, layout) };
  });
}

/** False where another wheel installs the very same file already. */
function claim(
  owners: Map<string, { readonly wheel: string; readonly digest: string }>,
  entry: FileEntry,
  wheel: WheelFile,
): boolean {
  const owner = owners.get(entry.path);
  const digest = entry.digest ?? "";
  if (owner === undefined) {
    owners.set(entry.path, { wheel: wheel.filename, digest });
    return true;
  }
  if (owner.digest === digest) return false;
  throw new AnyarchError(
    "APP_FILE_CONFLICT",
    `${owner.wheel} and ${wheel.filename} both install ${entry.path}, with different content.`,
    {
      hint: "They can't be installed together: remove one of them, or lock versions that don't overlap.",
      details: { path: entry.path, wheels: [owner.wheel, wheel.filename] },
    },
  );
}

function checkDirectories(owners: ReadonlyMap<string, { readonly wheel: string }>): void {
  for (const [path, { wheel }] of owners)
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const file = owners.get(path.slice(0, slash));
      if (file === undefined) continue;
      throw new AnyarchError(
        "APP_FILE_CONFLICT",
        `${file.wheel} installs ${path.slice(0, slash)} as a file, ${wheel} as a directory.`,
        { details: { path: path.slice(0, slash), wheels: [file.wheel, wheel] } },
      );
    }
}

function withDirectories(files: readonly FileEntry[], { prefix }: InstallLayout): readonly Entry[] {
  if (files.length === 0) return [];
  const directories = new Map<string, DirectoryEntry>();
  for (const { path } of files)
    for (
      let slash = path.lastIndexOf("/");
      slash >= prefix.length;
      slash = path.lastIndexOf("/", slash - 1)
    ) {
      const directory = path.slice(0, slash);
      if (directories.has(directory)) break;
      directories.set(directory, { type: "directory", path: directory, mode: 0o755 });
    }
  const entries: Entry[] = [...directories.values(), ...files];
  return entries.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** One wheel's files in the image, RECORD last. */
function installWheel(
  wheel: WheelFile,
  unpacked: UnpackedWheel,
  layout: InstallLayout,
): readonly FileEntry[] {
  const site = `${layout.prefix}/lib/python${layout.pythonVersion}/site-packages`;
  const record = `${unpacked.distInfo}/RECORD`;
  const dropped = new Set([record, `${record}.jws`, `${record}.p7s`].concat(ownFiles(unpacked)));
  const entries: FileEntry[] = [];
  for (const file of unpacked.files) {
    if (dropped.has(file.path)) continue;
    const { path, isScript } = destination(file.path, wheel, unpacked, { layout, site });
    entries.push(isScript ? scriptEntry(path, file, unpacked, layout) : fileEntry(path, file, unpacked));
  }
  // A script of the wheel itself wins over the one that an entry point of the same name would give.
  const taken = new Set(entries.map(({ path }) => path));
  for (const script of unpacked.scripts) {
    const path = `${layout.prefix}/bin/${script.name}`;
    if (!taken.has(path)) entries.push(bytesEntry(path, scriptText(script, layout.pythonExecutable), 0o755));
  }
  const own = (name: string, text: string): number =>
    entries.push(bytesEntry(`${site}/${unpacked.distInfo}/${name}`, text, 0o644));
  own("INSTALLER", "anyarch\n");
  if (wheel.direct) own("REQUESTED", "");
  if (wheel.directUrl !== undefined) own("direct_url.json", directUrlText(wheel.directUrl, wheel.sha256));
  const rows: RecordRow[] = entries.map(({ path, size, digest }) => ({
    path: relativeTo(site, path),
    hash: digest === undefined ? "" : recordHash(digestHex(digest)),
    size: String(size),
  }));
  own("RECORD", formatRecord([...rows, { path: record, hash: "", size: "" }]));
  return entries;
}

/** What the installer writes itself must not come from the wheel. */
function ownFiles({ distInfo }: UnpackedWheel): readonly string[] {
  return ["INSTALLER", "REQUESTED", "direct_url.json"].map((name) => `${distInfo}/${name}`);
}

interface Places {
  readonly layout: InstallLayout;
  readonly site: string;
}

/** Where a path of the wheel goes (wheel specification, "Installing a wheel", "Spread"). */
function destination(
  path: string,
  wheel: WheelFile,
  unpacked: UnpackedWheel,
  { layout, site }: Places,
): { readonly path: string; readonly isScript: boolean } {
  const data = `${unpacked.distInfo.slice(0, -".dist-info".length)}.data/`;
  if (!path.startsWith(data)) return { path: `${site}/${path}`, isScript: false };
  const [key = "", ...rest] = path.slice(data.length).split("/");
  const name = wheel.filename.split("-", 1)[0] ?? wheel.name;
  const places: Readonly<Record<string, string>> = {
    purelib: site,
    platlib: site,
    scripts: `${layout.prefix}/bin`,
    headers: `${layout.prefix}/include/site/python${layout.pythonVersion}/${name}`,
    data: layout.prefix,
  };
  const root = places[key];
  if (root === undefined || rest.length === 0)
    throw new AnyarchError(
      "WHEEL_INVALID",
      `${wheel.filename} has ${path}; a wheel's .data can't hold "${key}".`,
    );
  return { path: `${root}/${rest.join("/")}`, isScript: key === "scripts" };
}

function fileEntry(path: string, file: UnpackedFile, { content }: UnpackedWheel): FileEntry {
  const { size, mode, offset, sha256 } = file;
  return { type: "file", path, mode, size, content: { file: content, offset }, digest: `sha256:${sha256}` };
}

function bytesEntry(path: string, text: string | Buffer, mode: number): FileEntry {
  const bytes = Buffer.from(text);
  return { type: "file", path, mode, size: bytes.byteLength, content: { bytes }, digest: digestOf(bytes) };
}

/** Scripts are executable, whatever the archive says; `#!python` becomes the target's interpreter. */
function scriptEntry(
  path: string,
  file: UnpackedFile,
  unpacked: UnpackedWheel,
  layout: InstallLayout,
): FileEntry {
  const entry = { ...fileEntry(path, file, unpacked), mode: 0o755 };
  // Programs of many MB are scripts, too, as wheels have it.
  if (!readEntryStart(entry, 8).equals(Buffer.from("#!python"))) return entry;
  const rewritten = rewriteShebang(readEntryContent(entry), layout.pythonExecutable);
  return rewritten === undefined ? entry : bytesEntry(path, rewritten, 0o755);
}

/** PEP 610 for an archive. */
function directUrlText(url: string, sha256: string): string {
  return JSON.stringify({ archive_info: { hash: `sha256=${sha256}`, hashes: { sha256 } }, url });
}

function relativeTo(site: string, path: string): string {
  if (path.startsWith(`${site}/`)) return path.slice(site.length + 1);
  const from = site.split("/");
  const to = path.split("/");
  let same = 0;
  while (same < from.length && from[same] === to[same]) same++;
  return [...from.slice(same).map(() => ".."), ...to.slice(same)].join("/");
}
