import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AnyarchError, systemCode } from "../errors/error.ts";
import { systemReason } from "../errors/system-error.ts";
import { writeFileAtomic } from "../host/atomic-file.ts";
import { readTextFile } from "../host/text-file.ts";
import type { Context } from "../host/context.ts";
import { appendLayers, emptyImage, mutateConfig } from "../image/image.ts";
import { formatPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import { debianFacts } from "../packages/debian/facts.ts";
import { debianLayers } from "../packages/debian/layers.ts";
import { type DebianLock, parseDebianLock, serializeDebianLock } from "../packages/debian/lock.ts";
import {
  debianArchitecture,
  type DebianRequest,
  type DebianSource,
  parseDebianBase,
} from "../packages/debian/request.ts";
import { resolveDebian } from "../packages/debian/resolve.ts";
import { readAptSources } from "../packages/debian/sources.ts";
import type { DebianSourceSettings } from "../plan/config-file.ts";
import { type Base, type BaseImage, type BaseOptions, orPlatformError, type PlatformBase } from "./base.ts";
import type { LayerBuilder } from "./layer-builder.ts";

/** Pins versions and hashes of the Debian packages of a base, beside the application. */
const debianLockName = "anyarch.lock";

/** Architectures of Debian's release that `--platform all` stands for. */
const released = [
  "linux/amd64",
  "linux/arm64",
  "linux/arm/v7",
  "linux/386",
  "linux/ppc64le",
  "linux/s390x",
] as const;

/** The suite of the configuration, else the first release among the machine's apt sources. */
export async function defaultSuite(options: BaseOptions, ctx: Context): Promise<string> {
  if (options.debian?.suite !== undefined) return options.debian.suite;
  const sources = options.debian?.sources ?? (await readAptSources(ctx));
  const suite = sources.flatMap((source) => source.suites).find((name) => !/-|\//.test(name));
  if (suite !== undefined) return suite;
  throw new AnyarchError("DEBIAN_SOURCE_MISSING", "No Debian mirror is configured on this machine.", {
    hint: "Name a base image with --base-image, or a mirror in anyarch.toml: [base.debian] suite, mirror, keyring.",
  });
}

/**
 * A base of Debian packages of the target's architecture. The lock is used where it answers the same request and
 * has the architecture; what it lacks is resolved and written to it.
 */
export async function openDebianBase(location: string, options: BaseOptions, ctx: Context): Promise<Base> {
  const { suite, packages } = parseDebianBase(location);
  const mirrors = configuredMirrors(options, suite);
  if (mirrors === undefined && (await readAptSources(ctx)).length === 0) {
    throw new AnyarchError("DEBIAN_SOURCE_MISSING", "No Debian mirror is configured on this machine.", {
      hint: "Name another base with --base-image, or a mirror in anyarch.toml: [base.debian] mirror, keyring.",
    });
  }
  const request: DebianRequest = { suite, packages, ...(mirrors && { mirrors }) };
  const resolver = new LockingResolver(request, join(options.directory, debianLockName), options.updateLock);
  return {
    location: `deb:${suite}/${packages.join(",")}`,
    platforms: released.map(parsePlatform),
    open: async (wanted) => {
      const locks = await resolver.locksFor(wanted, ctx);
      return wanted.map((platform, index) => {
        const lock = locks[index] as DebianLock | AnyarchError;
        return lock instanceof AnyarchError
          ? lock
          : new DebianPlatformBase(platform, lock, mirrors, options.created);
      });
    },
    save: () => resolver.save(ctx),
  };
}

function configuredMirrors(options: BaseOptions, suite: string): DebianSource[] | undefined {
  const { mirror, keyring, sources } = options.debian ?? {};
  const given: readonly DebianSourceSettings[] =
    sources ?? (mirror === undefined ? [] : [{ uri: mirror, suites: [suite] }]);
  if (given.length === 0) return undefined;
  return given.map(({ uri, suites, components = ["main"], keyring: own = keyring }) => ({
    uri,
    suites,
    components,
    ...(own !== undefined && { signedBy: own }),
  }));
}

/** Resolves what the lock lacks, and gathers all in one lock. */
class LockingResolver {
  readonly #request: DebianRequest;
  readonly #path: string;
  readonly #refresh: boolean;
  #lock: DebianLock | undefined;

  constructor(request: DebianRequest, path: string, refresh: boolean) {
    this.#request = request;
    this.#path = path;
    this.#refresh = refresh;
  }

  /** All platforms at once, so that indices are fetched once; one by one only to tell which of them fails. */
  async locksFor(
    platforms: readonly Platform[],
    ctx: Context,
  ): Promise<readonly (DebianLock | AnyarchError)[]> {
    this.#lock = this.#refresh ? undefined : await this.#readLock();
    const together = await orPlatformError(() => this.#resolve(platforms, ctx));
    if (!(together instanceof AnyarchError)) return platforms.map(() => together);
    if (platforms.length === 1) return [together];
    const results: (DebianLock | AnyarchError)[] = [];
    for (const platform of platforms)
      results.push(await orPlatformError(() => this.#resolve([platform], ctx)));
    return results;
  }

  async #resolve(platforms: readonly Platform[], ctx: Context): Promise<DebianLock> {
    const before = this.#lock;
    const resolved = await resolveDebian(
      this.#request,
      platforms,
      ctx,
      before === undefined ? {} : { lock: before },
    );
    this.#lock = { ...resolved, architectures: { ...before?.architectures, ...resolved.architectures } };
    return this.#lock;
  }

  /** Writes the lock where it changed. A directory that can't be written is said, and no failure. */
  async save(ctx: Context): Promise<void> {
    if (this.#lock === undefined) return;
    const text = serializeDebianLock(this.#lock);
    const before = await readFile(this.#path, "utf8").catch(() => undefined);
    if (text === before) return;
    try {
      await writeFileAtomic(this.#path, text);
      ctx.emit({
        type: "log",
        level: "info",
        message: `wrote ${this.#path}: it pins the base's Debian packages`,
      });
    } catch (error) {
      const reason = systemReason(error);
      ctx.emit({
        type: "log",
        level: "warning",
        message: `${this.#path} can't be written (${reason}): the base isn't pinned.`,
      });
    }
  }

  async #readLock(): Promise<DebianLock | undefined> {
    let text: string;
    try {
      text = readTextFile(this.#path);
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    }
    const lock = parseDebianLock(text);
    const same =
      lock.suite === this.#request.suite && lock.requested.join(",") === this.#request.packages.join(",");
    return same ? lock : undefined;
  }
}

class DebianPlatformBase implements PlatformBase {
  readonly platform: Platform;
  readonly facts: PlatformBase["facts"];
  readonly #lock: DebianLock;
  readonly #mirrors: readonly DebianSource[] | undefined;
  readonly #created: string;

  constructor(
    platform: Platform,
    lock: DebianLock,
    mirrors: readonly DebianSource[] | undefined,
    created: string,
  ) {
    this.#mirrors = mirrors;
    this.platform = platform;
    this.#lock = lock;
    this.#created = created;
    this.facts = debianFacts(lock.architectures[debianArchitecture(platform)] ?? []);
  }

  async image(builder: LayerBuilder, ctx: Context): Promise<BaseImage> {
    const { layers, env, notes } = await debianLayers(
      this.#lock,
      this.platform,
      ctx,
      this.#mirrors === undefined ? {} : { mirrors: this.#mirrors },
    );
    for (const { package: name, scripts, handled } of notes) {
      ctx.emit({
        type: "log",
        level: "debug",
        message: `${name}: ${scripts.join(", ")} not run; ${handled}`,
      });
    }
    const name = formatPlatform(this.platform);
    const built = await Promise.all(layers.map((layer) => builder.build(layer, name, ctx)));
    const appended = appendLayers(
      emptyImage(this.platform),
      built.map(({ layer, name: layerName }) => ({
        layer,
        history: { created: this.#created, created_by: `anyarch: ${layerName}`, comment: "anyarch.layer.v1" },
      })),
    );
    const image = mutateConfig(appended, (config) => ({
      ...config,
      config: { ...config.config, Env: Object.entries(env).map(([key, value]) => `${key}=${value}`) },
    }));
    return { image, built };
  }
}
