import * as v from "valibot";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { HttpResponse } from "../host/http.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Credential } from "./credential.ts";
import { discard, explain, parseSpecErrors, readErrorBody } from "./failure.ts";
import { isLoopback } from "./registries-config.ts";

/** How the token service is asked; redirects, retries and TLS are the sender's business. */
export type TokenSender = (
  request: {
    readonly method: "GET" | "POST";
    readonly url: URL;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: Uint8Array;
  },
  ctx: Context,
) => Promise<HttpResponse>;

export interface AuthorizerOptions {
  /** For people: "ghcr.io". */
  readonly registry: string;
  /** Declared insecure: its own host may get the password in plain HTTP. */
  readonly insecure: boolean;
  readonly find: (ctx: Context) => Promise<Credential | undefined>;
  readonly send: TokenSender;
}

/** One action on one repository: "repository:library/python:pull". */
export type Scope = string;

interface Token {
  readonly scopes: ReadonlySet<Scope>;
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

const tokenAnswer = v.looseObject({
  token: v.exactOptional(v.string()),
  access_token: v.exactOptional(v.string()),
  expires_in: v.exactOptional(v.number()),
});

/** Actions of one repository as single scopes: `scopesFor("a/b", "pull,push")`. */
export function scopesFor(
  repository: string,
  actions: "pull" | "pull,push" | "pull,push,delete",
): readonly Scope[] {
  return actions.split(",").map((action) => `repository:${repository}:${action}`);
}

/** Single scopes merged into the form of the token specification: one per resource, actions comma-separated. */
export function mergeScopes(scopes: Iterable<Scope>): readonly string[] {
  const actions = new Map<string, Set<string>>();
  for (const scope of scopes) {
    const colon = scope.lastIndexOf(":");
    const resource = scope.slice(0, colon);
    const known = actions.get(resource) ?? new Set();
    for (const action of scope.slice(colon + 1).split(",")) known.add(action);
    actions.set(resource, known);
  }
  return [...actions].map(([resource, set]) => `${resource}:${[...set].sort().join(",")}`).sort();
}

/**
 * The credentials of one repository at one registry, and the tokens that were got for them (Docker's token
 * authentication specification, and RFC 7617 for Basic). Nothing is sent before the server asked for it.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  #challenge: Challenge | undefined;
  #credential: Promise<Credential | undefined> | undefined;
  #tokens: Token[] = [];
  readonly #pending = new Map<string, Promise<string>>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** Who the registry was asked as, for errors. */
  async identity(ctx: Context): Promise<string> {
    const credential = await this.#find(ctx);
    if (credential === undefined) return "anonymous access";
    const user = credential.username === undefined ? "a token" : `the user ${credential.username}`;
    return `the credentials of ${user} from ${credential.source}`;
  }

  /** Replaces every secret that this registry was given in a text that came from outside. */
  async scrub(text: string, ctx: Context): Promise<string> {
    const credential = await this.#find(ctx);
    const { username, password, identityToken, registryToken } = credential ?? {};
    const secrets = [password, identityToken, registryToken, ...this.#tokens.map((token) => token.value)];
    if (password !== undefined) secrets.push(basic(username ?? "", password));
    let clean = text;
    for (const secret of secrets) if (secret) clean = clean.replaceAll(secret, "***");
    return clean;
  }

  /** The Authorization header for these scopes; undefined while the server hasn't asked for any, or anonymous. */
  async header(scopes: Iterable<Scope>, ctx: Context): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (challenge === undefined) return undefined;
    const credential = await this.#find(ctx);
    if (challenge.scheme === "basic") {
      if (credential?.password === undefined) return undefined;
      return `Basic ${basic(credential.username ?? "", credential.password)}`;
    }
    if (credential?.registryToken !== undefined) return `Bearer ${credential.registryToken}`;
    return `Bearer ${await this.#token(challenge, new Set(scopes), credential, ctx)}`;
  }

  /**
   * Takes a 401's challenge and forgets the token that was refused. Returns the scopes that the server wants
   * beside those asked for; undefined where it names no way that anyarch knows.
   */
  take(response: HttpResponse, refused: string | undefined): readonly Scope[] | undefined {
    const challenges = parseChallenges(response.headers["www-authenticate"] ?? "");
    const challenge =
      challenges.find(({ scheme, parameters }) => scheme === "bearer" && parameters["realm"]) ??
      challenges.find(({ scheme }) => scheme === "basic");
    if (challenge === undefined) return undefined;
    this.#challenge = challenge;
    this.#tokens = this.#tokens.filter((token) => refused !== `Bearer ${token.value}`);
    const wanted = challenge.scheme === "bearer" ? (challenge.parameters["scope"] ?? "") : "";
    return wanted
      .split(" ")
      .filter((scope) => scope.includes(":"))
      .flatMap((scope) => {
        const colon = scope.lastIndexOf(":");
        return scope
          .slice(colon + 1)
          .split(",")
          .map((action) => `${scope.slice(0, colon)}:${action}`);
      });
  }

  #find(ctx: Context): Promise<Credential | undefined> {
    this.#credential ??= this.#options.find(ctx);
    return this.#credential;
  }

  async #token(
    challenge: Challenge,
    scopes: ReadonlySet<Scope>,
    credential: Credential | undefined,
    ctx: Context,
  ): Promise<string> {
    const now = ctx.host.now().getTime();
    this.#tokens = this.#tokens.filter((token) => token.expires > now);
    const known = this.#tokens.find((token) => [...scopes].every((scope) => token.scopes.has(scope)));
    if (known !== undefined) return known.value;
    const key = mergeScopes(scopes).join(" ");
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = this.#exchange(challenge, scopes, credential, ctx).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return pending;
  }

  async #exchange(
    challenge: Challenge,
    scopes: ReadonlySet<Scope>,
    credential: Credential | undefined,
    ctx: Context,
  ): Promise<string> {
    const realm = this.#realm(challenge, credential);
    const merged = mergeScopes(scopes);
    const service = challenge.parameters["service"];
    const response =
      credential?.identityToken === undefined
        ? await this.#ask(realm, service, merged, credential, ctx)
        : await this.#refresh(realm, service, merged, credential.identityToken, ctx);
    if (response.status !== 200) throw await this.#refused(response, realm, ctx);
    const { value, seconds } = await readToken(response, realm);
    // Ten seconds early, so that it doesn't run out on the way.
    const expires = ctx.host.now().getTime() + Math.max(seconds - 10, 1) * 1000;
    this.#tokens.push({ scopes, value, expires });
    return value;
  }

  #realm(challenge: Challenge, credential: Credential | undefined): URL {
    const { registry, insecure } = this.#options;
    const text = challenge.parameters["realm"] ?? "";
    if (!URL.canParse(text)) {
      throw new AnyarchError("REGISTRY_ERROR", `${registry} names a token service that isn't a URL.`);
    }
    const realm = new URL(text);
    if (realm.protocol !== "https:" && realm.protocol !== "http:") {
      throw new AnyarchError("REGISTRY_ERROR", `${registry} names a token service that isn't a web address.`);
    }
    const own = realm.hostname === registry.replace(/:\d+$/, "");
    const plainAllowed = isLoopback(realm.hostname) || (insecure && own);
    if (credential !== undefined && realm.protocol === "http:" && !plainAllowed) {
      throw new AnyarchError(
        "REGISTRY_UNAUTHORIZED",
        `${registry} wants its password sent to ${realm.host} in plain HTTP: refused.`,
        { hint: "Serve the registry's token service over TLS." },
      );
    }
    return realm;
  }

  #ask(
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    credential: Credential | undefined,
    ctx: Context,
  ): Promise<HttpResponse> {
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set("service", service);
    for (const scope of scopes) url.searchParams.append("scope", scope);
    const headers: Record<string, string> = { accept: "application/json" };
    if (credential?.password !== undefined) {
      if (credential.username) url.searchParams.set("account", credential.username);
      headers["authorization"] = `Basic ${basic(credential.username ?? "", credential.password)}`;
    }
    return this.#options.send({ method: "GET", url, headers }, ctx);
  }

  #refresh(
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    identityToken: string,
    ctx: Context,
  ): Promise<HttpResponse> {
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "anyarch",
      scope: scopes.join(" "),
      refresh_token: identityToken,
      ...(service !== undefined && { service }),
    });
    const headers = {
      accept: "application/json",
      "content-type": "application/x-www-form-urlencoded",
    };
    const body = new TextEncoder().encode(form.toString());
    return this.#options.send({ method: "POST", url: realm, headers, body }, ctx);
  }

  async #refused(response: HttpResponse, realm: URL, ctx: Context): Promise<AnyarchError> {
    const { registry } = this.#options;
    const why = explain(parseSpecErrors(await readErrorBody(response)));
    const said = why === "" ? "" : ` (${await this.scrub(why, ctx)})`;
    const details = { registry, status: response.status };
    if ([400, 401, 403].includes(response.status)) {
      const identity = await this.identity(ctx);
      return new AnyarchError(
        "REGISTRY_UNAUTHORIZED",
        `${registry} refuses ${identity}${said}; its token service is ${realm.host}.`,
        {
          details,
          hint: `Log in with \`docker login ${registry}\`, or give --username and --password-stdin.`,
        },
      );
    }
    const message = `The token service ${realm.host} of ${registry} answers with ${response.status}${said}.`;
    return new AnyarchError("REGISTRY_ERROR", message, { details });
  }
}

async function readToken(response: HttpResponse, realm: URL): Promise<{ value: string; seconds: number }> {
  const body = await readErrorBody(response);
  await discard(response);
  try {
    const answer = v.parse(tokenAnswer, JSON.parse(body.toString("utf8")));
    const value = answer.token || answer.access_token;
    // A token that isn't printable ASCII could not stand in a header.
    if (value && /^[\x21-\x7e]+$/.test(value)) return { value, seconds: answer.expires_in ?? 60 };
  } catch {
    // Said below, without the answer's text: it may hold a token.
  }
  throw new AnyarchError("REGISTRY_ERROR", `The token service ${realm.host} answers without a token.`);
}

function basic(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`, "utf8").toString("base64");
}
