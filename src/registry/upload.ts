import { Readable } from "node:stream";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { HttpResponse } from "../host/http.ts";
import type { Descriptor } from "../oci/content.ts";
import { shortDigest } from "../oci/digest.ts";
import { type Scope, scopesFor } from "./auth.ts";
import { type Connection, resolveUrl } from "./connection.ts";
import { discard, isWorthRestart } from "./failure.ts";
import { isRetryStatus, retryAfterMs, type RetryPolicy, waitToRetry } from "./retry.ts";
import { statusError } from "./status-error.ts";

export type BlobContent = Uint8Array | ((signal: AbortSignal) => Promise<Readable>);

export interface UploadOptions {
  /** A repository of the same registry that holds the blob. */
  readonly mountFrom?: string;
  readonly onProgress?: (current: number) => void;
}

/** Smallest piece of a chunked upload; the server may ask for larger ones. */
const chunkSize = 8 << 20;
/** Answers of servers that don't take a whole blob in one PUT, but may take it in pieces. */
const wantsChunks: ReadonlySet<number> = new Set([404, 405, 411, 413, 415, 416]);

/** Pushes one blob to one endpoint (distribution-spec, "Pushing blobs"): ask, mount, upload; from the start after a failure. */
export class BlobUpload {
  readonly #connection: Connection;
  readonly #policy: RetryPolicy;
  readonly #descriptor: Descriptor;
  readonly #content: BlobContent;
  readonly #options: UploadOptions;

  constructor(
    connection: Connection,
    policy: RetryPolicy,
    descriptor: Descriptor,
    content: BlobContent,
    options: UploadOptions,
  ) {
    this.#connection = connection;
    this.#policy = policy;
    this.#descriptor = descriptor;
    this.#content = content;
    this.#options = options;
  }

  async run(ctx: Context): Promise<"pushed" | "exists" | "mounted"> {
    if (await this.#exists(ctx)) return "exists";
    let session = await this.#mount(ctx);
    if (session === "mounted") return "mounted";
    let chunked = false;
    for (let attempt = 0; ; attempt++) {
      let wait: number | undefined;
      let why: string;
      try {
        session ??= await this.#start(ctx);
        const response = await (chunked ? this.#sendChunks(session, ctx) : this.#sendWhole(session, ctx));
        if (response === undefined || [200, 201, 202, 204].includes(response.status)) {
          if (response !== undefined) await discard(response);
          return "pushed";
        }
        if (!chunked && wantsChunks.has(response.status)) {
          chunked = true;
          session = undefined;
          await discard(response);
          continue;
        }
        wait = retryAfterMs(response, ctx.host.now());
        const failure = await statusError(this.#connection, response, this.#what, ctx);
        if (!isRetryStatus(response.status)) throw failure;
        why = failure.message;
        if (attempt >= this.#policy.retries) throw failure;
      } catch (error) {
        ctx.signal.throwIfAborted();
        if (!isWorthRestart(error) || attempt >= this.#policy.retries) throw error;
        why = (error as Error).message;
      }
      session = undefined;
      if (!(await waitToRetry(this.#policy, attempt, why.replace(/\.$/, ""), ctx, wait))) {
        throw new AnyarchError("REGISTRY_ERROR", why);
      }
    }
  }

  get #what(): string {
    return `take the blob ${shortDigest(this.#descriptor.digest)} for ${this.#repository}`;
  }

  get #repository(): string {
    return this.#connection.endpoint.repository;
  }

  get #scopes(): readonly Scope[] {
    return scopesFor(this.#repository, "pull,push");
  }

  async #exists(ctx: Context): Promise<boolean> {
    const url = `/v2/${this.#repository}/blobs/${this.#descriptor.digest}`;
    const response = await this.#connection.send({ method: "HEAD", url, scopes: this.#scopes }, ctx);
    await discard(response);
    if (response.status === 200) return true;
    if (response.status === 401 || response.status === 403) {
      throw await statusError(this.#connection, response, this.#what, ctx);
    }
    return false;
  }

  /** A mount that the server refuses is no failure: it may open an upload instead, or one is opened afterwards. */
  async #mount(ctx: Context): Promise<"mounted" | URL | undefined> {
    const from = this.#options.mountFrom;
    if (from === undefined || from === this.#repository) return undefined;
    const query = `mount=${encodeURIComponent(this.#descriptor.digest)}&from=${encodeURIComponent(from)}`;
    let response: HttpResponse;
    try {
      response = await this.#connection.send(
        {
          method: "POST",
          url: `/v2/${this.#repository}/blobs/uploads/?${query}`,
          body: new Uint8Array(),
          scopes: [...this.#scopes, ...scopesFor(from, "pull")],
        },
        ctx,
      );
    } catch (error) {
      const refused = error instanceof AnyarchError && error.code === "REGISTRY_UNAUTHORIZED";
      if (!refused) throw error;
      return undefined;
    }
    await discard(response);
    if (response.status === 201) return "mounted";
    return response.status === 202 ? sessionUrl(response) : undefined;
  }

  async #start(ctx: Context): Promise<URL> {
    const url = `/v2/${this.#repository}/blobs/uploads/`;
    const body = new Uint8Array();
    const response = await this.#connection.send({ method: "POST", url, body, scopes: this.#scopes }, ctx);
    if (response.status !== 202) throw await statusError(this.#connection, response, this.#what, ctx);
    await discard(response);
    const session = sessionUrl(response);
    if (session !== undefined) return session;
    const { registry } = this.#connection.endpoint;
    throw new AnyarchError("REGISTRY_ERROR", `${registry} starts an upload without saying where.`);
  }

  #sendWhole(session: URL, ctx: Context): Promise<HttpResponse> {
    const content = this.#content;
    const { size } = this.#descriptor;
    const { onProgress } = this.#options;
    const open =
      content instanceof Uint8Array ? () => Promise.resolve(Readable.from(pieces(content))) : content;
    return this.#connection.send(
      {
        method: "PUT",
        url: withDigest(session, this.#descriptor),
        headers: { "content-type": "application/octet-stream" },
        body: size === 0 ? new Uint8Array() : { size, open, ...(onProgress && { onProgress }) },
        scopes: this.#scopes,
        retry: false,
      },
      ctx,
    );
  }

  /** Returns the answer that ended it: to the closing PUT, or to a piece that was refused. */
  async #sendChunks(session: URL, ctx: Context): Promise<HttpResponse> {
    let url = session;
    let offset = 0;
    for await (const chunk of this.#chunks(ctx)) {
      const response = await this.#connection.send(
        {
          method: "PATCH",
          url,
          headers: {
            "content-type": "application/octet-stream",
            "content-range": `${offset}-${offset + chunk.length - 1}`,
          },
          body: chunk,
          scopes: this.#scopes,
          retry: false,
        },
        ctx,
      );
      if (response.status !== 202) return response;
      await discard(response);
      url = sessionUrl(response) ?? url;
      offset += chunk.length;
      this.#options.onProgress?.(offset);
    }
    return this.#connection.send(
      {
        method: "PUT",
        url: withDigest(url, this.#descriptor),
        body: new Uint8Array(),
        scopes: this.#scopes,
        retry: false,
      },
      ctx,
    );
  }

  async *#chunks(ctx: Context): AsyncGenerator<Uint8Array> {
    const content = this.#content;
    const source = content instanceof Uint8Array ? Readable.from(pieces(content)) : await content(ctx.signal);
    let parts: Uint8Array[] = [];
    let size = 0;
    for await (const part of source as AsyncIterable<Uint8Array>) {
      parts.push(part);
      size += part.length;
      if (size < chunkSize) continue;
      yield Buffer.concat(parts);
      parts = [];
      size = 0;
    }
    if (size > 0) yield Buffer.concat(parts);
  }
}

/**
 * Starts an upload and gives it up, as go-containerregistry does: the only way to know, before there is anything to
 * push, that pushing is allowed. Throws what a push would.
 */
export async function checkUpload(connection: Connection, ctx: Context): Promise<void> {
  const { repository } = connection.endpoint;
  const scopes = scopesFor(repository, "pull,push");
  const url = `/v2/${repository}/blobs/uploads/`;
  const response = await connection.send({ method: "POST", url, body: new Uint8Array(), scopes }, ctx);
  if (response.status !== 202)
    throw await statusError(connection, response, `accept a push to ${repository}`, ctx);
  await discard(response);
  const session = sessionUrl(response);
  if (session === undefined) return;
  try {
    // Some registries want the right to delete for it, which nobody gives for a push: they forget it in time.
    const cancel = { method: "DELETE", url: session, scopes, retry: false, challenge: false };
    await discard(await connection.send(cancel, ctx));
  } catch {
    ctx.signal.throwIfAborted();
  }
}

/** Pieces of 1 MiB, so that progress is seen and a stalled peer holds back little. */
function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 1 << 20) yield bytes.subarray(start, start + (1 << 20));
}

/** Where an upload goes on: absolute or relative, with its query. Never down from TLS on the same host. */
function sessionUrl(response: HttpResponse): URL | undefined {
  const { location } = response.headers;
  const url = location === undefined ? undefined : resolveUrl(location, response.url);
  if (url === undefined) return undefined;
  // Registries behind a proxy that ends TLS often believe that they are reached in plain HTTP.
  if (
    response.url.protocol === "https:" &&
    url.protocol === "http:" &&
    url.hostname === response.url.hostname
  ) {
    url.protocol = "https:";
    if (url.port === "" || url.port === "80") url.port = response.url.port;
  }
  return url;
}

/** The query is kept as it is, byte for byte: it may be signed. */
function withDigest(session: URL, descriptor: Descriptor): URL {
  const url = new URL(session);
  url.search += `${url.search === "" ? "?" : "&"}digest=${encodeURIComponent(descriptor.digest)}`;
  return url;
}
