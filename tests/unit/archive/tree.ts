import { spawnSync } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import type { Entry } from "../../../src/archive/entry.ts";
import { withParents } from "../../../src/archive/sort-entries.ts";
import { tarBlocks } from "../../../src/archive/tar-writer.ts";
import { readTar, type TarReadOptions } from "../../../src/archive/tar-reader.ts";
import type { TarHeader } from "../../../src/archive/parse-tar-header.ts";

export interface Scratch extends Disposable {
  readonly path: string;
}

/** A directory that disappears with its scope; its modes may be anything. */
export function scratch(): Scratch {
  const path = mkdtempSync(join(tmpdir(), "anyarch-test-"));
  return {
    path,
    [Symbol.dispose]: () => {
      spawnSync("chmod", ["-R", "u+rwx", path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Runs a program; fails the test with its standard error when it fails. */
export function run(command: string, args: readonly string[], input?: Uint8Array, cwd?: string): Buffer {
  const result = spawnSync(command, args, { input, cwd, maxBuffer: 1 << 30 });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ${args.join(" ")}: ${result.stderr.toString()}`);
  return result.stdout;
}

/** What can be compared of a tree, by path; times in seconds. */
export type Tree = Record<string, Record<string, unknown>>;

export function treeOfEntries(entries: readonly Entry[], mtime: number): Tree {
  const files = new Map(entries.filter((entry) => entry.type === "file").map((entry) => [entry.path, entry]));
  return Object.fromEntries(
    entries.map((entry): [string, Record<string, unknown>] => {
      const file = entry.type === "hardlink" ? files.get(entry.target) : entry;
      if (file === undefined) throw new Error(`no file for ${entry.path}`);
      const time = file.mtime ?? mtime;
      if (entry.type === "symlink") return [entry.path, { type: "symlink", target: entry.target }];
      if (entry.type === "directory")
        return [entry.path, { type: "directory", mode: entry.mode, mtime: time }];
      if (file.type !== "file" || !("bytes" in file.content)) throw new Error("not a file");
      const content = Buffer.from(file.content.bytes).toString("hex");
      return [entry.path, { type: "file", mode: file.mode, mtime: time, content }];
    }),
  );
}

export function treeOnDisk(root: string): Tree {
  const tree: Tree = {};
  for (const path of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    const full = join(root, path);
    const stat = lstatSync(full);
    const mode = stat.mode & 0o7777;
    const mtime = Math.floor(stat.mtimeMs / 1000);
    if (stat.isSymbolicLink()) tree[path] = { type: "symlink", target: readlinkSync(full) };
    else if (stat.isDirectory()) tree[path] = { type: "directory", mode, mtime };
    else tree[path] = { type: "file", mode, mtime, content: readFileSync(full).toString("hex") };
  }
  return tree;
}

export function tarOf(entries: readonly Entry[], mtime = 0): Buffer {
  return Buffer.concat([...tarBlocks(entries, { mtime })]);
}

/** The bytes in chunks of the given sizes, used in turn. */
export async function* chunked(
  bytes: Uint8Array,
  sizes: readonly number[] = [65536],
): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(Uint8Array.from(chunk));
  return Buffer.concat(chunks);
}

export interface ReadEntry extends TarHeader {
  readonly content: Buffer;
}

/** Reads all entries with their content. */
export async function readAll(
  bytes: Uint8Array,
  sizes?: readonly number[],
  options?: TarReadOptions,
): Promise<ReadEntry[]> {
  const entries: ReadEntry[] = [];
  await readTar(
    chunked(bytes, sizes),
    async (header, content) => {
      entries.push({ ...header, content: await content.bytes() });
    },
    options,
  );
  return entries;
}

/** A name made of the given characters. */
function nameOf(characters: string, minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...Array.from(characters)), minLength, maxLength });
}

const shortName = nameOf("abcXYZ019 ._-+@=é日𝒳ﬀ", 1, 12).filter((name) => name !== "." && name !== "..");
const longName = nameOf("abcdefgh", 90, 200).map((name) => `l${name}`);
const asciiName = nameOf("abcXYZ0123._-", 1, 8).map((name) => `n${name}`);

export interface TreeOptions {
  /** Only short ASCII names, as the oldest formats can hold. */
  readonly plain?: boolean;
}

/** Trees of files, directories, symbolic and hard links, sorted, with all parents. */
export function treeArbitrary(options: TreeOptions = {}): fc.Arbitrary<Entry[]> {
  const name = options.plain === true ? asciiName : fc.oneof({ weight: 4, arbitrary: shortName }, longName);
  const depth = options.plain === true ? 3 : 5;
  const path = fc.array(name, { minLength: 1, maxLength: depth }).map((parts) => parts.join("/"));
  const mtime = fc.integer({ min: 0, max: 4_000_000_000 });
  const content = fc.uint8Array({ maxLength: 2000 });
  const kind = fc.oneof(
    fc.record({
      kind: fc.constant("file" as const),
      content,
      mode: fc.integer({ min: 0, max: 0o777 }),
      mtime,
    }),
    fc.record({
      kind: fc.constant("directory" as const),
      mode: fc.constantFrom(0o755, 0o1777, 0o2755),
      mtime,
    }),
    fc.record({ kind: fc.constant("symlink" as const), target: path }),
    fc.record({ kind: fc.constant("hardlink" as const), pick: fc.nat() }),
  );
  return fc.array(fc.tuple(path, kind), { maxLength: 12 }).map((items) => {
    const entries = new Map<string, Entry>();
    const files: string[] = [];
    for (const [at, item] of items) {
      // A tree has no two things of one name, and nothing below what isn't a directory.
      const parents = at.split("/").map((_, index, parts) => parts.slice(0, index).join("/"));
      if (parents.some((parent) => (entries.get(parent)?.type ?? "directory") !== "directory")) continue;
      if ([...entries.keys()].some((other) => other === at || other.startsWith(`${at}/`))) continue;
      if (item.kind === "file") {
        const { mode, content: bytes } = item;
        files.push(at);
        entries.set(at, {
          type: "file",
          path: at,
          mode,
          mtime: item.mtime,
          size: bytes.length,
          content: { bytes },
        });
      } else if (item.kind === "directory") {
        entries.set(at, { type: "directory", path: at, mode: item.mode, mtime: item.mtime });
      } else if (item.kind === "symlink") {
        entries.set(at, { type: "symlink", path: at, mode: 0o777, target: item.target });
      } else {
        const target = files[item.pick % Math.max(1, files.length)];
        if (target !== undefined) entries.set(at, { type: "hardlink", path: at, mode: 0o644, target });
      }
    }
    return withParents(entries.values());
  });
}
