import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../host/atomic-file.ts";
import type { Context } from "../../host/context.ts";
import type { IndexFile } from "./index-page.ts";

/** A page as it was read: what it lists, not its text, whose parsing would cost more than all else. */
export interface CachedPage {
  readonly etag?: string;
  /** Milliseconds since the epoch until which the page needn't be asked for again. */
  readonly freshUntil: number;
  readonly files: readonly IndexFile[];
}

/** Part of the cache's path: raise it when what is stored, or how pages are read, changes. */
const format = "v2";

/** The folder that holds all pages. */
export function pageDirectory(ctx: Context): string {
  return join(ctx.host.cacheDir, "python", `index-${format}`);
}

/** Pages of package indexes on disk, by URL and project; each is read once per process. */
export class PageCache {
  readonly #ctx: Context;
  readonly #read = new Map<string, Promise<CachedPage | undefined>>();

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** Undefined where it was never asked for, or is damaged. */
  get(href: string, project: string): Promise<CachedPage | undefined> {
    const path = this.#pathOf(href, project);
    let reading = this.#read.get(path);
    if (reading === undefined) {
      reading = readPage(path);
      this.#read.set(path, reading);
    }
    return reading;
  }

  /** Readable by the user only: URLs may hold tokens. */
  async put(href: string, project: string, page: CachedPage): Promise<void> {
    const path = this.#pathOf(href, project);
    this.#read.set(path, Promise.resolve(page));
    await writeFileAtomic(path, JSON.stringify(page), 0o600);
  }

  #pathOf(href: string, project: string): string {
    const name = createHash("sha256").update(`${href}\n${project}`).digest("hex");
    return join(pageDirectory(this.#ctx), `${name}.json`);
  }
}

async function readPage(path: string): Promise<CachedPage | undefined> {
  try {
    const page = JSON.parse(await readFile(path, "utf8")) as CachedPage;
    return Array.isArray(page.files) && typeof page.freshUntil === "number" ? page : undefined;
  } catch {
    return undefined;
  }
}
