import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { AnyarchError } from "../../errors/error.ts";
import { redact } from "../../errors/redact.ts";
import type { Context } from "../../host/context.ts";
import { type HttpResponse, readBody } from "../../host/http.ts";
import { defaultIndex } from "./default-index.ts";
import { httpGet, IndexAccess, splitCredentials } from "./http-get.ts";
import { type CachedPage, PageCache } from "./index-cache.ts";
import type { IndexConfig } from "./index-config.ts";
import { acceptedTypes, distributionVersion, parseIndexPage, type IndexFile } from "./index-page.ts";

/** Bytes; the page of a project with very many releases is some 30 MB. */
const maximumPage = 256 << 20;

/** How a page on the web is had. */
type ReadPage = (href: string, project: string) => Promise<readonly IndexFile[]>;

/** Asks the configured indexes and --find-links places which files there are of a project. */
export class IndexClient {
  readonly config: IndexConfig;
  readonly access: IndexAccess;
  readonly #ctx: Context;
  readonly #pages: PageCache;
  readonly #answers = new Map<string, Promise<readonly IndexFile[]>>();

  constructor(config: IndexConfig, ctx: Context) {
    this.config = config;
    this.access = new IndexAccess(
      [...config.indexes, ...config.findLinks],
      config.trustedHosts,
      config.certificates,
    );
    this.#ctx = ctx;
    this.#pages = new PageCache(ctx);
  }

  /**
   * All files of a project (normalised name), those of --find-links first. With `index`, those of that index
   * alone: a URL, or an absolute directory of files. Empty where no index knows it. Throws NETWORK_ERROR, and
   * RESOLVER_MISSING where no index is configured and neither pip nor uv is there to name one.
   */
  files(project: string, index?: string): Promise<readonly IndexFile[]> {
    return this.#once(`asked ${index ?? ""} ${project}`, () =>
      this.#filesFrom(project, index, (href) => this.#ask(href, project)),
    );
  }

  /**
   * The same as far as earlier answers, however old, and directories tell: nothing is asked. Good for who knows
   * by a hash what to look for.
   */
  remembered(project: string, index?: string): Promise<readonly IndexFile[]> {
    return this.#once(`remembered ${index ?? ""} ${project}`, () =>
      this.#filesFrom(project, index, async (href) => (await this.#pages.get(href, project))?.files ?? []),
    );
  }

  #once(key: string, find: () => Promise<readonly IndexFile[]>): Promise<readonly IndexFile[]> {
    let answer = this.#answers.get(key);
    if (answer === undefined) {
      answer = find();
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

  async #filesFrom(
    project: string,
    index: string | undefined,
    page: ReadPage,
  ): Promise<readonly IndexFile[]> {
    if (index !== undefined) return this.#indexFiles(index, project, page);
    const { findLinks, useDefault } = this.config;
    const main = useDefault ? [await defaultIndex(this.#ctx)] : [];
    const indexes = [...main, ...this.config.indexes];
    const answers = await Promise.all([
      ...findLinks.map((location) => this.#linkedFiles(location, project, page)),
      ...indexes.map((one) => this.#indexFiles(one, project, page)),
    ]);
    return answers.flat();
  }

  #indexFiles(index: string, project: string, page: ReadPage): Promise<readonly IndexFile[]> {
    if (!/^https?:/i.test(index)) return this.#localIndex(index, project);
    const url = new URL(index);
    url.pathname = `${url.pathname.replace(/\/+$/, "")}/${project}/`;
    return page(url.href, project);
  }

  /** A directory of files, or (as pip allows for index URLs) one with a directory per project. */
  async #localIndex(index: string, project: string): Promise<readonly IndexFile[]> {
    const directory = index.startsWith("file:") ? fileURLToPath(index) : index;
    const nested = await directoryFiles(join(directory, project), project);
    return nested.length > 0 ? nested : directoryFiles(directory, project);
  }

  async #linkedFiles(location: string, project: string, page: ReadPage): Promise<readonly IndexFile[]> {
    if (/^https?:/i.test(location)) return page(location, project);
    const path = location.startsWith("file:") ? fileURLToPath(location) : location;
    if (!/\.html?$/i.test(path)) return directoryFiles(path, project);
    const body = await readFile(path, "utf8").catch(() => "");
    return parseIndexPage(body, "text/html", pathToFileURL(path).href, project);
  }

  /** The page from the cache while it is fresh, else asked for by its ETag; empty for 404. */
  async #ask(href: string, project: string): Promise<readonly IndexFile[]> {
    const cached = await this.#pages.get(href, project);
    const now = this.#ctx.host.now().getTime();
    if (cached !== undefined && now < cached.freshUntil) return cached.files;
    const conditional = cached?.etag === undefined ? {} : { "if-none-match": cached.etag };
    const response = await httpGet(href, { accept: acceptedTypes, ...conditional }, this.access, this.#ctx);
    const freshUntil = now + freshness(response.headers["cache-control"]);
    if (response.status === 304 && cached !== undefined) {
      response.body.resume();
      await this.#pages.put(href, project, { ...cached, freshUntil });
      return cached.files;
    }
    if (response.status === 404 || response.status === 410) {
      response.body.resume();
      return [];
    }
    if (response.status !== 200) {
      response.body.resume();
      throw refused(href, response.status);
    }
    const { etag } = response.headers;
    const files = await readPage(response, href, project);
    const page: CachedPage = { ...(etag !== undefined && { etag }), freshUntil, files };
    await this.#pages.put(href, project, page);
    return files;
  }
}

async function readPage(
  response: HttpResponse,
  href: string,
  project: string,
): Promise<readonly IndexFile[]> {
  const body = (await readBody(response, maximumPage)).toString("utf8");
  const url = splitCredentials(response.url.href).url.href;
  try {
    return parseIndexPage(body, response.headers["content-type"] ?? "text/html", url, project);
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
