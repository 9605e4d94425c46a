import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Wheel } from "./wheel-fixture.ts";

export interface ServedFile extends Pick<Wheel, "filename" | "bytes"> {
  readonly project: string;
  readonly sha256?: string;
  readonly requiresPython?: string;
  readonly yanked?: boolean;
}

export interface IndexServerOptions {
  readonly json?: boolean;
  /** "user:password" that every request must bring. */
  readonly login?: string;
  /** Answers instead of the index where it returns true. */
  readonly intercept?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

/** A package index on loopback, with a log of what it was asked. */
export class IndexServer implements AsyncDisposable {
  readonly requests: {
    readonly path: string;
    readonly authorization: string | undefined;
    readonly etag: string | undefined;
  }[] = [];
  readonly #server: Server;
  readonly #files: readonly ServedFile[];
  readonly #options: IndexServerOptions;

  private constructor(files: readonly ServedFile[], options: IndexServerOptions) {
    this.#files = files;
    this.#options = options;
    this.#server = createServer((request, response) => this.#answer(request, response));
  }

  static async start(files: readonly ServedFile[], options: IndexServerOptions = {}): Promise<IndexServer> {
    const server = new IndexServer(files, options);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/simple/`;
  }

  urlOf(filename: string): string {
    return `${this.origin}/files/${filename}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? "";
    const { authorization } = request.headers;
    this.requests.push({ path, authorization, etag: request.headers["if-none-match"] });
    const { login } = this.#options;
    if (this.#options.intercept?.(request, response) === true) return;
    if (login !== undefined && authorization !== `Basic ${Buffer.from(login).toString("base64")}`) {
      response.writeHead(401).end("no");
      return;
    }
    const file = this.#files.find(({ filename }) => path === `/files/${filename}`);
    if (file !== undefined) response.writeHead(200, { "content-length": file.bytes.length }).end(file.bytes);
    else this.#answerPage(path, request, response);
  }

  #answerPage(path: string, request: IncomingMessage, response: ServerResponse): void {
    const project = /^\/simple\/([^/]+)\/$/.exec(path)?.[1];
    const files = this.#files.filter((one) => one.project === project);
    if (files.length === 0) {
      response.writeHead(404).end("not found");
      return;
    }
    const etag = `"${files.length}-${project}"`;
    if (request.headers["if-none-match"] === etag) {
      response.writeHead(304).end();
      return;
    }
    const json = this.#options.json !== false;
    response.setHeader(
      "content-type",
      json ? "application/vnd.pypi.simple.v1+json" : "text/html; charset=utf-8",
    );
    response.setHeader("etag", etag);
    response.end(json ? jsonPage(project ?? "", files) : htmlPage(files));
  }
}

function jsonPage(name: string, files: readonly ServedFile[]): string {
  return JSON.stringify({
    meta: { "api-version": "1.0" },
    name,
    files: files.map(({ filename, bytes, sha256, requiresPython, yanked = false }) => ({
      filename,
      url: `../../files/${filename}`,
      hashes: sha256 === undefined ? {} : { sha256 },
      size: bytes.length,
      yanked,
      ...(requiresPython !== undefined && { "requires-python": requiresPython }),
    })),
  });
}

function htmlPage(files: readonly ServedFile[]): string {
  const anchors = files.map(({ filename, sha256, requiresPython, yanked }) => {
    const fragment = sha256 === undefined ? "" : `#sha256=${sha256}`;
    const python =
      requiresPython === undefined
        ? ""
        : ` data-requires-python="${requiresPython.replaceAll(">", "&gt;").replaceAll("<", "&lt;")}"`;
    return `<a href="../../files/${filename}${fragment}"${python}${yanked === true ? ' data-yanked=""' : ""}>${filename}</a><br>`;
  });
  return `<!DOCTYPE html><html><body>${anchors.join("\n")}</body></html>`;
}
