import { rm } from "node:fs/promises";
import { join } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import { runTask } from "../../events/task.ts";
import { stagingPath } from "../../host/atomic-file.ts";
import { forEachConcurrently } from "../../host/concurrency.ts";
import type { Context } from "../../host/context.ts";
import { formatPlatform, type Platform } from "../../oci/platform.ts";
import { downloadVerified } from "./download.ts";
import type { LockedPackage } from "./lock.ts";
import type { DebianSource } from "./request.ts";
import { readUnpackedDeb, unpackedPath, type UnpackedDeb } from "./unpacked-deb.ts";

/** A locked package with its content. */
export interface OpenedPackage extends UnpackedDeb {
  readonly locked: LockedPackage;
}

const concurrency = 6;

/**
 * The content of all packages: from the cache, else downloaded (six at a time) from the first of the sources that has
 * them, checked and unpacked. `sources` is asked for only when something has to be downloaded. Throws
 * HASH_MISMATCH, DEBIAN_PACKAGE_MISSING where no mirror has a locked version any more, NETWORK_ERROR.
 */
export async function openPackages(
  packages: readonly LockedPackage[],
  sources: () => Promise<readonly DebianSource[]>,
  platform: Platform,
  ctx: Context,
): Promise<OpenedPackage[]> {
  const name = `fetch ${packages.length} Debian packages`;
  return runTask(ctx.emit, name, { platform: formatPlatform(platform) }, async (task) => {
    const opened: (UnpackedDeb | undefined)[] = await Promise.all(
      packages.map((one) => readUnpackedDeb(unpackedPath(one.sha256, ctx))),
    );
    const missing = packages.filter((_, index) => opened[index] === undefined);
    if (missing.length === 0) task.cached(`${packages.length} packages`);
    else {
      const total = missing.reduce((sum, one) => sum + one.size, 0);
      let current = 0;
      const onBytes = (count: number): void => task.progress((current += count), total, "bytes");
      const mirrors = await sources();
      await forEachConcurrently(missing, concurrency, (one) => fetchOnce(one, mirrors, onBytes, ctx));
      task.detail(`${(total / 1e6).toFixed(1)} MB`);
    }
    return Promise.all(
      packages.map(async (locked, index) => {
        const deb = opened[index] ?? (await readUnpackedDeb(unpackedPath(locked.sha256, ctx)));
        if (deb === undefined)
          throw new AnyarchError("INTERNAL", `${locked.filename} vanished from the cache.`);
        return { ...deb, locked };
      }),
    );
  });
}

/** Packages that are being fetched by this process: platforms share those of all architectures. */
const pending = new Map<string, Promise<void>>();

/** Fetches a package once, however many platforms ask for it at the same time. */
function fetchOnce(
  one: LockedPackage,
  mirrors: readonly DebianSource[],
  onBytes: (count: number) => void,
  ctx: Context,
): Promise<void> {
  const key = unpackedPath(one.sha256, ctx);
  let running = pending.get(key);
  if (running === undefined) {
    running = fetchPackage(one, mirrors, onBytes, ctx).finally(() => pending.delete(key));
    pending.set(key, running);
  }
  return running;
}

async function fetchPackage(
  one: LockedPackage,
  mirrors: readonly DebianSource[],
  onBytes: (count: number) => void,
  ctx: Context,
): Promise<void> {
  const file = stagingPath(join(ctx.host.cacheDir, "debian", "debs", `${one.sha256}.deb`));
  const likely = mirrors.filter((source) => source.suites.includes(one.suite));
  const addresses = [...new Set([...likely, ...mirrors].map((source) => source.uri))];
  try {
    for (const address of addresses) {
      const url = new URL(`${address}/${one.filename}`);
      if (!(await downloadVerified(url, file, one, ctx, onBytes))) continue;
      const { jobPool } = await import("./job-pool.ts");
      const folder = unpackedPath(one.sha256, ctx);
      await jobPool.run({ kind: "unpack", path: file, name: one.filename, folder }, ctx.signal);
      return;
    }
  } finally {
    await rm(file, { force: true });
  }
  throw new AnyarchError(
    "DEBIAN_PACKAGE_MISSING",
    `${one.name} ${one.version} (${one.filename}) isn't on the mirror any more: ${addresses.join(", ")}.`,
    {
      hint: "Mirrors keep the newest version only. Resolve anew with --update-lock, or use a snapshot mirror that has the locked version.",
      details: { package: one.name, version: one.version, filename: one.filename },
    },
  );
}
