import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { AnyarchError } from "../../errors/error.ts";
import { redact } from "../../errors/redact.ts";
import type { Context } from "../../host/context.ts";
import { writeFileAtomic } from "../../host/atomic-file.ts";
import { readBody } from "../../host/http.ts";
import { defaultIndex } from "./default-index.ts";
import { httpGet, IndexAccess, splitCredentials } from "./http-get.ts";
import type { IndexConfig } from "./index-config.ts";
import { acceptedTypes, distributionVersion, parseIndexPage, type IndexFile } from "./index-page.ts";

/** Bytes; the page of a project with very many releases is some 30 MB. */
const maximumPage = 256 << 20;

interface CachedPage {
  readonly url: string;
  readonly etag?: string;
  readonly contentType: string;
  /** Milliseconds since the epoch until which the page needn't be asked for again. */
  readonly freshUntil: number;
  readonly body: string;
}

/** Asks the configured indexes and --find-links places which files there are of a project. */
export class IndexClient {
  readonly config: IndexConfig;
  readonly access: IndexAccess;
  readonly #ctx: Context;
  readonly #answers = new Map<string, Promise<readonly IndexFile[]>>();

  constructor(config: IndexConfig, ctx: Context) {
    this.config = config;
    this.access = new IndexAccess(
      [...config.indexes, ...config.findLinks],
      config.trustedHosts,
      config.certificates,
    );
    this.#ctx = ctx;
  }

  /**
   * All files of a project (normalised name), those of --find-links first. With `index`, those of that index
   * alone: a URL, or an absolute directory of files. Empty where no index knows it. Throws NETWORK_ERROR, and
   * RESOLVER_MISSING where no index is configured and neither pip nor uv is there to name one.
   */
  files(project: string, index?: string): Promise<readonly IndexFile[]> {
    const key = `${index ?? ""} ${project}`;
    let answer = this.#answers.get(key);
    if (answer === undefined) {
      answer = index === undefined ? this.#allFiles(project) : this.#indexFiles(index, project);
      this.#answers.set(key, answer);
    }
    return answer;
  }

  /** What {@link files} asks, for errors: without credentials. */
  async places(index?: string): Promise<string> {
    const { findLinks, useDefault } = this.config;
    const main = useDefault ? [await defaultIndex(this.#ctx)] : [];
    const asked = index === undefined ? [...main, ...this.config.indexes, ...findLinks] : [index];
    return asked.map(redact).join(", ") || "An empty list of package indexes";
  }

  async #allFiles(project: string): Promise<readonly IndexFile[]> {
    const { findLinks, useDefault } = this.config;
    const main = useDefault ? [await defaultIndex(this.#ctx)] : [];
    const indexes = [...main, ...this.config.indexes];
    const answers = await Promise.all([
      ...findLinks.map((location) => this.#linkedFiles(location, project)),
      ...indexes.map((index) => this.#indexFiles(index, project)),
    ]);
    return answers.flat();
  }

  #indexFiles(index: string, project: string): Promise<readonly IndexFile[]> {
    if (!/^https?:/i.test(index)) return this.#localIndex(index, project);
    const url = new URL(index);
    url.pathname = `${url.pathname.replace(/\/+$/, "")}/${project}/`;
    return this.#page(url.href, project);
  }

  /** A directory of files, or (as pip allows for index URLs) one with a directory per project. */
  async #localIndex(index: string, project: string): Promise<readonly IndexFile[]> {
    const directory = index.startsWith("file:") ? fileURLToPath(index) : index;
    const nested = await directoryFiles(join(directory, project), project);
    return nested.length > 0 ? nested : directoryFiles(directory, project);
  }

  async #linkedFiles(location: string, project: string): Promise<readonly IndexFile[]> {
    if (/^https?:/i.test(location)) return this.#page(location, project);
    const path = location.startsWith("file:") ? fileURLToPath(location) : location;
    if (!/\.html?$/i.test(path)) return directoryFiles(path, project);
    const body = await readFile(path, "utf8").catch(() => "");
    return parseIndexPage(body, "text/html", pathToFileURL(path).href, project);
  }

  async #page(href: string, project: string): Promise<readonly IndexFile[]> {
    const page = await this.#fetchPage(href);
    if (page === undefined) return [];
    try {
      return parseIndexPage(page.body, page.contentType, page.url, project);
    } catch (error) {
      throw new AnyarchError(
        "NETWORK_ERROR",
        `${redact(href)} answers with what isn't a package index's page.`,
        {
          cause: error,
          hint: "Check the index's address in pip's or uv's configuration.",
        },
      );
    }
  }

  /** The page from the cache while it is fresh, else asked for by its ETag; undefined for 404. */
  async #fetchPage(href: string): Promise<CachedPage | undefined> {
    const path = join(
      this.#ctx.host.cacheDir,
      "python",
      "index",
      `${createHash("sha256").update(href).digest("hex")}.json`,
    );
    const cached = await readCached(path);
    const now = this.#ctx.host.now().getTime();
    if (cached !== undefined && now < cached.freshUntil) return cached;
    const conditional = cached?.etag === undefined ? {} : { "if-none-match": cached.etag };
    const response = await httpGet(href, { accept: acceptedTypes, ...conditional }, this.access, this.#ctx);
    const freshUntil = now + freshness(response.headers["cache-control"]);
    if (response.status === 304 && cached !== undefined) {
      response.body.resume();
      await writeFileAtomic(path, JSON.stringify({ ...cached, freshUntil }));
      return { ...cached, freshUntil };
    }
    if (response.status === 404 || response.status === 410) {
      response.body.resume();
      return undefined;
    }
    if (response.status !== 200) {
      response.body.resume();
      throw refused(href, response.status);
    }
    const { etag } = response.headers;
    const page: CachedPage = {
      url: splitCredentials(response.url.href).url.href,
      ...(etag !== undefined && { etag }),
      contentType: response.headers["content-type"] ?? "text/html",
      freshUntil,
      body: (await readBody(response, maximumPage)).toString("utf8"),
    };
    await writeFileAtomic(path, JSON.stringify(page), 0o600);
    return page;
  }
}

function refused(href: string, status: number): AnyarchError {
  const login = status === 401 || status === 403;
  return new AnyarchError(
    "NETWORK_ERROR",
    `The package index ${redact(href)} answers with status ${status}.`,
    {
      hint: login
        ? "Give the index's user and password in its URL in pip's or uv's configuration."
        : "Check the index's address in pip's or uv's configuration.",
      details: { status },
    },
  );
}

/** Milliseconds for which Cache-Control lets an answer be used again. */
function freshness(header: string | undefined): number {
  if (header === undefined || /\b(?:no-store|no-cache)\b/.test(header)) return 0;
  return Number(/\bmax-age=(\d+)/.exec(header)?.[1] ?? 0) * 1000;
}

async function readCached(path: string): Promise<CachedPage | undefined> {
  try {
    const page = JSON.parse(await readFile(path, "utf8")) as CachedPage;
    return typeof page.body === "string" && typeof page.url === "string" ? page : undefined;
  } catch {
    return undefined; // Never asked, or unreadable: asked again.
  }
}

async function directoryFiles(directory: string, project: string): Promise<readonly IndexFile[]> {
  const isDirectory = await stat(directory).then(
    (info) => info.isDirectory(),
    () => false,
  );
  if (!isDirectory) return [];
  const names = await readdir(directory);
  return names.sort().flatMap((filename) => {
    const version = distributionVersion(filename, project);
    if (version === undefined) return [];
    const url = pathToFileURL(join(directory, filename)).href;
    return [{ filename, url, hashes: {}, version, yanked: false }];
  });
}
