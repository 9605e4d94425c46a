import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { type MirrorUse, type RegistryEntry, readRegistriesConf } from "./registries-conf.ts";

/** What the user says of one registry: `[registries."docker.io"]` of anyarch.toml. */
export interface RegistryOverride {
  /** host[:port][/path] to use in its place, for pulls and pushes. */
  readonly location?: string;
  /** host[:port][/path] to try for pulls first, in this order; "http://…" declares one insecure. */
  readonly mirrors?: readonly string[];
  /** Accept any certificate and plain HTTP. False by default. */
  readonly insecure?: boolean;
  /** Path of a PEM file with certificate authorities, absolute or relative to the host's cwd. */
  readonly ca?: string;
}

export type RegistryOverrides = Readonly<Record<string, RegistryOverride>>;

/** Where requests for a repository go. */
export interface Endpoint {
  /** The registry whose credentials and certificates apply: "docker.io", "mirror.example:5000". */
  readonly registry: string;
  /** The host and port that is spoken to: "registry-1.docker.io". */
  readonly host: string;
  readonly repository: string;
  /** Declared so: any certificate is accepted, and plain HTTP. */
  readonly insecure: boolean;
  readonly mirror: boolean;
  readonly ca?: string;
}

export interface PullEndpoint extends Endpoint {
  readonly use: MirrorUse;
}

/** The endpoints of one repository: pulls try theirs in order, pushes go to one. */
export interface Endpoints {
  readonly pull: readonly PullEndpoint[];
  readonly push: Endpoint;
}

/** True for 127.0.0.0/8, ::1 and localhost, with or without a port: hosts that may be spoken to in plain HTTP. */
export function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || /^127(?:\.\d{1,3}){3}$/.test(name);
}

/** Where registries really are: overrides first, then containers' registries.conf, read once. */
export class RegistriesConfig {
  readonly #overrides: RegistryOverrides;
  #entries: Promise<readonly RegistryEntry[]> | undefined;

  constructor(overrides: RegistryOverrides = {}) {
    this.#overrides = overrides;
  }

  /** Throws REGISTRY_DENIED for a blocked registry and CONFIG_INVALID for a malformed file. */
  async endpoints(registry: string, repository: string, ctx: Context): Promise<Endpoints> {
    this.#entries ??= readRegistriesConf(ctx);
    const name = `${registry}/${repository}`;
    const entry = bestEntry(await this.#entries, name);
    if (entry?.blocked === true) {
      throw new AnyarchError("REGISTRY_DENIED", `${name} is blocked by registries.conf (${entry.prefix}).`, {
        hint: "Remove `blocked = true` from its [[registry]] entry, or use another registry.",
      });
    }
    const override = this.#overrides[registry];
    const push = this.#location(registry, repository, entry, override);
    const mirrors =
      override?.mirrors?.map((location) => this.#overrideMirror(location, repository)) ??
      entry?.mirrors.map((mirror) => ({
        ...this.#endpoint(rewrite(name, entry.prefix, mirror.location), mirror.insecure, true),
        use: mirror.use,
      })) ??
      [];
    return { pull: [...mirrors, { ...push, use: "all" }], push };
  }

  #location(
    registry: string,
    repository: string,
    entry: RegistryEntry | undefined,
    override: RegistryOverride | undefined,
  ): Endpoint {
    const name = `${registry}/${repository}`;
    let target = entry?.location ? rewrite(name, entry.prefix, entry.location) : name;
    if (override?.location !== undefined) target = `${stripScheme(override.location)}/${repository}`;
    const insecure = override?.insecure ?? entry?.insecure ?? false;
    const endpoint = this.#endpoint(target, insecure, false);
    return override?.ca === undefined ? endpoint : { ...endpoint, ca: override.ca };
  }

  #overrideMirror(location: string, repository: string): PullEndpoint {
    const insecure = location.startsWith("http://");
    return { ...this.#endpoint(`${stripScheme(location)}/${repository}`, insecure, true), use: "all" };
  }

  #endpoint(target: string, insecure: boolean, mirror: boolean): Endpoint {
    const slash = target.indexOf("/");
    const named = target.slice(0, slash);
    const registry = ["index.docker.io", "registry-1.docker.io"].includes(named) ? "docker.io" : named;
    const own = this.#overrides[registry];
    return {
      registry,
      host: registry === "docker.io" ? "registry-1.docker.io" : registry,
      repository: target.slice(slash + 1),
      insecure: insecure || own?.insecure === true,
      mirror,
      ...(own?.ca !== undefined && { ca: own.ca }),
    };
  }
}

function stripScheme(location: string): string {
  return location.replace(/^https?:\/\//, "").replace(/\/+$/, "");
}

function rewrite(name: string, prefix: string, location: string): string {
  // A wildcard prefix stands for the whole host.
  const matched = prefix.startsWith("*.") ? name.slice(0, name.indexOf("/")) : prefix;
  return stripScheme(location) + name.slice(matched.length);
}

/** The entry with the longest matching prefix; "*.example.com" matches hosts below example.com. */
function bestEntry(entries: readonly RegistryEntry[], name: string): RegistryEntry | undefined {
  let best: RegistryEntry | undefined;
  for (const entry of entries) {
    if (!prefixMatches(entry.prefix, name)) continue;
    if (best === undefined || entry.prefix.length > best.prefix.length) best = entry;
  }
  return best;
}

function prefixMatches(prefix: string, name: string): boolean {
  if (!prefix.startsWith("*.")) return name === prefix || name.startsWith(`${prefix}/`);
  const host = name.slice(0, name.indexOf("/")).replace(/:\d+$/, "");
  return host.endsWith(prefix.slice(1));
}
