import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import { writeFileAtomic } from "../../host/atomic-file.ts";
import type { Context } from "../../host/context.ts";
import { digestHex, digestOf } from "../../oci/digest.ts";
import { parseParagraphs } from "./deb822.ts";
import { type ExpectedFile, fetchSmallFile } from "./download.ts";
import type { DebianSource } from "./request.ts";
import { loadKeyring, verifyClearsigned } from "./signature.ts";

/** What a verified InRelease file says (Debian's repository format, "Release files"). */
export interface Release {
  readonly source: DebianSource;
  /** The directory under dists/, as it was asked for. */
  readonly suite: string;
  readonly origin: string;
  readonly architectures: readonly string[];
  readonly byHash: boolean;
  /** True where packages of the architecture "all" have an index of their own only. */
  readonly separateAll: boolean;
  /** apt's default pin: 1 for NotAutomatic, 100 with ButAutomaticUpgrades, else 500 (apt_preferences(5)). */
  readonly priority: number;
  /** Files below dists/SUITE/ that the signature covers. */
  readonly files: ReadonlyMap<string, ExpectedFile>;
}

/**
 * Fetches and verifies dists/SUITE/InRelease; undefined where the mirror has no such suite. The last one fetched is
 * kept in the cache and asked for conditionally; the signature is verified each time. Throws
 * DEBIAN_SIGNATURE (wrong, absent or expired) or NETWORK_ERROR.
 */
export async function fetchRelease(
  source: DebianSource,
  suite: string,
  ctx: Context,
): Promise<Release | undefined> {
  const url = new URL(`${source.uri}/dists/${suite}/InRelease`);
  const bytes = await fetchCached(url, ctx);
  if (bytes === undefined) return undefined;
  const keyring = await loadKeyring(source.signedBy, ctx);
  const text = await verifyClearsigned(bytes, url.href, keyring, ctx.host.now());
  const release = parseRelease(text, url.href, source, suite);
  checkSuite(release, url);
  const until = release.validUntil;
  if (until !== undefined && source.checkValidUntil !== false && ctx.host.now() > until) {
    throw new AnyarchError(
      "DEBIAN_SIGNATURE",
      `${url.href} is not trusted: it was valid until ${until.toISOString()} and is expired.`,
      {
        hint: "The mirror is stale or the clock is wrong. Use another mirror; for an archived snapshot set Check-Valid-Until: no in apt's sources.",
      },
    );
  }
  return release;
}

/** A rightly signed Release file of an older suite in the place of the wanted one would be a downgrade. */
function checkSuite(release: ParsedRelease, url: URL): void {
  const base = release.suite.replace(/\/.*$/, "");
  const known = release.names.map((name) => name.replace(/\/.*$/, ""));
  if (known.length === 0 || known.includes(base)) return;
  throw new AnyarchError(
    "DEBIAN_SIGNATURE",
    `${url.href} is not trusted: it is signed for ${release.names.join(" and ")}, not for ${release.suite}.`,
    { hint: "The mirror serves another release under this name. Use another mirror." },
  );
}

interface CachedHeaders {
  readonly etag?: string;
  readonly lastModified?: string;
}

async function fetchCached(url: URL, ctx: Context): Promise<Uint8Array | undefined> {
  const folder = join(ctx.host.cacheDir, "debian", "dists", digestHex(digestOf(url.href)));
  const [cached, about] = await Promise.all([
    readFile(join(folder, "InRelease")).catch(() => undefined),
    readFile(join(folder, "headers.json"), "utf8")
      .then((text) => JSON.parse(text) as CachedHeaders & { sha256: string })
      .catch(() => undefined),
  ]);
  const usable = cached !== undefined && about?.sha256 === digestHex(digestOf(cached));
  const response = await fetchSmallFile(
    url,
    {
      "cache-control": "max-age=0",
      ...(usable && about.etag && { "if-none-match": about.etag }),
      ...(usable && about.lastModified && { "if-modified-since": about.lastModified }),
    },
    ctx,
  );
  if (response.status === 304 && usable) return cached;
  if (response.status !== 200) return undefined;
  const { etag, lastModified, body } = response;
  await writeFileAtomic(join(folder, "InRelease"), body);
  const headers = { sha256: digestHex(digestOf(body)), etag, lastModified };
  await writeFileAtomic(join(folder, "headers.json"), JSON.stringify(headers));
  return body;
}

interface ParsedRelease extends Release {
  /** Suite and codename as the file itself says. */
  readonly names: readonly string[];
  readonly validUntil?: Date;
}

function parseRelease(text: string, what: string, source: DebianSource, suite: string): ParsedRelease {
  const [fields] = parseParagraphs(text, what);
  const checksums = fields?.get("sha256");
  if (fields === undefined || checksums === undefined) {
    throw new AnyarchError("DEBIAN_SIGNATURE", `${what} is not trusted: it lists no sha256 sums.`);
  }
  const files = new Map<string, ExpectedFile>();
  for (const line of checksums.split("\n")) {
    const [sha256, size, path] = line.trim().split(/\s+/);
    if (sha256 !== undefined && size !== undefined && path !== undefined)
      files.set(path, { sha256, size: Number(size) });
  }
  const yes = (name: string): boolean => fields.get(name)?.toLowerCase() === "yes";
  const until = fields.get("valid-until");
  const architectures = (fields.get("architectures") ?? "").split(/\s+/);
  return {
    source,
    suite,
    origin: fields.get("origin") ?? "",
    architectures,
    byHash: yes("acquire-by-hash"),
    separateAll:
      architectures.includes("all") &&
      !/\bPackages\b/.test(fields.get("no-support-for-architecture-all") ?? ""),
    priority: yes("notautomatic") ? (yes("butautomaticupgrades") ? 100 : 1) : 500,
    files,
    names: [fields.get("suite"), fields.get("codename")].filter((name) => name !== undefined),
    ...(until !== undefined && { validUntil: new Date(until) }),
  };
}
