import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { AnyarchError, systemCode } from "../errors/error.ts";
import type { Context } from "../host/context.ts";

/** When a mirror may serve a pull (containers-registries.conf(5), "pull-from-mirror"). */
export type MirrorUse = "all" | "digest-only" | "tag-only";

export interface MirrorEntry {
  /** host[:port][/path] that replaces the entry's prefix. */
  readonly location: string;
  readonly insecure: boolean;
  readonly use: MirrorUse;
}

/** One `[[registry]]` of registries.conf. */
export interface RegistryEntry {
  /** host[:port][/path], or "*.example.com". */
  readonly prefix: string;
  /** What replaces the prefix; the prefix itself when it is "". */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly MirrorEntry[];
}

const flag = v.exactOptional(v.boolean());
const text = v.exactOptional(v.string());
const mirrorTable = v.looseObject({ location: v.string(), insecure: flag, "pull-from-mirror": text });
const registryTable = v.looseObject({
  prefix: text,
  location: text,
  insecure: flag,
  blocked: flag,
  "mirror-by-digest-only": flag,
  mirror: v.exactOptional(v.array(mirrorTable)),
});
const fileTable = v.looseObject({ registry: v.exactOptional(v.array(registryTable)) });

/**
 * Reads containers' registries.conf, version 2: the file of $CONTAINERS_REGISTRIES_CONF, else that of the
 * user, else /etc/containers/registries.conf; then the drop-in files, which replace entries of the same prefix.
 * Throws CONFIG_INVALID, naming the file.
 */
export async function readRegistriesConf(ctx: Context): Promise<readonly RegistryEntry[]> {
  const { env, home } = ctx.host;
  const user = join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "containers");
  const explicit = env["CONTAINERS_REGISTRIES_CONF"];
  const main = explicit ? [explicit] : [join(user, "registries.conf"), "/etc/containers/registries.conf"];
  const entries = new Map<string, RegistryEntry>();
  const add = (found: readonly RegistryEntry[]): void => {
    for (const entry of found) entries.set(entry.prefix, entry);
  };
  for (const path of main) {
    const found = await readConf(path, explicit !== undefined && explicit !== "");
    if (found === undefined) continue;
    add(found);
    break;
  }
  const explicitDir = env["CONTAINERS_REGISTRIES_CONF_DIR"];
  const dirs = explicitDir
    ? [explicitDir]
    : ["/etc/containers/registries.conf.d", join(user, "registries.conf.d")];
  for (const dir of explicit && !explicitDir ? [] : dirs) {
    for (const name of await confFiles(dir)) add((await readConf(join(dir, name), false)) ?? []);
  }
  return [...entries.values()];
}

async function confFiles(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => name.endsWith(".conf")).sort();
  } catch {
    return [];
  }
}

async function readConf(path: string, required: boolean): Promise<readonly RegistryEntry[] | undefined> {
  let content: string;
  try {
    content = await readFile(path, "utf8");
  } catch (error) {
    if (!required && ["ENOENT", "ENOTDIR", "EACCES"].includes(systemCode(error) ?? "")) return undefined;
    throw new AnyarchError("CONFIG_INVALID", `The registries configuration ${path} can't be read.`, {
      cause: error,
    });
  }
  const { parse } = await import("smol-toml");
  try {
    return parseEntries(parse(content));
  } catch (error) {
    const why = error instanceof Error ? (error.message.split("\n")[0] ?? "") : "";
    throw new AnyarchError("CONFIG_INVALID", `The registries configuration ${path} is malformed: ${why}`, {
      cause: error,
    });
  }
}

/** The `[[registry]]` tables of a parsed registries.conf. Throws a plain Error for what isn't one. */
function parseEntries(value: unknown): readonly RegistryEntry[] {
  const { registry = [] } = v.parse(fileTable, value);
  return registry.map((table) => {
    const prefix = table.prefix || table.location;
    if (!prefix) throw new Error("a [[registry]] has neither prefix nor location.");
    return {
      prefix,
      location: table.location ?? "",
      insecure: table.insecure ?? false,
      blocked: table.blocked ?? false,
      mirrors: (table.mirror ?? []).map((mirror) => ({
        location: mirror.location,
        insecure: mirror.insecure ?? false,
        use: mirrorUse(mirror["pull-from-mirror"], table["mirror-by-digest-only"] ?? false),
      })),
    };
  });
}

function mirrorUse(value: string | undefined, digestOnly: boolean): MirrorUse {
  if (value === "digest-only" || value === "tag-only" || value === "all") return value;
  if (value !== undefined) throw new Error(`pull-from-mirror can't be "${value}".`);
  return digestOnly ? "digest-only" : "all";
}
