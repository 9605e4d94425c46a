import { randomUUID } from "node:crypto";
import type http from "node:http";

export interface RegistryAuthOptions {
  readonly scheme: "basic" | "bearer";
  readonly username: string;
  readonly password: string;
  /** Refresh token that the token service takes by POST. */
  readonly identityToken?: string;
  /** Origin of the token service; the registry's own by default. */
  readonly realm?: string;
  /** Pulls need no credentials. */
  readonly anonymousPull?: boolean;
  /** Seconds that tokens live, as they say; 300 by default. */
  readonly expiresIn?: number;
}

/** Basic authentication, or Docker's token authentication with its token service at /token. */
export class RegistryAuth {
  readonly #options: RegistryAuthOptions;
  /** Granted scopes ("repository:a/b:pull") by token. */
  readonly #tokens = new Map<string, ReadonlySet<string>>();

  constructor(options: RegistryAuthOptions) {
    this.#options = options;
  }

  /** True when it answered the request itself: a token, or a 401. */
  answer(
    request: http.IncomingMessage,
    response: http.ServerResponse,
    url: URL,
    body: Buffer,
    origin: string,
  ): boolean {
    if (url.pathname === "/token") {
      this.#grant(request, response, url, body);
      return true;
    }
    const needed = neededScope(request, url);
    if (this.#allows(request, needed)) return false;
    const realm = `${this.#options.realm ?? origin}/token`;
    const challenge =
      this.#options.scheme === "basic"
        ? 'Basic realm="test"'
        : `Bearer realm="${realm}",service="test-service"${needed === undefined ? "" : `,scope="${needed}"`}`;
    response.writeHead(401, { "www-authenticate": challenge, "content-type": "application/json" });
    // A careless server: it repeats what it was sent.
    const message = `authentication required, got ${request.headers.authorization ?? "nothing"}`;
    response.end(JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message }] }));
    return true;
  }

  #allows(request: http.IncomingMessage, needed: string | undefined): boolean {
    const { scheme } = this.#options;
    const header = request.headers.authorization ?? "";
    if (scheme === "basic") return this.#isBasic(header);
    const granted = this.#tokens.get(header.replace(/^Bearer /, ""));
    if (granted === undefined) return false;
    if (needed === undefined) return true;
    const colon = needed.lastIndexOf(":");
    const actions = needed.slice(colon + 1).split(",");
    return actions.every((action) => granted.has(`${needed.slice(0, colon)}:${action}`));
  }

  #isBasic(header: string): boolean {
    const { username, password } = this.#options;
    return header === `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  }

  #grant(request: http.IncomingMessage, response: http.ServerResponse, url: URL, body: Buffer): void {
    const form = new URLSearchParams(body.toString("utf8"));
    const posted = request.method === "POST";
    const header = request.headers.authorization;
    const known = posted
      ? form.get("refresh_token") === this.#options.identityToken && form.get("service") === "test-service"
      : header !== undefined && this.#isBasic(header);
    const anonymous = !posted && header === undefined && this.#options.anonymousPull === true;
    if (!known && !anonymous) {
      response.writeHead(401, { "content-type": "application/json" });
      response.end(JSON.stringify({ details: `incorrect username or password ${header ?? ""}` }));
      return;
    }
    const scopes = posted ? (form.get("scope") ?? "").split(" ") : url.searchParams.getAll("scope");
    const granted = scopes.flatMap((scope) => {
      const colon = scope.lastIndexOf(":");
      const actions = scope.slice(colon + 1).split(",");
      return actions
        .filter((action) => known || action === "pull")
        .map((action) => `${scope.slice(0, colon)}:${action}`);
    });
    const token = `token-${randomUUID()}`;
    this.#tokens.set(token, new Set(granted));
    response.writeHead(200, { "content-type": "application/json" });
    const expires = this.#options.expiresIn ?? 300;
    response.end(JSON.stringify({ [posted ? "access_token" : "token"]: token, expires_in: expires }));
  }
}

function neededScope(request: http.IncomingMessage, url: URL): string | undefined {
  const repository = /^\/v2\/(.+?)\/(?:blobs|manifests|tags)\//.exec(url.pathname)?.[1];
  if (repository === undefined) return undefined;
  const reads = request.method === "GET" || request.method === "HEAD";
  return `repository:${repository}:${reads ? "pull" : "pull,push"}`;
}
