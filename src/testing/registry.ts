import { createHash, randomUUID } from "node:crypto";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { type Fault, FaultList } from "./faults.ts";
import { RegistryAuth, type RegistryAuthOptions } from "./registry-auth.ts";

export interface TestRegistryOptions {
  /** PEM; plain HTTP without. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly auth?: RegistryAuthOptions;
  /** Blob GETs are redirected to this origin's /storage/DIGEST. */
  readonly blobRedirect?: string;
  /** Upload locations are relative and carry a query. */
  readonly relativeLocations?: boolean;
  /** A whole blob in one PUT is refused with this status: only chunks are taken. */
  readonly refuseMonolithic?: number;
  /** Answer mounts with an ordinary upload. */
  readonly refuseMounts?: boolean;
  /** Default "127.0.0.1". */
  readonly hostname?: string;
}

/** What was asked, for assertions about what was sent where. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
}

interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

interface Upload {
  readonly repository: string;
  bytes: Buffer;
}

interface Exchange {
  readonly request: http.IncomingMessage;
  readonly response: http.ServerResponse;
  readonly url: URL;
  readonly body: Buffer;
}

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/**
 * An OCI registry in this process, with faults on order: a real HTTP server on loopback that keeps everything in
 * memory. It refuses manifests whose children it doesn't have, as real registries do.
 */
export class TestRegistry implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly blobs = new Map<string, Map<string, Buffer>>();
  readonly manifests = new Map<string, Map<string, StoredManifest>>();
  readonly tags = new Map<string, Map<string, string>>();
  readonly #uploads = new Map<string, Upload>();
  readonly #faults = new FaultList();
  readonly #options: TestRegistryOptions;
  readonly #auth: RegistryAuth | undefined;
  readonly #server: http.Server;
  #port = 0;

  private constructor(options: TestRegistryOptions) {
    this.#options = options;
    const listener = (request: http.IncomingMessage, response: http.ServerResponse): void => {
      this.#serve(request, response).catch((error: unknown) => response.destroy(error as Error));
    };
    this.#server = options.tls ? https.createServer(options.tls, listener) : http.createServer(listener);
    this.#auth = options.auth === undefined ? undefined : new RegistryAuth(options.auth);
  }

  static async start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
    const registry = new TestRegistry(options);
    await new Promise<void>((resolve, reject) => {
      registry.#server.once("error", reject);
      registry.#server.listen(0, options.hostname ?? "127.0.0.1", resolve);
    });
    registry.#port = (registry.#server.address() as AddressInfo).port;
    return registry;
  }

  /** "127.0.0.1:40123". */
  get host(): string {
    return `${this.#options.hostname ?? "127.0.0.1"}:${this.port}`;
  }

  get port(): number {
    return this.#port;
  }

  get origin(): string {
    return `${this.#options.tls ? "https" : "http"}://${this.host}`;
  }

  /** Breaks the next requests that match. */
  fail(fault: Fault): void {
    this.#faults.add(fault);
  }

  putBlob(repository: string, bytes: Buffer, digest: string = sha256(bytes)): string {
    valueOf(this.blobs, repository).set(digest, bytes);
    return digest;
  }

  putManifest(repository: string, mediaType: string, bytes: Buffer, tag?: string): string {
    const digest = sha256(bytes);
    valueOf(this.manifests, repository).set(digest, { mediaType, bytes });
    if (tag !== undefined) valueOf(this.tags, repository).set(tag, digest);
    return digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = "", headers } = request;
    const url = new URL(request.url ?? "/", this.origin);
    this.requests.push({ method, url: url.pathname + url.search, headers });
    if (this.#faults.apply(method, url.pathname, request, response)) return;
    const storage = /^\/storage\/(.+)$/.exec(url.pathname);
    if (storage !== null) {
      this.#sendBlob(response, this.#anyBlob(decodeURIComponent(storage[1] ?? "")), headers);
      return;
    }
    const body = await readAll(request);
    if (this.#auth?.answer(request, response, url, body, this.origin) === true) return;
    this.#route({ request, response, url, body });
  }

  #route(exchange: Exchange): void {
    const { response, url } = exchange;
    const match = /^\/v2\/(?:(.+?)\/(blobs\/uploads|blobs|manifests|tags)\/(.*))?$/.exec(url.pathname);
    if (match === null) return sendError(response, 404, "NAME_UNKNOWN", "no such path");
    const [, repository = "", kind, rest = ""] = match;
    if (kind === undefined) return send(response, 200, {}, "{}");
    if (kind === "manifests") return this.#manifest(exchange, repository, rest);
    if (kind === "blobs") return this.#blob(exchange, repository, rest);
    if (kind === "tags") return this.#tagList(exchange, repository);
    return this.#upload(exchange, repository, rest);
  }

  #manifest({ request, response, body }: Exchange, repository: string, reference: string): void {
    const stored = valueOf(this.manifests, repository);
    const mediaType = request.headers["content-type"] ?? "";
    if (request.method === "PUT") {
      const missing = this.#missingChild(repository, body);
      if (missing !== undefined) {
        return sendError(response, 400, "MANIFEST_BLOB_UNKNOWN", `blob unknown: ${missing}`);
      }
      const isTag = !reference.includes(":");
      if (!isTag && reference !== sha256(body)) {
        return sendError(response, 400, "DIGEST_INVALID", "digest does not match");
      }
      const digest = this.putManifest(repository, mediaType, body, isTag ? reference : undefined);
      return send(response, 201, { "docker-content-digest": digest });
    }
    const digest = valueOf(this.tags, repository).get(reference) ?? reference;
    const found = stored.get(digest);
    if (found === undefined) return sendError(response, 404, "MANIFEST_UNKNOWN", "manifest unknown");
    const headers = { "content-type": found.mediaType, "docker-content-digest": digest };
    return send(response, 200, headers, found.bytes, request.method === "HEAD");
  }

  #missingChild(repository: string, body: Buffer): string | undefined {
    const manifest = JSON.parse(body.toString("utf8")) as {
      config?: { digest: string };
      layers?: { digest: string; urls?: string[] }[];
      manifests?: { digest: string }[];
    };
    const blobs = [manifest.config, ...(manifest.layers ?? [])].filter((child) => child !== undefined);
    const missing = blobs.find(({ digest }) => !valueOf(this.blobs, repository).has(digest));
    const child = manifest.manifests?.find(({ digest }) => !valueOf(this.manifests, repository).has(digest));
    return (missing ?? child)?.digest;
  }

  #blob({ request, response }: Exchange, repository: string, digest: string): void {
    const found = valueOf(this.blobs, repository).get(digest);
    if (found === undefined) return sendError(response, 404, "BLOB_UNKNOWN", "blob unknown");
    if (request.method === "HEAD") return send(response, 200, {}, found, true);
    const { blobRedirect } = this.#options;
    if (blobRedirect !== undefined) {
      const location = `${blobRedirect}/storage/${digest}?X-Signature=not-to-be-shown`;
      return send(response, 307, { location });
    }
    return this.#sendBlob(response, found, request.headers);
  }

  #sendBlob(
    response: http.ServerResponse,
    blob: Buffer | undefined,
    headers: http.IncomingHttpHeaders,
  ): void {
    if (blob === undefined) return sendError(response, 404, "BLOB_UNKNOWN", "blob unknown");
    const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
    if (start === 0) return send(response, 200, {}, blob);
    const range = `bytes ${start}-${blob.length - 1}/${blob.length}`;
    return send(response, 206, { "content-range": range }, blob.subarray(start));
  }

  #anyBlob(digest: string): Buffer | undefined {
    return [...this.blobs.values()].map((blobs) => blobs.get(digest)).find((blob) => blob !== undefined);
  }

  #tagList({ response, url }: Exchange, repository: string): void {
    const all = [...valueOf(this.tags, repository).keys()].sort();
    if (!this.manifests.get(repository)?.size) return sendError(response, 404, "NAME_UNKNOWN", "unknown");
    const limit = Math.min(Number(url.searchParams.get("n") ?? 100), 3);
    const last = url.searchParams.get("last") ?? "";
    const tags = all.filter((tag) => tag > last).slice(0, limit);
    const more = tags.length > 0 && tags.at(-1) !== all.at(-1);
    const next = `</v2/${repository}/tags/list?n=${limit}&last=${tags.at(-1)}>; rel="next"`;
    return send(response, 200, more ? { link: next } : {}, JSON.stringify({ name: repository, tags }));
  }

  #upload(exchange: Exchange, repository: string, id: string): void {
    const { request, response, url, body } = exchange;
    if (request.method === "POST") return this.#startUpload(response, url, repository);
    const upload = this.#uploads.get(id);
    if (upload === undefined || upload.repository !== repository) {
      return sendError(response, 404, "BLOB_UPLOAD_UNKNOWN", "upload unknown");
    }
    if (request.method === "DELETE") {
      this.#uploads.delete(id);
      return send(response, 204, {});
    }
    if (request.method === "PATCH") {
      const range = request.headers["content-range"];
      if (range !== undefined && !range.startsWith(`${upload.bytes.length}-`)) {
        return sendError(response, 416, "BLOB_UPLOAD_INVALID", "out of order");
      }
      upload.bytes = Buffer.concat([upload.bytes, body]);
      return send(response, 202, { location: this.#location(repository, id) });
    }
    const { refuseMonolithic } = this.#options;
    if (refuseMonolithic !== undefined && body.length > 0) {
      return sendError(response, refuseMonolithic, "UNSUPPORTED", "send it in pieces");
    }
    upload.bytes = Buffer.concat([upload.bytes, body]);
    const digest = url.searchParams.get("digest") ?? "";
    this.#uploads.delete(id);
    if (digest !== sha256(upload.bytes)) return sendError(response, 400, "DIGEST_INVALID", "digest mismatch");
    this.putBlob(repository, upload.bytes);
    return send(response, 201, { "docker-content-digest": digest });
  }

  #startUpload(response: http.ServerResponse, url: URL, repository: string): void {
    const mount = url.searchParams.get("mount");
    const blob = this.blobs.get(url.searchParams.get("from") ?? "")?.get(mount ?? "");
    if (blob !== undefined && this.#options.refuseMounts !== true) {
      return send(response, 201, { "docker-content-digest": this.putBlob(repository, blob) });
    }
    const id = randomUUID();
    this.#uploads.set(id, { repository, bytes: Buffer.alloc(0) });
    return send(response, 202, { location: this.#location(repository, id) });
  }

  #location(repository: string, id: string): string {
    const path = `/v2/${repository}/blobs/uploads/${id}`;
    return this.#options.relativeLocations === true ? `${path}?_state=a%2Bb%20c` : this.origin + path;
  }
}

function valueOf<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = new Map()));
  return value;
}

async function readAll(request: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function send(
  response: http.ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: Buffer | string = "",
  headOnly = false,
): void {
  response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  response.end(headOnly ? undefined : body);
}

function sendError(response: http.ServerResponse, status: number, code: string, message: string): void {
  const body = JSON.stringify({ errors: [{ code, message }] });
  send(response, status, { "content-type": "application/json" }, body);
}
