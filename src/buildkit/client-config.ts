import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { systemCode } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { TempDir } from "../host/temp-dir.ts";
import type { ExplicitCredentials } from "../registry/credentials.ts";
import { buildxConfigDir, dockerConfigDir } from "./backend.ts";
import { makeOwnedTempDir } from "./owned-temp-dir.ts";

/** A private place for what clients of BuildKit read, and the environment that makes them read it. */
export interface ClientConfig extends AsyncDisposable {
  /** Only for this user. */
  readonly directory: string;
  /** For a client that uses the user's builders. */
  readonly env: Readonly<Record<string, string>>;
  /** A store of builders for one node, in the same directory. */
  privateStore(name: string): Promise<string>;
}

/**
 * Makes the place. With `credentials` the client's session gets them, for these registries before all others, by a
 * copy of the user's Docker configuration that nobody else can read; they appear on no command line. What a killed
 * process left behind is removed first.
 */
export async function makeClientConfig(
  credentials: ExplicitCredentials,
  ctx: Context,
): Promise<ClientConfig> {
  const temporary = await makeOwnedTempDir();
  try {
    const env =
      Object.keys(credentials).length === 0 ? {} : await writeDockerConfig(temporary, credentials, ctx);
    return {
      directory: temporary.path,
      env,
      privateStore: async (name) => {
        const store = join(temporary.path, "builders", name);
        await mkdir(store, { recursive: true, mode: 0o700 });
        return store;
      },
      [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
    };
  } catch (error) {
    await temporary[Symbol.asyncDispose]();
    throw error;
  }
}

async function writeDockerConfig(
  temporary: TempDir,
  credentials: ExplicitCredentials,
  ctx: Context,
): Promise<Readonly<Record<string, string>>> {
  const own = resolve(ctx.host.cwd, dockerConfigDir(ctx));
  const directory = join(temporary.path, "docker");
  await mkdir(directory, { mode: 0o700 });
  // Contexts, plugins, and whatever else the client looks for stay what they are.
  for (const entry of await readdir(own).catch(() => [])) {
    if (entry !== "config.json") await symlink(join(own, entry), join(directory, entry));
  }
  const merged = mergeCredentials(await readUserConfig(join(own, "config.json"), ctx), credentials);
  await writeFile(join(directory, "config.json"), JSON.stringify(merged), { mode: 0o600 });
  return { DOCKER_CONFIG: directory, BUILDX_CONFIG: resolve(ctx.host.cwd, buildxConfigDir(ctx)) };
}

async function readUserConfig(path: string, ctx: Context): Promise<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    if (isRecord(value)) return value;
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return {};
  }
  // The text of a JSON error quotes the file: it could hold a secret.
  ctx.emit({ type: "log", level: "warning", message: `${path} is ignored: it isn't a JSON object.` });
  return {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The user's configuration with credentials for some registries put before what it has for them; pure. */
export function mergeCredentials(
  config: Readonly<Record<string, unknown>>,
  credentials: ExplicitCredentials,
): Record<string, unknown> {
  const auths: Record<string, unknown> = { ...(isRecord(config["auths"]) ? config["auths"] : {}) };
  const helpers: Record<string, unknown> = {
    ...(isRecord(config["credHelpers"]) ? config["credHelpers"] : {}),
  };
  for (const [registry, { username, password }] of Object.entries(credentials)) {
    const key = isHub(registry) ? "https://index.docker.io/v1/" : registry;
    auths[key] = { auth: Buffer.from(`${username}:${password}`).toString("base64") };
    // An empty helper makes the client read the file, whatever credsStore says (docker/cli, configfile/file.go).
    helpers[key] = "";
  }
  return { ...config, auths, credHelpers: helpers };
}

function isHub(registry: string): boolean {
  return ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(registry);
}
