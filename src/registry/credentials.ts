import { join } from "node:path";
import type { Context } from "../host/context.ts";
import { lookUpAuthFile } from "./auth-file.ts";
import { canonicalRegistry, type Credential } from "./credential.ts";

/** Credentials by registry name ("ghcr.io", "docker.io", "localhost:5000"); they go nowhere else. */
export type ExplicitCredentials = Readonly<
  Record<string, { readonly username: string; readonly password: string }>
>;

/**
 * The credentials for a repository, or undefined for anonymous access. Order: explicit ones, Docker's config
 * (helpers, then the file), podman's $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR and ~/.config auth.json, and for
 * ghcr.io alone GITHUB_TOKEN. A file or helper that doesn't work is reported as a warning and passed over.
 */
export async function findCredential(
  registry: string,
  repository: string,
  explicit: ExplicitCredentials,
  ctx: Context,
): Promise<Credential | undefined> {
  const name = canonicalRegistry(registry);
  const given = Object.entries(explicit).find(([key]) => canonicalRegistry(key) === name)?.[1];
  if (given !== undefined) return { source: "the given username and password", ...given };
  for (const path of authFiles(ctx)) {
    const found = await lookUpAuthFile(path, name, repository, ctx);
    if (found !== undefined) return found;
  }
  return githubToken(name, ctx);
}

function authFiles(ctx: Context): readonly string[] {
  const { env, home } = ctx.host;
  const runtime = env["XDG_RUNTIME_DIR"];
  const files = [
    join(env["DOCKER_CONFIG"] || join(home, ".docker"), "config.json"),
    env["REGISTRY_AUTH_FILE"],
    runtime ? join(runtime, "containers/auth.json") : undefined,
    join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "containers/auth.json"),
  ];
  return files.filter((path): path is string => path !== undefined && path !== "");
}

function githubToken(registry: string, ctx: Context): Credential | undefined {
  const { env } = ctx.host;
  const password = env["GITHUB_TOKEN"];
  if (registry !== "ghcr.io" || !password) return undefined;
  return { source: "GITHUB_TOKEN", username: env["GITHUB_ACTOR"] || "x-access-token", password };
}
