import { AnyarchError } from "../../errors/error.ts";
import type { Lock, LockedSet } from "./lock.ts";
import { evaluateMarker } from "./marker.ts";
import { normalizeName } from "./name.ts";
import type { PythonProject } from "./project.ts";
import { parseRequirement, type Requirement } from "./requirement.ts";
import type { PythonDependencies } from "./requirements.ts";
import { canonicalSpecifiers, matchesSpecifiers, parseSpecifiers } from "./specifier.ts";
import { markerEnvironment, type PythonTarget } from "./target.ts";
import { isTable, type TomlTable } from "./toml.ts";

/**
 * Throws LOCK_OUTDATED where the lock and pyproject.toml disagree on a target: a project's dependency that the
 * lock lacks or has in a version that doesn't fit, a uv.lock whose record of the project differs from the
 * project, a Python outside of requires-python. What a resolver has just chosen needs no check but the last.
 */
export function checkLock(
  dependencies: PythonDependencies,
  lock: Lock,
  target: PythonTarget,
  set: LockedSet,
): void {
  const { project, source, lockedMetadata } = dependencies;
  const path = source.path ?? dependencies.projectDir;
  checkPython(lock.requiresPython, path, target);
  checkPython(project?.requiresPython, project?.path ?? path, target);
  if (project === undefined || dependencies.lock === undefined || source.kind === "none") return;
  if (project.dynamic.includes("dependencies")) return;
  const wanted = projectRequirements(project, dependencies, target);
  if (lockedMetadata !== undefined) compareUvMetadata(dependencies, lockedMetadata, wanted, target);
  checkVersions(wanted, set, path, project.path);
}

function checkPython(requiresPython: string | undefined, path: string, { python }: PythonTarget): void {
  const specifiers = requiresPython === undefined ? undefined : parseSpecifiers(requiresPython);
  if (specifiers === undefined || matchesSpecifiers(specifiers, python)) return;
  throw new AnyarchError(
    "LOCK_OUTDATED",
    `${path} requires Python ${requiresPython}; the image has ${python}.`,
    {
      hint: "Choose a base image with a Python that fits, or change requires-python and lock again.",
      details: { path, requiresPython, python },
    },
  );
}

function outdated(path: string, why: string, kind: PythonDependencies["source"]["kind"]): AnyarchError {
  const again: Readonly<Record<string, string>> = {
    "uv.lock": "Run `uv lock`, then build again.",
    "pylock.toml": "Lock again, for example with `uv export --format pylock.toml`, then build again.",
  };
  return new AnyarchError("LOCK_OUTDATED", `${path} is out of date: ${why}.`, {
    hint:
      again[kind] ?? "Write the requirement file again, for example with `uv pip compile --generate-hashes`.",
  });
}

/** What pyproject.toml requires on the target, with the extras and groups asked for. */
function projectRequirements(
  project: PythonProject,
  { extras, groups }: PythonDependencies,
  target: PythonTarget,
): readonly Requirement[] {
  const environment = markerEnvironment(target, { extras });
  const texts = [
    ...project.dependencies,
    ...extras.flatMap((extra) => project.optionalDependencies[normalizeName(extra)] ?? []),
    ...groups.flatMap((group) => project.dependencyGroups[normalizeName(group)] ?? []),
  ];
  const own = project.name === undefined ? undefined : normalizeName(project.name);
  return texts
    .map(parseRequirement)
    .filter(
      ({ name, marker }) => name !== own && (marker === undefined || evaluateMarker(marker, environment)),
    );
}

function checkVersions(
  wanted: readonly Requirement[],
  set: LockedSet,
  path: string,
  projectPath: string,
): void {
  const locked = new Map(set.packages.map((one) => [one.name, one]));
  const kind = path.endsWith("uv.lock")
    ? "uv.lock"
    : /pylock[^/]*\.toml$/.test(path)
      ? "pylock.toml"
      : "requirements.txt";
  for (const { name, specifiers, text } of wanted) {
    const found = locked.get(name);
    if (found === undefined) throw outdated(path, `it lacks ${name}, which ${projectPath} requires`, kind);
    const { version, tree } = found;
    if (version === "" || tree !== undefined || matchesSpecifiers(specifiers, version)) continue;
    throw outdated(path, `it pins ${name} ${version}, but ${projectPath} requires "${text}"`, kind);
  }
}

/** uv records in the lock what the project required; any difference means that `uv lock` wasn't run since. */
function compareUvMetadata(
  dependencies: PythonDependencies,
  metadata: TomlTable,
  wanted: readonly Requirement[],
  target: PythonTarget,
): void {
  const { source, extras, groups } = dependencies;
  const environment = markerEnvironment(target, { extras });
  const development = isTable(metadata["requires-dev"]) ? metadata["requires-dev"] : {};
  const recorded = [
    ...tablesOf(metadata["requires-dist"]),
    ...groups.flatMap((group) => tablesOf(development[normalizeName(group)])),
  ].filter(({ marker }) => typeof marker !== "string" || evaluateMarker(marker, environment));
  // A project without any dependency is recorded without requires-dist; an extra of itself is not compared.
  const own = dependencies.project?.name === undefined ? "" : normalizeName(dependencies.project.name);
  const inLock = new Map(recorded.map((table) => [normalizeName(String(table["name"])), table]));
  inLock.delete(own);
  const path = source.path ?? "";
  for (const requirement of wanted) {
    const table = inLock.get(requirement.name);
    if (table === undefined)
      throw outdated(path, `${requirement.name} was added to the project since it was locked`, "uv.lock");
    const { specifier } = table;
    const before = typeof specifier === "string" ? canonicalSpecifiers(parseSpecifiers(specifier) ?? []) : "";
    const isIndexed = ["git", "url", "directory", "editable", "path", "virtual"].every(
      (key) => table[key] === undefined,
    );
    if (isIndexed && requirement.url === undefined && !sameSpecifiers(before, wanted, requirement.name))
      throw outdated(
        path,
        `it was locked for ${requirement.name} ${before || "in any version"}, but the project requires "${requirement.text}"`,
        "uv.lock",
      );
  }
  const names = new Set(wanted.map(({ name }) => name));
  const removed = [...inLock.keys()].find((name) => !names.has(name));
  if (removed !== undefined)
    throw outdated(path, `${removed} was removed from the project since it was locked`, "uv.lock");
}

/** A name may be required several times (by an extra, by a group): one of them being recorded is enough. */
function sameSpecifiers(recorded: string, wanted: readonly Requirement[], name: string): boolean {
  return wanted.some((one) => one.name === name && canonicalSpecifiers(one.specifiers) === recorded);
}

function tablesOf(value: unknown): readonly TomlTable[] {
  return Array.isArray(value) ? value.filter(isTable) : [];
}
