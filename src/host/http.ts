import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import type { Readable } from "node:stream";
import tls from "node:tls";
import { AnyarchError } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";

export interface TlsOptions {
  /** PEM certificates trusted beside those of Node.js and the host's. */
  readonly ca?: readonly string[];
  /** PEM client certificate and key. */
  readonly cert?: string;
  readonly key?: string;
  /** True accepts any certificate: only for registries that the user declared insecure. */
  readonly insecure?: boolean;
}

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes are sent with a content-length; a stream needs one in `headers`, else it is sent chunked. */
  readonly body?: Uint8Array | Readable;
  readonly tls?: TlsOptions;
  readonly signal?: AbortSignal;
  /** Milliseconds without any byte until the request fails; 60,000 by default. */
  readonly idleTimeoutMs?: number;
}

/** Redirects are never followed here: who asks decides which credentials may go where. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly url: URL;
  /** Must be read to its end or destroyed, else the connection is not reused. */
  readonly body: Readable;
}

/** Reads a body that should be small; throws NETWORK_ERROR past `limit` bytes (default 8 MiB). */
export async function readBody(response: HttpResponse, limit: number = 8 << 20): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      response.body.destroy();
      throw new AnyarchError("NETWORK_ERROR", `${response.url.href} answers with more than ${limit} bytes.`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface Agents {
  readonly http: http.Agent;
  readonly https: https.Agent;
  /** Goes with each request: a proxy's agent forgets what it was made with when it turns to the server behind. */
  readonly tls: https.AgentOptions;
}

/**
 * The HTTP side of the host: kept-alive connections, the proxy of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and
 * NO_PROXY (its library loaded only where one is set), and the certificates of SSL_CERT_FILE.
 */
export class HttpDispatcher {
  /** For the proxy itself proxy-from-env reads the process's own environment. */
  readonly #env: NodeJS.ProcessEnv;
  readonly #agents = new Map<string, Promise<Agents>>();
  readonly #contexts = new Map<string, tls.SecureContext>();
  #hostCa: readonly string[] | undefined;

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  async request(request: HttpRequest): Promise<HttpResponse> {
    request.signal?.throwIfAborted();
    const agents = await this.#agentsFor(request);
    try {
      return await this.#exchange(request, agents);
    } catch (error) {
      throw await this.#atProxy(error as Error, request.url);
    }
  }

  #exchange(request: HttpRequest, agents: Agents): Promise<HttpResponse> {
    const secure = request.url.protocol === "https:";
    const { idleTimeoutMs = 60_000 } = request;
    return new Promise((resolve, reject) => {
      const headers: Record<string, string | number> = { "user-agent": "anyarch", ...request.headers };
      const { body } = request;
      if (body instanceof Uint8Array) headers["content-length"] = body.byteLength;
      const outgoing = (secure ? https : http).request(request.url, {
        method: request.method,
        headers,
        ...(secure ? { ...agents.tls, agent: agents.https } : { agent: agents.http }),
        ...(request.signal && { signal: request.signal }),
        timeout: idleTimeoutMs,
      });
      outgoing.on("timeout", () =>
        outgoing.destroy(
          new AnyarchError(
            "NETWORK_ERROR",
            `${request.url.host} sent nothing for ${idleTimeoutMs / 1000} seconds.`,
            {
              hint: "Check the network and the proxy settings, then try again.",
            },
          ),
        ),
      );
      outgoing.on("response", (incoming) =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          url: request.url,
          body: incoming,
        }),
      );
      outgoing.on("error", (error) => {
        if (body !== undefined && !(body instanceof Uint8Array)) body.destroy();
        reject(error);
      });
      if (body === undefined) outgoing.end();
      else if (body instanceof Uint8Array) outgoing.end(body);
      else {
        body.on("error", (error) => outgoing.destroy(error));
        body.pipe(outgoing);
      }
    });
  }

  /** Where it is the proxy that can't be reached, the server's name would mislead. */
  async #atProxy(error: NodeJS.ErrnoException, url: URL): Promise<Error> {
    if (!this.#mayHaveProxy || !["connect", "getaddrinfo"].includes(error.syscall ?? "")) return error;
    const { getProxyForUrl } = await import("proxy-from-env");
    const proxy = getProxyForUrl(url.href);
    if (proxy === "") return error;
    const { host } = new URL(proxy);
    return new AnyarchError(
      "NETWORK_ERROR",
      `The proxy ${host} for ${url.host} can't be reached: ${systemReason(error)}.`,
      {
        cause: error,
        hint: "Correct HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or name the host in NO_PROXY.",
        details: { host, final: true },
      },
    );
  }

  get #mayHaveProxy(): boolean {
    return ["http_proxy", "https_proxy", "all_proxy"].some(
      (name) => this.#env[name] || this.#env[name.toUpperCase()],
    );
  }

  /** Closes idle connections, so that the process can end. */
  async close(): Promise<void> {
    for (const pending of this.#agents.values()) {
      const agents = await pending;
      agents.http.destroy();
      agents.https.destroy();
    }
    this.#agents.clear();
  }

  #agentsFor(request: HttpRequest): Promise<Agents> {
    const proxied = this.#mayHaveProxy;
    const origin = proxied ? request.url.origin : "";
    const key = JSON.stringify([origin, request.tls ?? null]);
    let agents = this.#agents.get(key);
    if (agents === undefined) {
      agents = proxied ? this.#proxyAgents(request) : Promise.resolve(this.#directAgents(request.tls));
      this.#agents.set(key, agents);
    }
    return agents;
  }

  #directAgents(options: TlsOptions | undefined): Agents {
    const keep = { keepAlive: true, maxSockets: 16 };
    return { http: new http.Agent(keep), https: new https.Agent(keep), tls: this.#tlsSettings(options) };
  }

  async #proxyAgents(request: HttpRequest): Promise<Agents> {
    const { getProxyForUrl } = await import("proxy-from-env");
    const proxy = getProxyForUrl(request.url.href);
    if (proxy === "") return this.#directAgents(request.tls);
    const [{ HttpProxyAgent }, { HttpsProxyAgent }] = await Promise.all([
      import("http-proxy-agent"),
      import("https-proxy-agent"),
    ]);
    const settings = this.#tlsSettings(request.tls);
    const options = { keepAlive: true, maxSockets: 16, ...settings };
    return {
      http: new HttpProxyAgent<string>(proxy, options),
      https: new HttpsProxyAgent<string>(proxy, options),
      tls: settings,
    };
  }

  /** Made once for all connections: hundreds of root certificates take longer to parse than a request takes. */
  #tlsSettings(options: TlsOptions | undefined): https.AgentOptions {
    const { ca = [], cert, key, insecure = false } = options ?? {};
    const extra = [...this.#hostCertificates(), ...ca];
    const leniency = insecure ? { rejectUnauthorized: false } : {};
    if (extra.length === 0 && cert === undefined && key === undefined) return leniency;
    const id = JSON.stringify([ca, cert, key]);
    let secureContext = this.#contexts.get(id);
    if (secureContext === undefined) {
      secureContext = tls.createSecureContext({
        // `ca` replaces the built-in roots, so they have to be named again.
        ...(extra.length > 0 && {
          ca: [...tls.rootCertificates, ...this.#nodeExtraCertificates(), ...extra],
        }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
      });
      this.#contexts.set(id, secureContext);
    }
    return { secureContext, ...leniency };
  }

  #hostCertificates(): readonly string[] {
    this.#hostCa ??= readCertificates(this.#env["SSL_CERT_FILE"]);
    return this.#hostCa;
  }

  #nodeExtraCertificates(): readonly string[] {
    return readCertificates(this.#env["NODE_EXTRA_CA_CERTS"]);
  }
}

function readCertificates(path: string | undefined): readonly string[] {
  if (!path) return [];
  try {
    return [readFileSync(path, "utf8")];
  } catch {
    return []; // As OpenSSL does: a bundle that isn't there adds no trust.
  }
}
