import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { systemCode } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { askCredentialHelper } from "./credential-program.ts";
import { canonicalRegistry, type Credential } from "./credential.ts";

const text = v.exactOptional(v.string());
const authEntry = v.looseObject({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
});
const authFile = v.looseObject({
  auths: v.exactOptional(v.nullable(v.record(v.string(), authEntry))),
  credHelpers: v.exactOptional(v.nullable(v.record(v.string(), v.string()))),
  credsStore: text,
});
type AuthEntry = v.InferOutput<typeof authEntry>;

/**
 * Credentials from a file in the format of Docker's config.json, which is also that of podman's auth.json
 * (containers-auth.json(5): keys may name a repository prefix; the longest wins). Warns about a broken file.
 */
export async function lookUpAuthFile(
  path: string,
  registry: string,
  repository: string,
  ctx: Context,
): Promise<Credential | undefined> {
  const warn = (why: string): void =>
    ctx.emit({ type: "log", level: "warning", message: `Credentials in ${path} are ignored: ${why}` });
  let file: v.InferOutput<typeof authFile>;
  try {
    file = v.parse(authFile, JSON.parse(await readFile(path, "utf8")));
  } catch (error) {
    const code = systemCode(error);
    // The text of a JSON error quotes the file: it could hold a secret.
    if (code !== "ENOENT" && code !== "ENOTDIR") warn(code ?? "it isn't a registry configuration in JSON.");
    return undefined;
  }
  const helper = matchKey(Object.entries(file.credHelpers ?? {}), registry, repository);
  const program = helper?.value ?? (file.credsStore || undefined);
  if (program !== undefined) {
    const server = registry === "docker.io" ? "https://index.docker.io/v1/" : (helper?.key ?? registry);
    const found = await askCredentialHelper(program, server, ctx);
    if (found !== undefined) return found;
  }
  const usable = Object.entries(file.auths ?? {}).filter(([, entry]) => hasSecret(entry));
  const entry = matchKey(usable, registry, repository)?.value;
  return entry === undefined ? undefined : credentialOf(entry, path, warn);
}

function hasSecret(entry: AuthEntry): boolean {
  return Boolean(entry.auth ?? entry.identitytoken ?? entry.registrytoken ?? entry.password);
}

/** The host, or host and path prefix, that a key stands for: Docker's older keys are URLs. */
function keyName(key: string): string {
  const isUrl = /^https?:\/\//.test(key);
  const bare = key.replace(/^https?:\/\//, "").replace(/\/+$/, "");
  const slash = bare.indexOf("/");
  if (slash < 0) return canonicalRegistry(bare);
  const host = canonicalRegistry(bare.slice(0, slash));
  const path = bare.slice(slash);
  return isUrl || path === "/v1" || path === "/v2" ? host : host + path;
}

function matchKey<T>(
  entries: readonly (readonly [string, T])[],
  registry: string,
  repository: string,
): { readonly key: string; readonly value: T } | undefined {
  const full = `${registry}/${repository}`;
  let best: { key: string; value: T; length: number } | undefined;
  for (const [key, value] of entries) {
    const name = keyName(key);
    if (name !== full && !full.startsWith(`${name}/`)) continue;
    if (best === undefined || name.length > best.length) best = { key, value, length: name.length };
  }
  return best;
}

function credentialOf(entry: AuthEntry, source: string, warn: (why: string) => void): Credential | undefined {
  if (entry.registrytoken) return { source, registryToken: entry.registrytoken };
  let { username, password } = entry;
  if (entry.auth) {
    const decoded = Buffer.from(entry.auth, "base64").toString("utf8");
    const colon = decoded.indexOf(":");
    if (colon < 0) {
      warn("an `auth` isn't the base64 form of user:password.");
      return undefined;
    }
    username = decoded.slice(0, colon);
    password = decoded.slice(colon + 1).replace(/\0+$/, "");
  }
  const named = username ? { username } : {};
  if (entry.identitytoken) return { source, ...named, identityToken: entry.identitytoken };
  return password === undefined ? undefined : { source, ...named, password };
}
