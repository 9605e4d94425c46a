import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { HttpResponse, TlsOptions } from "../host/http.ts";
import { Authorizer, type Scope } from "./auth.ts";
import { tlsOptionsFor } from "./certificates.ts";
import type { Credential } from "./credential.ts";
import { connectionError, discard, isCertificateFault, isTransient } from "./failure.ts";
import { type Endpoint, isLoopback } from "./registries-config.ts";
import { BodyError, openBody, type RequestBody } from "./request-body.ts";
import { isRetryStatus, retryAfterMs, type RetryPolicy, waitToRetry } from "./retry.ts";

export interface RegistryRequest {
  readonly method: string;
  /** Absolute, or relative to the registry's root: "/v2/a/b/tags/list". */
  readonly url: URL | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly scopes: readonly Scope[];
  /** False where the caller repeats more than this one request. True by default. */
  readonly retry?: boolean;
  /** False takes a 401 for the answer, and asks for no further rights. True by default. */
  readonly challenge?: boolean;
}

const maxRedirects = 8;

/**
 * Everything between a request and its final answer at one endpoint: scheme, certificates, authentication,
 * redirects, retries. Status codes are left to the caller, except those that were worth a retry.
 */
export class Connection {
  readonly endpoint: Endpoint;
  readonly authorizer: Authorizer;
  readonly #policy: RetryPolicy;
  #base: Promise<URL> | undefined;
  readonly #tls = new Map<string, Promise<TlsOptions | undefined>>();

  constructor(
    endpoint: Endpoint,
    policy: RetryPolicy,
    find: (ctx: Context) => Promise<Credential | undefined>,
  ) {
    this.endpoint = endpoint;
    this.#policy = policy;
    this.authorizer = new Authorizer({
      registry: endpoint.registry,
      insecure: endpoint.insecure,
      find,
      send: (request, ctx) => this.#retrying({ ...request, scopes: [] }, ctx, (r) => this.#follow(r, ctx)),
    });
  }

  /** Throws REGISTRY_TLS, NETWORK_ERROR, REGISTRY_UNAUTHORIZED, and what the body's opener throws. */
  async send(request: RegistryRequest, ctx: Context): Promise<HttpResponse> {
    const base = await this.base(ctx);
    const url = new URL(request.url, base);
    return this.#retrying({ ...request, url }, ctx, (resolved) => this.#authorized(resolved, base, ctx));
  }

  /** The scheme and host that answer. Plain HTTP only for loopback and for what is declared insecure. */
  async base(ctx: Context): Promise<URL> {
    this.#base ??= this.#discover(ctx).catch((error: unknown) => {
      this.#base = undefined;
      throw error;
    });
    return this.#base;
  }

  async #discover(ctx: Context): Promise<URL> {
    const { host, insecure } = this.endpoint;
    if (!URL.canParse(`https://${host}/`)) {
      throw new AnyarchError("CONFIG_INVALID", `"${host}" isn't the host of a registry.`);
    }
    const secure = new URL(`https://${host}/`);
    if (!insecure && !isLoopback(host)) return secure;
    try {
      return await this.#probe(secure, ctx);
    } catch (error) {
      if (ctx.signal.aborted || isCertificateFault(error)) throw connectionError(host, error);
      try {
        return await this.#probe(new URL(`http://${host}/`), ctx);
      } catch {
        throw connectionError(host, error);
      }
    }
  }

  async #probe(base: URL, ctx: Context): Promise<URL> {
    const url = new URL("/v2/", base);
    await discard(await this.#once({ method: "GET", url, scopes: [] }, ctx));
    return base;
  }

  async #retrying<T extends RegistryRequest>(
    request: T,
    ctx: Context,
    exchange: (request: T) => Promise<HttpResponse>,
  ): Promise<HttpResponse> {
    const host = new URL(request.url, `https://${this.endpoint.host}/`).host;
    for (let attempt = 0; ; attempt++) {
      let response: HttpResponse;
      try {
        response = await exchange(request);
      } catch (error) {
        ctx.signal.throwIfAborted();
        if (error instanceof BodyError) throw error.cause;
        const final = connectionError(host, error);
        if (!isTransient(error) || request.retry === false) throw final;
        if (await waitToRetry(this.#policy, attempt, final.message.replace(/\.$/, ""), ctx)) continue;
        throw final;
      }
      if (!isRetryStatus(response.status) || request.retry === false) return response;
      const wait = retryAfterMs(response, ctx.host.now());
      if (!(await waitToRetry(this.#policy, attempt, `${host} answers with ${response.status}`, ctx, wait)))
        return response;
      await discard(response);
    }
  }

  async #authorized(request: RegistryRequest, base: URL, ctx: Context): Promise<HttpResponse> {
    const own = new URL(request.url, base).origin === base.origin;
    const scopes = new Set(request.scopes);
    for (let attempt = 0; ; attempt++) {
      const authorization = own ? await this.authorizer.header(scopes, ctx) : undefined;
      const headers = { ...request.headers, ...(authorization !== undefined && { authorization }) };
      const response = await this.#follow({ ...request, headers }, ctx);
      if (response.status !== 401 || response.url.origin !== base.origin) return response;
      if (attempt === 2 || request.challenge === false) return response;
      const wanted = this.authorizer.take(response, authorization);
      if (wanted === undefined) return response;
      const asked = scopes.size;
      for (const scope of wanted) scopes.add(scope);
      // Basic credentials that were refused, or none to send: asking again would change nothing.
      const next = await this.authorizer.header(scopes, ctx);
      if (next === undefined || (next === authorization && scopes.size === asked)) return response;
      await discard(response);
    }
  }

  /** Follows redirects; credentials stay behind when the origin changes. */
  async #follow(request: RegistryRequest, ctx: Context): Promise<HttpResponse> {
    let current = { ...request, url: new URL(request.url) };
    for (let count = 0; ; count++) {
      const response = await this.#once(current, ctx);
      const target = redirectTarget(response, current.method);
      if (target === undefined) return response;
      await discard(response);
      if (count === maxRedirects) {
        throw new AnyarchError("REGISTRY_ERROR", `${current.url.host} redirects in a circle.`);
      }
      this.#checkDowngrade(current.url, target);
      const { authorization, ...headers } = { ...current.headers };
      const same = target.origin === current.url.origin && authorization !== undefined;
      current = { ...current, url: target, headers: same ? { ...headers, authorization } : headers };
    }
  }

  #checkDowngrade(from: URL, to: URL): void {
    if (to.protocol === "https:") return;
    const allowed = from.protocol === "http:" || isLoopback(to.hostname) || this.endpoint.insecure;
    if (to.protocol === "http:" && allowed) return;
    throw new AnyarchError(
      "REGISTRY_ERROR",
      `${from.host} redirects from TLS to ${to.protocol}//${to.host}: refused.`,
      { hint: `If that is meant, declare ${this.endpoint.registry} insecure = true.` },
    );
  }

  async #once(request: RegistryRequest & { readonly url: URL }, ctx: Context): Promise<HttpResponse> {
    const { method, url, headers, body } = request;
    const tls = url.protocol === "https:" ? await this.#tlsFor(url, ctx) : undefined;
    const common = { method, url, signal: ctx.signal, ...(tls && { tls }) };
    if (body === undefined || body instanceof Uint8Array) {
      return ctx.host.request({ ...common, ...(headers && { headers }), ...(body && { body }) });
    }
    const stream = await openBody(body, ctx.signal);
    try {
      const response = await ctx.host.request({
        ...common,
        headers: { ...headers, "content-length": String(body.size) },
        body: stream,
      });
      // An answer before the body's end means that the rest isn't wanted: the connection is of no more use.
      response.body.once("close", () => {
        if (!stream.readableEnded)
          stream.destroy(new Error("The server answered before the end of the body."));
      });
      return response;
    } catch (error) {
      const failed = stream.sourceError;
      stream.destroy();
      throw failed === undefined ? error : new BodyError(failed.error);
    }
  }

  #tlsFor(url: URL, ctx: Context): Promise<TlsOptions | undefined> {
    const { host, insecure, ca } = this.endpoint;
    let options = this.#tls.get(url.host);
    if (options === undefined) {
      // A token service or storage beside the registry usually has the same authority; never its leniency.
      const own = new URL(`https://${host}/`).hostname === url.hostname;
      options = tlsOptionsFor(url.host, { insecure: own && insecure, ...(ca !== undefined && { ca }) }, ctx);
      this.#tls.set(url.host, options);
    }
    return options;
  }
}

/** An absolute or relative URL from a header; undefined where it is neither. */
export function resolveUrl(text: string, base: URL): URL | undefined {
  return URL.canParse(text, base.href) ? new URL(text, base) : undefined;
}

/** Where a redirect leads; undefined for everything else. Only GET and HEAD follow those that may change the method. */
function redirectTarget(response: HttpResponse, method: string): URL | undefined {
  const { location } = response.headers;
  const reading = method === "GET" || method === "HEAD";
  const codes = reading ? [301, 302, 303, 307, 308] : [307, 308];
  if (!codes.includes(response.status) || location === undefined) return undefined;
  return resolveUrl(location, response.url);
}
