import { readFileSync } from "node:fs";
import { AnyarchError, isAbort, systemCode } from "../../errors/error.ts";
import { redact } from "../../errors/redact.ts";
import { systemReason } from "../../errors/system-error.ts";
import type { Context } from "../../host/context.ts";
import type { HttpResponse, TlsOptions } from "../../host/http.ts";

/** Credentials and trust for the hosts of package indexes. */
export class IndexAccess {
  readonly #credentials = new Map<string, string>();
  readonly #trusted: ReadonlySet<string>;
  readonly #ca: readonly string[];

  /**
   * @param urls What is configured, with user info; it is remembered per origin and used nowhere else.
   * @param trustedHosts `host` or `host:port` whose certificates aren't checked (pip's --trusted-host).
   * @param certificates Path of a PEM bundle to trust as well (pip's `cert`).
   */
  constructor(urls: readonly string[], trustedHosts: readonly string[], certificates?: string) {
    for (const text of urls) this.withoutCredentials(text);
    this.#trusted = new Set(trustedHosts);
    this.#ca = certificates === undefined ? [] : readCertificates(certificates);
  }

  /** Remembers the user info of a URL for its origin, and returns the URL without it. */
  withoutCredentials(text: string): string {
    if (!URL.canParse(text)) return text;
    const { url, authorization } = splitCredentials(text);
    if (authorization === undefined) return text;
    this.#credentials.set(url.origin, authorization);
    return url.href;
  }

  /** The Authorization header for a URL: only where its origin is one that credentials were given for. */
  authorization(url: URL): string | undefined {
    return this.#credentials.get(url.origin);
  }

  tls(url: URL): TlsOptions | undefined {
    const insecure = this.#trusted.has(url.host) || this.#trusted.has(url.hostname);
    if (!insecure && this.#ca.length === 0) return undefined;
    return { ...(this.#ca.length > 0 && { ca: this.#ca }), ...(insecure && { insecure }) };
  }
}

function readCertificates(path: string): readonly string[] {
  try {
    return [readFileSync(path, "utf8")];
  } catch (error) {
    throw new AnyarchError("CONFIG_INVALID", `pip's certificate bundle ${path} can't be read.`, {
      cause: error,
      hint: "Correct `cert` in pip's configuration, or PIP_CERT.",
    });
  }
}

/** A URL without user info, and the Basic authorization that the user info stands for. */
export function splitCredentials(text: string): { readonly url: URL; readonly authorization?: string } {
  const url = new URL(text);
  if (url.username === "" && url.password === "") return { url };
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = "";
  url.password = "";
  return { url, authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

const maximumRedirects = 10;
const maximumTries = 3;

/**
 * GET with redirects followed and transient faults (5xx, 429, lost connections) tried again. Credentials go to
 * their own origin only, so that a redirect elsewhere loses them. Any answer below 500 is returned, whatever
 * its status. Throws NETWORK_ERROR.
 */
export async function httpGet(
  start: string,
  headers: Readonly<Record<string, string>>,
  access: IndexAccess,
  ctx: Context,
): Promise<HttpResponse> {
  const { url: first, authorization: own } = splitCredentials(start);
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await follow(first, own, headers, access, ctx);
      if (response.status < 500 && response.status !== 429) return response;
      response.body.destroy();
      throw new AnyarchError(
        "NETWORK_ERROR",
        `${redact(first.href)} answers with status ${response.status}.`,
      );
    } catch (error) {
      ctx.signal.throwIfAborted();
      if (isAbort(error)) throw error;
      if (attempt >= maximumTries || isPermanent(error)) throw asNetworkError(error, first);
      await pause(250 * 2 ** attempt, ctx.signal);
    }
  }
}

async function follow(
  first: URL,
  own: string | undefined,
  headers: Readonly<Record<string, string>>,
  access: IndexAccess,
  ctx: Context,
): Promise<HttpResponse> {
  let url = first;
  for (let hop = 0; hop <= maximumRedirects; hop++) {
    const authorization =
      url.origin === first.origin ? (own ?? access.authorization(url)) : access.authorization(url);
    const tls = access.tls(url);
    const response = await ctx.host.request({
      method: "GET",
      url,
      headers: { ...headers, ...(authorization !== undefined && { authorization }) },
      signal: ctx.signal,
      ...(tls !== undefined && { tls }),
    });
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
    response.body.resume();
    const next = splitCredentials(new URL(location, url).href).url;
    if (url.protocol === "https:" && next.protocol === "http:")
      throw new AnyarchError("NETWORK_ERROR", `${redact(url.href)} redirects to ${next.host} without TLS.`, {
        hint: "Correct the index's address in pip's or uv's configuration.",
        details: { final: true },
      });
    url = next;
  }
  throw new AnyarchError("NETWORK_ERROR", `${redact(first.href)} redirects in a circle.`, {
    details: { final: true },
  });
}

function isPermanent(error: unknown): boolean {
  if (error instanceof AnyarchError && error.details["final"] === true) return true;
  return ["ENOTFOUND", "ECONNREFUSED"].includes(systemCode(error) ?? "");
}

function asNetworkError(error: unknown, url: URL): AnyarchError {
  if (error instanceof AnyarchError) return error;
  return new AnyarchError("NETWORK_ERROR", `${redact(url.href)} can't be reached: ${systemReason(error)}.`, {
    cause: error,
    hint: "Check the network, the proxy settings and the index in pip's or uv's configuration.",
  });
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
