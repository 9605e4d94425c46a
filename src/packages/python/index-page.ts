import { filenameOf, parseHash, type DistributionFile } from "./lock.ts";
import { isTable } from "./toml.ts";
import { parseWheelName } from "./wheel-filename.ts";
import { normalizeName } from "./name.ts";
import { canonicalVersion } from "./version.ts";

/** A file on a page of an index. */
export interface IndexFile extends DistributionFile {
  readonly url: string;
  /** Canonical; undefined where the name doesn't tell. */
  readonly version?: string;
  /** A version specifier (PEP 503, `data-requires-python`). */
  readonly requiresPython?: string;
  /** Withdrawn (PEP 592): taken only where it is pinned exactly. */
  readonly yanked: boolean;
}

/** What is asked for: JSON (PEP 691), else HTML (PEP 503). */
export const acceptedTypes =
  "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/** Reads a project page. Files that are neither wheel nor sdist, or of another project, are left out. */
export function parseIndexPage(
  body: string,
  contentType: string,
  pageUrl: string,
  project: string,
): readonly IndexFile[] {
  const files = /\bjson\b/.test(contentType) ? parseJson(body, pageUrl) : parseHtml(body, pageUrl);
  return files.flatMap((file) => {
    const version = distributionVersion(file.filename, project);
    return version === undefined ? [] : [{ ...file, version }];
  });
}

/** The version in a wheel's or sdist's file name; undefined where it isn't one of `project`. */
export function distributionVersion(filename: string, project: string): string | undefined {
  const wheel = parseWheelName(filename);
  if (wheel !== undefined) return wheel.name === project ? wheel.version : undefined;
  const [, stem] = /^(.+)\.(?:tar\.gz|tgz|tar\.bz2|tar\.xz|zip)$/i.exec(filename) ?? [];
  if (stem === undefined) return undefined;
  // Old sdists may have dashes in name and version alike: the split is where the name fits.
  for (let dash = stem.indexOf("-"); dash >= 0; dash = stem.indexOf("-", dash + 1))
    if (normalizeName(stem.slice(0, dash)) === project) return canonicalVersion(stem.slice(dash + 1));
  return undefined;
}

function parseJson(body: string, pageUrl: string): readonly IndexFile[] {
  const page: unknown = JSON.parse(body);
  const files = isTable(page) && Array.isArray(page["files"]) ? page["files"] : [];
  return files.filter(isTable).flatMap((file): IndexFile[] => {
    const { filename, url, hashes, size, yanked } = file;
    const requiresPython = file["requires-python"];
    if (typeof filename !== "string" || typeof url !== "string") return [];
    return [
      {
        filename,
        url: new URL(url, pageUrl).href,
        hashes: isTable(hashes) ? lowerCase(hashes) : {},
        yanked: yanked === true || typeof yanked === "string",
        ...(typeof size === "number" && { size }),
        ...(typeof requiresPython === "string" && { requiresPython }),
      },
    ];
  });
}

function lowerCase(hashes: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(hashes).map(([algorithm, hex]) => [algorithm.toLowerCase(), String(hex).toLowerCase()]),
  );
}

/** Every anchor of a page; links of `--find-links` pages have the same form. */
function parseHtml(body: string, pageUrl: string): readonly IndexFile[] {
  const base = attribute(/<base\b([^>]*)>/i.exec(body)?.[1] ?? "", "href");
  const root = base === undefined ? pageUrl : new URL(base, pageUrl).href;
  const files: IndexFile[] = [];
  for (const [, attributes = ""] of body.matchAll(/<a\b((?:[^>"']|"[^"]*"|'[^']*')*)>/gi)) {
    const href = attribute(attributes, "href");
    if (href === undefined || !URL.canParse(href, root)) continue;
    const url = new URL(href, root);
    const fragment = url.hash.slice(1);
    url.hash = "";
    const requiresPython = attribute(attributes, "data-requires-python");
    files.push({
      filename: filenameOf(url.href),
      url: url.href,
      hashes: parseHash(fragment),
      yanked: attribute(attributes, "data-yanked") !== undefined,
      ...(requiresPython !== undefined && { requiresPython }),
    });
  }
  return files;
}

function attribute(attributes: string, name: string): string | undefined {
  const match = new RegExp(
    `(?:^|\\s)${name}(?:\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+)))?(?=\\s|$)`,
    "i",
  ).exec(attributes);
  if (match === null) return undefined;
  return unescapeHtml(match[1] ?? match[2] ?? match[3] ?? "");
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescapeHtml(text: string): string {
  return text.replace(
    /&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi,
    (all, decimal?: string, hex?: string, name?: string) => {
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      return entities[name?.toLowerCase() ?? ""] ?? all;
    },
  );
}
