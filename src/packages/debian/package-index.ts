import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Compression } from "../../archive/decompress.ts";
import { AnyarchError } from "../../errors/error.ts";
import { writeFileAtomic } from "../../host/atomic-file.ts";
import type { Context } from "../../host/context.ts";
import { digestHex, digestOf } from "../../oci/digest.ts";
import { type ExpectedFile, fetchSmallFile } from "./download.ts";
import { checkFile, type FetchedIndex } from "./reduce-index.ts";
import type { Release } from "./release.ts";

/** One Packages file: its stanzas stay text until somebody asks for one. */
export interface PackageIndex {
  readonly release: Release;
  readonly component: string;
  /** Stanzas separated by one empty line, only with the fields that choosing needs. */
  readonly text: string;
}

/**
 * The Packages index of one component and architecture, checked against the release's sha256; undefined where the
 * release has none. Kept, reduced, in the cache under the hash that the release names. Throws
 * HASH_MISMATCH or NETWORK_ERROR.
 */
export async function fetchPackageIndex(
  release: Release,
  component: string,
  architecture: string,
  ctx: Context,
): Promise<PackageIndex | undefined> {
  const folder = `${component}/binary-${architecture}`;
  const candidates = ["Packages.xz", "Packages.gz", "Packages"]
    .map((name) => ({ path: `${folder}/${name}`, expected: release.files.get(`${folder}/${name}`) }))
    .filter((candidate): candidate is IndexFile => candidate.expected !== undefined);
  const identity = release.files.get(`${folder}/Packages`) ?? candidates[0]?.expected;
  if (identity === undefined) return undefined;
  const cachePath = join(ctx.host.cacheDir, "debian", "indices", `${identity.sha256}-v1`);
  const cached = await readCachedIndex(cachePath);
  if (cached !== undefined) return { release, component, text: cached };
  const fetched = await fetchFirst(release, candidates, identity, ctx);
  const { jobPool } = await import("./job-pool.ts");
  const reduced = Buffer.from(await jobPool.run({ kind: "index", index: fetched }, ctx.signal));
  await writeFileAtomic(
    cachePath,
    Buffer.concat([Buffer.from(`${digestHex(digestOf(reduced))}\n`), reduced]),
  );
  return { release, component, text: reduced.toString("latin1") };
}

/** The cached file begins with the sha256 of what follows: a damaged one counts as absent. */
async function readCachedIndex(path: string): Promise<string | undefined> {
  const bytes = await readFile(path).catch(() => undefined);
  if (bytes === undefined) return undefined;
  const body = bytes.subarray(65);
  return digestHex(digestOf(body)) === bytes.toString("latin1", 0, 64) ? body.toString("latin1") : undefined;
}

interface IndexFile {
  readonly path: string;
  readonly expected: ExpectedFile;
}

async function fetchFirst(
  release: Release,
  candidates: readonly IndexFile[],
  identity: ExpectedFile,
  ctx: Context,
): Promise<FetchedIndex> {
  const base = `${release.source.uri}/dists/${release.suite}`;
  for (const { path, expected } of candidates) {
    const byHash = `${path.slice(0, path.lastIndexOf("/"))}/by-hash/SHA256/${expected.sha256}`;
    for (const place of release.byHash ? [byHash, path] : [path]) {
      const url = new URL(`${base}/${place}`);
      const { status, body } = await fetchSmallFile(url, {}, ctx);
      if (status !== 200) continue;
      checkFile(body, expected, url);
      return { body, compression: compressionOf(path), url: url.href, plain: identity };
    }
  }
  throw new AnyarchError("NETWORK_ERROR", `The mirror lacks ${base}/${candidates[0]?.path ?? "Packages"}.`, {
    hint: "The mirror is incomplete or in the middle of an update. Try again later or use another mirror.",
  });
}

function compressionOf(path: string): Compression {
  return path.endsWith(".gz") ? "gzip" : path.endsWith(".xz") ? "xz" : "none";
}
