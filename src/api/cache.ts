import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type ApiSettings, withContext } from "./settings.ts";

/** What the cache holds; plain JSON. Everything in it can be had or made again. */
export interface CacheReport {
  readonly schema: "anyarch.cache/v1";
  readonly directory: string;
  /** By folder: "blobs", "debian", "python", "layers", …; bytes. */
  readonly parts: readonly { readonly name: string; readonly files: number; readonly bytes: number }[];
  /** What a pruning removed; absent where none was asked for. */
  readonly removed?: { readonly files: number; readonly bytes: number };
}

export interface PruneOptions {
  /** Files not used for this many days; 0 for all of them. 30 by default. */
  readonly olderThanDays?: number;
}

/** Says what is in the cache. */
export function cacheReport(settings: ApiSettings = {}): Promise<CacheReport> {
  return withContext(settings, async ({ host }) => ({
    schema: "anyarch.cache/v1",
    directory: host.cacheDir,
    parts: await measure(host.cacheDir),
  }));
}

/** Removes what was not used lately. Builds that run meanwhile may have to fetch or make something again. */
export function pruneCache(options: PruneOptions = {}, settings: ApiSettings = {}): Promise<CacheReport> {
  return withContext(settings, async ({ host }) => {
    const before = host.now().getTime() - (options.olderThanDays ?? 30) * 86_400_000;
    const removed = { files: 0, bytes: 0 };
    for (const file of await listFiles(host.cacheDir)) {
      if (file.usedMs > before) continue;
      await rm(file.path, { force: true });
      removed.files++;
      removed.bytes += file.bytes;
    }
    return {
      schema: "anyarch.cache/v1",
      directory: host.cacheDir,
      parts: await measure(host.cacheDir),
      removed,
    };
  });
}

async function measure(directory: string): Promise<CacheReport["parts"]> {
  const parts = new Map<string, { name: string; files: number; bytes: number }>();
  for (const { path, bytes } of await listFiles(directory)) {
    const name = path.slice(directory.length + 1).split("/")[0] ?? "";
    const part = parts.get(name) ?? { name, files: 0, bytes: 0 };
    parts.set(name, { name, files: part.files + 1, bytes: part.bytes + bytes });
  }
  return [...parts.values()].sort((a, b) => b.bytes - a.bytes);
}

interface CachedFile {
  readonly path: string;
  readonly bytes: number;
  /** When it was last read or written, as far as the file system says. */
  readonly usedMs: number;
}

async function listFiles(directory: string): Promise<readonly CachedFile[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const stats = await Promise.all(
    files.map(async (path) => {
      const found = await stat(path).catch(() => undefined);
      return found && { path, bytes: found.size, usedMs: Math.max(found.atimeMs, found.mtimeMs) };
    }),
  );
  return stats.filter((file) => file !== undefined);
}
