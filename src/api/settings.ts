import type { Emit } from "../events/event.ts";
import type { Context, Host } from "../host/context.ts";
import type { Reference } from "../oci/reference.ts";
import type { ConfigFile } from "../plan/config-file.ts";
import type { StoreOptions } from "../stores/locations.ts";

/** What every API function takes beside its own options. */
export interface ApiSettings {
  /** Where events go; nowhere by default. */
  readonly emit?: Emit;
  /** Cancels everything down to each request and child process. */
  readonly signal?: AbortSignal;
  /** Replaces the machine: for tests and embedding. */
  readonly host?: Host;
  /** Where downloads and layers are kept; $ANYARCH_CACHE_DIR, else ~/.cache/anyarch. */
  readonly cacheDir?: string;
  /** A configuration file's path; false for none. By default anyarch.toml or pycontainer.toml beside the application. */
  readonly config?: string | false;
  /** Used for the registries of this call's references only; else the docker and podman configuration is asked. */
  readonly credentials?: { readonly username: string; readonly password: string };
}

/** Runs `work` on the given host, or on a real one that is closed afterwards. */
export async function withContext<T>(settings: ApiSettings, work: (ctx: Context) => Promise<T>): Promise<T> {
  const { createContext, createNodeHost } = await import("../host/node-host.ts");
  const options = {
    ...(settings.signal && { signal: settings.signal }),
    ...(settings.emit && { emit: settings.emit }),
  };
  if (settings.host !== undefined) return work(createContext(settings.host, options));
  const host = createNodeHost(settings.cacheDir === undefined ? {} : { cacheDir: settings.cacheDir });
  try {
    return await work(createContext(host, options));
  } finally {
    await host.close();
  }
}

/** The configuration that applies to an application in `directory`. */
export async function configFor(
  settings: ApiSettings,
  directory: string,
  cwd: string,
): Promise<ConfigFile | undefined> {
  if (settings.config === false) return undefined;
  const { loadConfigFile } = await import("../plan/config-file.ts");
  return loadConfigFile(settings.config, directory, cwd);
}

/** How stores are opened: the configuration's registries, and the given credentials for these references only. */
export function storeOptions(
  config: ConfigFile | undefined,
  settings: ApiSettings,
  references: readonly Reference[],
): StoreOptions {
  const { credentials } = settings;
  return {
    overrides: config?.registries ?? {},
    ...(credentials && {
      credentials: Object.fromEntries(references.map(({ registry }) => [registry, credentials])),
    }),
  };
}

/** The same for locations, of which those in registries count. Throws LOCATION_INVALID, REFERENCE_INVALID. */
export async function storeOptionsFor(
  locations: readonly string[],
  settings: ApiSettings,
  ctx: Context,
): Promise<StoreOptions> {
  const { parseLocation } = await import("../stores/locations.ts");
  const { RegistryClient } = await import("../registry/client.ts");
  const { cwd } = ctx.host;
  const references = locations.flatMap((text) => {
    const location = parseLocation(text, cwd);
    return location.transport === "docker" ? [location.reference] : [];
  });
  const options = storeOptions(await configFor(settings, cwd, cwd), settings, references);
  return { ...options, client: new RegistryClient(options) };
}
