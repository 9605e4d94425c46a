import { Readable } from "node:stream";
import { decompressLayer } from "../../archive/decompress.ts";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import { writeFileAtomic } from "../../host/atomic-file.ts";
import type { Context } from "../../host/context.ts";
import { digestHex, digestOf } from "../../oci/digest.ts";
import { type ExpectedFile, fetchSmallFile, mismatch } from "./download.ts";
import type { Release } from "./release.ts";

/** The fields of Packages that choosing packages needs; the rest is most of the file. */
const keptFields: ReadonlySet<string> = new Set([
  ..."Package Version Architecture Multi-Arch Essential Important Priority Provides Pre-Depends Depends".split(
    " ",
  ),
  ..."Conflicts Breaks Replaces Recommends Suggests Enhances Protected Filename Size SHA256".split(" "),
]);

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
  const full = await fetchFirst(release, candidates, identity, ctx);
  const reduced = reduceIndex(full.toString("latin1"));
  await writeFileAtomic(
    cachePath,
    Buffer.from(`${digestHex(digestOf(Buffer.from(reduced, "latin1")))}\n${reduced}`, "latin1"),
  );
  return { release, component, text: reduced };
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
): Promise<Buffer> {
  const base = `${release.source.uri}/dists/${release.suite}`;
  for (const { path, expected } of candidates) {
    const byHash = `${path.slice(0, path.lastIndexOf("/"))}/by-hash/SHA256/${expected.sha256}`;
    for (const place of release.byHash ? [byHash, path] : [path]) {
      const url = new URL(`${base}/${place}`);
      const { status, body } = await fetchSmallFile(url, {}, ctx);
      if (status !== 200) continue;
      checkFile(body, expected, url);
      const full = await decompressIndex(body, path, url);
      if (path !== "Packages" && full.length === identity.size) checkFile(full, identity, url);
      return full;
    }
  }
  throw new AnyarchError("NETWORK_ERROR", `The mirror lacks ${base}/${candidates[0]?.path ?? "Packages"}.`, {
    hint: "The mirror is incomplete or in the middle of an update. Try again later or use another mirror.",
  });
}

function checkFile(body: Uint8Array, expected: ExpectedFile, url: URL): void {
  if (body.length !== expected.size)
    throw mismatch(url, expected, `it has ${body.length} bytes, not ${expected.size}`);
  const actual = digestHex(digestOf(body));
  if (actual !== expected.sha256) throw mismatch(url, expected, `its sha256 is ${actual}`);
}

async function decompressIndex(body: Buffer, path: string, url: URL): Promise<Buffer> {
  const compression = path.endsWith(".gz") ? "gzip" : path.endsWith(".xz") ? "xz" : "none";
  const chunks: Uint8Array[] = [];
  for await (const chunk of decompressLayer(Readable.from([body]), compression, url.href)) {
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

/** Leaves out the fields that nobody here reads. `text` is latin1: what is kept is ASCII. */
export function reduceIndex(text: string): string {
  const kept: string[] = [];
  let keeping = false;
  for (let start = 0; start < text.length;) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    const first = text.charCodeAt(start);
    if (end === start) {
      if (kept.length > 0 && kept.at(-1) !== "") kept.push("");
      keeping = false;
    } else if (first !== 32 && first !== 9) {
      keeping = keptFields.has(text.slice(start, text.indexOf(":", start)));
      if (keeping) kept.push(text.slice(start, end));
    } else if (keeping) {
      kept.push(text.slice(start, end));
    }
    start = end + 1;
  }
  if (kept.at(-1) !== "") kept.push("");
  return `${kept.join("\n")}\n`;
}
