import { dirname, isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { filenameOf, parseHash, type DistributionFile, type LockedPackage, type SourceTree } from "./lock.ts";
import { normalizeName } from "./name.ts";
import type { TomlDocument, TomlTable } from "./toml.ts";
import { canonicalVersion } from "./version.ts";

/** A dependency of a package: a name, and what tells its forks apart. */
export interface UvEdge {
  readonly name: string;
  readonly extras: readonly string[];
  readonly marker?: string;
  readonly version?: string;
  /** The source table as text, to tell forks of one version apart. */
  readonly source?: string;
}

/** One `[[package]]` of a uv.lock: what is installed, and the edges to what it needs. */
export interface UvNode extends LockedPackage {
  readonly source: string;
  readonly dependencies: readonly UvEdge[];
  readonly optional: ReadonlyMap<string, readonly UvEdge[]>;
  readonly groups: ReadonlyMap<string, readonly UvEdge[]>;
  readonly markers: readonly string[];
  /** Absolute directory of a virtual, editable or directory source. */
  readonly directory?: string;
  readonly metadata: TomlTable;
}

function readEdges(document: TomlDocument, value: unknown, key: string): readonly UvEdge[] {
  return document.tables(value, key).map((table) => {
    const name = document.string(table["name"], `${key}.name`);
    if (name === undefined) throw document.invalid(key, "holds one without a name");
    const marker = document.string(table["marker"], `${key}.marker`);
    const version = document.string(table["version"], `${key}.version`);
    const extras = table["extra"] ?? table["extras"];
    return {
      name: normalizeName(name),
      extras: document.strings(extras, `${key}.extra`).map(normalizeName),
      ...(marker !== undefined && { marker }),
      ...(version !== undefined && { version: canonicalVersion(version) }),
      ...(table["source"] !== undefined && { source: JSON.stringify(table["source"]) }),
    };
  });
}

function readEdgeTable(
  document: TomlDocument,
  value: unknown,
  key: string,
): ReadonlyMap<string, readonly UvEdge[]> {
  const entries = Object.entries(document.table(value, key));
  return new Map(
    entries.map(([name, edges]) => [normalizeName(name), readEdges(document, edges, `${key}.${name}`)]),
  );
}

/** Reads one `[[package]]`. Throws LOCK_INVALID. */
export function readUvNode(document: TomlDocument, table: TomlTable): UvNode {
  const name = document.string(table["name"], "package.name");
  if (name === undefined) throw document.invalid("package", "holds one without a name");
  const version = document.string(table["version"], "package.version");
  const source = document.table(table["source"], "package.source");
  const where = readSource(document, source);
  const wheels = document.tables(table["wheels"], "package.wheels");
  const sdist = document.table(table["sdist"], "package.sdist");
  const tables = Object.keys(sdist).length > 0 ? [...wheels, sdist] : wheels;
  return {
    name: normalizeName(name),
    version: version === undefined ? "" : canonicalVersion(version),
    files: tables.map((file) => readFileTable(document, file, where.base, where.directUrl)),
    allowed: [],
    direct: false,
    ...(where.tree !== undefined && { tree: where.tree }),
    ...(where.index !== undefined && { index: where.index }),
    ...(where.directUrl !== undefined && { directUrl: where.directUrl }),
    ...(where.directory !== undefined && { directory: where.directory }),
    source: JSON.stringify(source),
    dependencies: readEdges(document, table["dependencies"], "package.dependencies"),
    optional: readEdgeTable(document, table["optional-dependencies"], "package.optional-dependencies"),
    groups: readEdgeTable(document, table["dev-dependencies"], "package.dev-dependencies"),
    markers: document.strings(table["resolution-markers"], "package.resolution-markers"),
    metadata: document.table(table["metadata"], "package.metadata"),
  };
}

interface UvSource {
  /** What relative file paths are relative to. */
  readonly base: string;
  readonly tree?: SourceTree;
  readonly index?: string;
  readonly directUrl?: string;
  readonly directory?: string;
}

function readSource(document: TomlDocument, source: TomlTable): UvSource {
  const base = dirname(document.path);
  const text = (key: string): string | undefined => document.string(source[key], `package.source.${key}`);
  const registry = text("registry");
  if (registry !== undefined) {
    if (/^[a-z][a-z0-9+.-]+:\/\//i.test(registry)) return { base, index: registry };
    const directory = isAbsolute(registry) ? registry : resolve(base, registry);
    return { base: directory, index: directory };
  }
  const local = text("virtual") ?? text("editable") ?? text("directory");
  const subdirectory = text("subdirectory");
  if (local !== undefined) {
    const directory = resolve(base, local);
    return { base, directory, tree: { kind: "directory", location: directory } };
  }
  const git = text("git");
  const url = text("url");
  if (git !== undefined) {
    const [location = "", revision] = git.split("#", 2);
    const tree = {
      kind: "vcs" as const,
      location,
      ...(revision && { revision }),
      ...(subdirectory && { subdirectory }),
    };
    return { base, tree, directUrl: location };
  }
  if (url !== undefined)
    return {
      base,
      directUrl: url,
      tree: { kind: "archive", location: url, ...(subdirectory && { subdirectory }) },
    };
  const path = text("path");
  if (path === undefined) return { base };
  const href = pathToFileURL(resolve(base, path)).href;
  return { base, directUrl: href, tree: { kind: "archive", location: href } };
}

/** Files of a URL or path source repeat only their hash; their location is the source's. */
function readFileTable(
  document: TomlDocument,
  table: TomlTable,
  base: string,
  sourceUrl: string | undefined,
): DistributionFile {
  const text = (key: string): string | undefined => document.string(table[key], `package.wheels.${key}`);
  const path = text("path");
  const url = text("url") ?? (path === undefined ? sourceUrl : pathToFileURL(resolve(base, path)).href);
  const filename = text("filename") ?? filenameOf(url ?? "");
  if (filename === "") throw document.invalid("package.wheels", "holds a file without name, url and path");
  const size = table["size"];
  return {
    filename,
    hashes: parseHash(text("hash")),
    ...(url !== undefined && { url }),
    ...(typeof size === "number" && { size }),
  };
}
