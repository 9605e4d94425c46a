import { AnyarchError } from "../../errors/error.ts";
import { runTask } from "../../events/task.ts";
import { runTogether } from "../../host/concurrency.ts";
import type { Context } from "../../host/context.ts";
import { formatPlatform, type Platform } from "../../oci/platform.ts";
import type { DebianLock, LockedPackage } from "./lock.ts";
import { fetchPackageIndex, type PackageIndex } from "./package-index.ts";
import { fetchRelease, type Release } from "./release.ts";
import { debianArchitecture, type DebianRequest, type DebianSource } from "./request.ts";
import { solve } from "./solver.ts";
import { readAptSources, selectSources } from "./sources.ts";
import { type BinaryPackage, PackageUniverse } from "./universe.ts";

export { type DebianLock, type LockedPackage, parseDebianLock, serializeDebianLock } from "./lock.ts";

export interface ResolveOptions {
  /** Reused as it is for the architectures that it has; those it lacks are resolved. */
  readonly lock?: DebianLock;
}

/**
 * Chooses the packages of a request for each platform, as `apt-get install --no-install-recommends` would on an
 * empty system. Only the indices are fetched, and none where the lock has all.
 *
 * Throws DEBIAN_SOURCE_MISSING, DEBIAN_SIGNATURE, HASH_MISMATCH, NETWORK_ERROR, DEBIAN_PACKAGE_MISSING,
 * DEBIAN_UNSATISFIABLE; BASE_PLATFORM_MISSING where the suite lacks an architecture; LOCK_OUTDATED where the
 * lock is of another request.
 */
export async function resolveDebian(
  request: DebianRequest,
  platforms: readonly Platform[],
  ctx: Context,
  options: ResolveOptions = {},
): Promise<DebianLock> {
  const { lock } = options;
  if (lock !== undefined) checkLock(lock, request);
  const wanted = new Map<string, Platform>();
  for (const platform of platforms) {
    const architecture = debianArchitecture(platform);
    if (!wanted.has(architecture)) wanted.set(architecture, platform);
  }
  let releases: Promise<Release[]> | undefined;
  const resolve = async (architecture: string, platform: Platform, shared: Context) => {
    const locked = lock?.architectures[architecture];
    const where = { platform: formatPlatform(platform) };
    return runTask(ctx.emit, `resolve Debian ${request.suite}`, where, async (task) => {
      if (locked !== undefined) {
        task.cached(`${locked.length} packages, locked`);
        return locked;
      }
      releases ??= fetchReleases(request, ctx);
      const universe = await loadUniverse(await releases, request.suite, platform, shared);
      const packages = solve(universe, request.packages).map(lockPackage);
      task.detail(`${packages.length} packages`);
      return packages;
    });
  };
  const entries = [...wanted];
  const solved = await runTogether(
    ctx,
    entries.map(
      ([architecture, platform]) =>
        (shared: Context) =>
          resolve(architecture, platform, shared),
    ),
  );
  const resolved = Object.fromEntries(
    entries.map(([architecture], index) => [architecture, solved[index] ?? []]),
  );
  return {
    schema: "anyarch.debian-lock/v1",
    suite: request.suite,
    requested: [...request.packages],
    architectures: resolved,
  };
}

function checkLock(lock: DebianLock, request: DebianRequest): void {
  const names = (list: readonly string[]): string => [...new Set(list)].sort().join(", ");
  if (lock.suite === request.suite && names(lock.requested) === names(request.packages)) return;
  throw new AnyarchError(
    "LOCK_OUTDATED",
    `The Debian lock is for ${lock.suite}/${names(lock.requested)}, the request is ${request.suite}/${names(request.packages)}.`,
    { hint: "Resolve anew with --update-lock." },
  );
}

/** The sources that serve a request. Throws DEBIAN_SOURCE_MISSING. */
export async function requestSources(
  request: Pick<DebianRequest, "suite" | "mirrors">,
  ctx: Context,
): Promise<DebianSource[]> {
  const sources = selectSources(request.mirrors ?? (await readAptSources(ctx)), request.suite);
  if (sources.length > 0) return sources;
  throw sourceMissing(
    request.mirrors === undefined
      ? `No Debian mirror with ${request.suite} is among this machine's apt sources.`
      : `None of the configured Debian mirrors has ${request.suite}.`,
  );
}

function sourceMissing(message: string): AnyarchError {
  return new AnyarchError("DEBIAN_SOURCE_MISSING", message, {
    hint: "Name a base image of a registry with --base-image, or set mirror (and signed-by) under [base.debian] in anyarch.toml.",
  });
}

async function fetchReleases(request: DebianRequest, ctx: Context): Promise<Release[]> {
  const sources = await requestSources(request, ctx);
  const places = new Map(
    sources.flatMap((source) =>
      source.suites.map((suite) => [
        `${source.uri} ${suite} ${source.components.join(" ")}`,
        { source, suite },
      ]),
    ),
  );
  const found = await Promise.all(
    [...places.values()].map(async ({ source, suite }) => {
      const release = await fetchRelease(source, suite, ctx);
      if (release === undefined && suite !== request.suite) {
        const message = `${source.uri} has no suite ${suite}; ${request.suite} is used without it.`;
        ctx.emit({ type: "log", level: "warning", message });
      }
      return release;
    }),
  );
  const releases = found
    .filter((release) => release !== undefined)
    .filter((release) => request.mirrors !== undefined || release.origin === "Debian");
  if (!releases.some((release) => release.suite === request.suite)) {
    throw sourceMissing(`None of the Debian mirrors has the suite ${request.suite}.`);
  }
  return releases;
}

async function loadUniverse(
  releases: readonly Release[],
  suite: string,
  platform: Platform,
  ctx: Context,
): Promise<PackageUniverse> {
  const architecture = debianArchitecture(platform);
  const serving = releases.filter((release) => release.architectures.includes(architecture));
  if (!serving.some((release) => release.suite === suite))
    throw architectureMissing(releases, suite, platform);
  const meant = serving.filter(({ source }) => source.architectures?.includes(architecture) ?? true);
  const indices: PackageIndex[] = [];
  for (const release of meant.length > 0 ? meant : serving) {
    for (const component of release.source.components) {
      for (const part of release.separateAll ? [architecture, "all"] : [architecture]) {
        const index = await fetchPackageIndex(release, component, part, ctx);
        if (index !== undefined) indices.push(index);
      }
    }
  }
  return new PackageUniverse(architecture, indices);
}

function architectureMissing(releases: readonly Release[], suite: string, platform: Platform): AnyarchError {
  const architecture = debianArchitecture(platform);
  const has = releases
    .find((release) => release.suite === suite)
    ?.architectures.filter((one) => one !== "all");
  const hint =
    architecture === "armel"
      ? "Debian's armhf needs ARMv7 and would crash on ARMv5 and ARMv6. Use a suite that has armel (bookworm has), or build for linux/arm/v7."
      : "Use another suite, or a base image of a registry with --base-image.";
  return new AnyarchError(
    "BASE_PLATFORM_MISSING",
    `${formatPlatform(platform)} needs Debian's ${architecture}, which ${suite} lacks; it has ${has?.join(", ")}.`,
    { hint, details: { platform: formatPlatform(platform), architecture, available: has ?? [] } },
  );
}

function lockPackage(one: BinaryPackage): LockedPackage {
  const { name, version, architecture, sha256, size, filename } = one;
  const { release, component } = one.index;
  return {
    name,
    version,
    architecture,
    sha256,
    size,
    filename: filename.replace(/^\.\//, ""),
    suite: release.suite,
    component,
    ...(one.essential && { essential: true }),
  };
}
