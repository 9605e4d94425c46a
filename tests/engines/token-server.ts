import { randomUUID, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { certificateBase64, type Authority } from "./certificates.ts";

export interface TokenOptions {
  readonly username: string;
  readonly password: string;
  /** Who is not logged in gets a token too, that allows pulling. */
  readonly anonymousPull: boolean;
  /** How long a token lasts. */
  readonly seconds: number;
}

/** One answered request for a token. */
export interface TokenRequest {
  readonly method: string;
  readonly user: string | undefined;
  readonly scopes: readonly string[];
  readonly status: number;
}

export interface TokenServer extends AsyncDisposable {
  /** For `WWW-Authenticate: Bearer realm=…`. */
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  requests(): readonly TokenRequest[];
}

interface Asked {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly scopes: readonly string[];
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += String(chunk);
  return new URLSearchParams(body);
}

const splitScopes = (values: readonly string[]): string[] =>
  values.flatMap((value) => value.split(" ")).filter(Boolean);

/** GET with Basic credentials (distribution's token specification), or POST as OAuth 2 (its OAuth specification). */
async function readAsked(request: IncomingMessage): Promise<Asked> {
  if (request.method === "POST") {
    const form = await readForm(request);
    const scopes = splitScopes(form.getAll("scope"));
    const [user, password] = [form.get("username") ?? undefined, form.get("password") ?? undefined];
    return { user, password, scopes };
  }
  const scopes = splitScopes(new URL(request.url ?? "/", "http://localhost").searchParams.getAll("scope"));
  const basic = /^Basic (.*)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (basic === undefined) return { user: undefined, password: undefined, scopes };
  const [user, ...password] = Buffer.from(basic, "base64").toString("utf8").split(":");
  return { user, password: password.join(":"), scopes };
}

/** A token server whose tokens a docker-registry with `rootcertbundle: caFile` accepts (JWT, ES256, `x5c`). */
export async function startTokenServer(
  authority: Authority,
  options: TokenOptions & { readonly tls: boolean },
): Promise<TokenServer> {
  const { certificateFile, keyFile } = await authority.issue("token-server");
  const key = await readFile(keyFile, "utf8");
  const certificate = await readFile(certificateFile, "utf8");
  const header = { typ: "JWT", alg: "ES256", x5c: [await certificateBase64(certificateFile)] };
  const [service, issuer] = ["anyarch-test-registry", "anyarch-test-tokens"];
  const log: TokenRequest[] = [];

  const issueToken = (asked: Asked): string => {
    const now = Math.floor(Date.now() / 1000);
    const access = asked.scopes.map((scope) => {
      const [type, ...rest] = scope.split(":");
      const actions = (rest.pop() ?? "").split(",");
      const allowed = asked.user === undefined ? actions.filter((action) => action === "pull") : actions;
      return { type, name: rest.join(":"), actions: allowed };
    });
    const times = { iat: now, nbf: now - 10, exp: now + options.seconds };
    const claims = { iss: issuer, sub: asked.user ?? "", aud: service, ...times, jti: randomUUID(), access };
    const text = [header, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".");
    const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
    return `${text}.${signature.toString("base64url")}`;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = await readAsked(request);
    const known = asked.user === options.username && asked.password === options.password;
    const status = known || (asked.user === undefined && options.anonymousPull) ? 200 : 401;
    log.push({ method: request.method ?? "", user: asked.user, scopes: asked.scopes, status });
    const token = status === 200 ? issueToken(asked) : undefined;
    const body =
      token === undefined
        ? { errors: [{ code: "UNAUTHORIZED", message: "incorrect username or password" }] }
        : { token, access_token: token, expires_in: options.seconds, issued_at: new Date().toISOString() };
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  };
  const server = options.tls
    ? createHttpsServer({ key, cert: certificate }, listener)
    : createHttpServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.on("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  server.unref();
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    realm: `${options.tls ? "https" : "http"}://localhost:${port}/token`,
    service,
    issuer,
    requests: () => [...log],
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
