import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { AnyarchError } from "../../errors/error.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { filenameOf, type DistributionFile, type Lock, type LockedPackage, type SourceTree } from "./lock.ts";
import { evaluateMarker, parseMarker } from "./marker.ts";
import { normalizeName } from "./name.ts";
import { markerEnvironment, type PythonTarget } from "./target.ts";
import type { TomlDocument, TomlTable } from "./toml.ts";
import { canonicalVersion } from "./version.ts";

export interface PylockOptions {
  readonly extras: readonly string[];
  /** Undefined: those that the lock names as default. */
  readonly groups?: readonly string[];
  /** The project's own name: it isn't a dependency of itself. Normalised. */
  readonly projectName?: string;
  /** Normalised names of what the project itself requires: the lock doesn't tell. */
  readonly direct: ReadonlySet<string>;
}

interface PylockPackage extends LockedPackage {
  readonly marker?: string;
}

/** Reads a parsed pylock.toml (PEP 751). Throws LOCK_INVALID where it is malformed or of a later major version. */
export function readPylock(document: TomlDocument, options: PylockOptions): Lock {
  const { root } = document;
  const version = document.string(root["lock-version"], "lock-version");
  if (version === undefined) throw document.invalid("lock-version", "is missing");
  if (!/^1(?:\.\d+)*$/.test(version))
    throw document.invalid("lock-version", `is ${version}; version 1 can be read`);
  const requiresPython = document.string(root["requires-python"], "requires-python");
  const environments = document.strings(root["environments"], "environments");
  for (const marker of environments) checkMarker(document, marker, "environments");
  checkExtras(document, options);
  const groups = options.groups ?? document.strings(root["default-groups"], "default-groups");
  const packages = document
    .tables(root["packages"], "packages")
    .map((table) => readPackage(document, table))
    .map((one) => Object.assign(one, { direct: options.direct.has(one.name) }))
    .filter(({ name }) => name !== options.projectName);
  return {
    ...(requiresPython !== undefined && { requiresPython }),
    packagesFor(target) {
      const environment = markerEnvironment(target, { extras: options.extras, groups });
      checkEnvironments(document, environments, target);
      const chosen = packages.filter(({ marker }) => !marker || evaluateMarker(marker, environment));
      checkUnique(document, chosen, target);
      const excluded = packages.filter((candidate) => !chosen.includes(candidate));
      return {
        packages: chosen,
        excluded: excluded.map(({ name, version: locked, marker = "" }) => ({
          name,
          version: locked,
          marker,
        })),
      };
    },
  };
}

function checkMarker(document: TomlDocument, marker: string, key: string): void {
  try {
    parseMarker(marker);
  } catch {
    throw document.invalid(key, `holds "${marker}", which is no environment marker`);
  }
}

/** An extra that the lock doesn't know would silently select nothing. */
function checkExtras(document: TomlDocument, options: PylockOptions): void {
  const known = new Set(document.strings(document.root["extras"], "extras").map(normalizeName));
  const groups = new Set(
    [
      ...document.strings(document.root["dependency-groups"], "dependency-groups"),
      ...document.strings(document.root["default-groups"], "default-groups"),
    ].map(normalizeName),
  );
  for (const [kind, names, there] of [
    ["extra", options.extras, known],
    ["dependency group", options.groups ?? [], groups],
  ] as const) {
    const missing = names.find((name) => !there.has(normalizeName(name)));
    if (missing === undefined) continue;
    throw new AnyarchError("LOCK_OUTDATED", `${document.path} was locked without the ${kind} "${missing}".`, {
      hint: `It has ${[...there].join(", ") || "none"}. Lock again with it, or leave it out.`,
    });
  }
}

function checkEnvironments(
  document: TomlDocument,
  environments: readonly string[],
  target: PythonTarget,
): void {
  const environment = markerEnvironment(target);
  if (environments.length === 0 || environments.some((marker) => evaluateMarker(marker, environment))) return;
  const where = `${formatPlatform(target.platform)} with Python ${target.python}`;
  throw new AnyarchError("LOCK_OUTDATED", `${document.path} wasn't locked for ${where}.`, {
    hint: `It was locked for: ${environments.join("; ")}. Lock again for this platform too.`,
    details: { environments },
  });
}

/** Two entries of one package that both apply are ambiguous (PEP 751, "Installation"). */
function checkUnique(document: TomlDocument, chosen: readonly PylockPackage[], target: PythonTarget): void {
  const seen = new Set<string>();
  for (const { name } of chosen) {
    if (seen.has(name))
      throw document.invalid("packages", `names ${name} twice for ${formatPlatform(target.platform)}`);
    seen.add(name);
  }
}

function readPackage(document: TomlDocument, table: TomlTable): PylockPackage {
  const text = (key: string): string | undefined => document.string(table[key], `packages.${key}`);
  const name = text("name");
  if (name === undefined) throw document.invalid("packages", "holds one without a name");
  const marker = text("marker");
  if (marker !== undefined) checkMarker(document, marker, "packages.marker");
  const [version, index, requiresPython] = [text("version"), text("index"), text("requires-python")];
  const wheels = document.tables(table["wheels"], "packages.wheels");
  const sdist = document.table(table["sdist"], "packages.sdist");
  const tables = Object.keys(sdist).length > 0 ? [...wheels, sdist] : wheels;
  const tree = readTree(document, table);
  const archive = tree?.kind === "archive" ? document.table(table["archive"], "packages.archive") : undefined;
  const files = (archive === undefined ? tables : [archive]).map((file) =>
    readFileTable(document, file, name),
  );
  return {
    name: normalizeName(name),
    version: version === undefined ? "" : canonicalVersion(version),
    files,
    allowed: [],
    direct: false,
    ...(tree !== undefined && { tree }),
    ...(tree !== undefined && tree.kind !== "directory" && { directUrl: tree.location }),
    ...(marker !== undefined && { marker }),
    ...(index !== undefined && { index }),
    ...(requiresPython !== undefined && { requiresPython }),
  };
}

function readFileTable(document: TomlDocument, table: TomlTable, name: string): DistributionFile {
  const text = (key: string): string | undefined => document.string(table[key], `packages.${key}`);
  const [url, path] = [text("url"), text("path")];
  const filename = text("name") ?? filenameOf(path ?? url ?? "");
  if (filename === "") throw document.invalid("packages", `has a file of ${name} without name, url and path`);
  const location = url ?? (path && pathToFileURL(resolve(dirname(document.path), path)).href);
  const hashes = document.stringTable(table["hashes"], "packages.hashes");
  const size = table["size"];
  if (Object.keys(hashes).length === 0) throw document.invalid("packages", `has no hash for ${filename}`);
  return {
    filename,
    hashes: Object.fromEntries(
      Object.entries(hashes).map(([algorithm, hex]) => [algorithm.toLowerCase(), hex.toLowerCase()]),
    ),
    ...(location && { url: location }),
    ...(typeof size === "number" && { size }),
  };
}

/** `archive`, `directory` and `vcs` are the three sources that aren't an index's files. */
function readTree(document: TomlDocument, table: TomlTable): SourceTree | undefined {
  for (const kind of ["vcs", "directory", "archive"] as const) {
    if (table[kind] === undefined) continue;
    const key = `packages.${kind}`;
    const source = document.table(table[kind], key);
    const text = (field: string): string | undefined => document.string(source[field], `${key}.${field}`);
    const path = text("path");
    const location = text("url") ?? (path === undefined ? "" : resolve(dirname(document.path), path));
    if (location === "") throw document.invalid(key, "has neither url nor path");
    const [subdirectory, revision] = [text("subdirectory"), text("commit-id")];
    return {
      kind,
      location,
      ...(subdirectory !== undefined && { subdirectory }),
      ...(revision !== undefined && { revision }),
    };
  }
  return undefined;
}
