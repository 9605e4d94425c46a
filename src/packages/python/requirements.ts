import { access, readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import type { Context } from "../../host/context.ts";
import type { Lock } from "./lock.ts";
import { normalizeName } from "./name.ts";
import { createPinnedLock, isCompleteLock } from "./pinned-lock.ts";
import { readPythonProject, type PythonProject } from "./project.ts";
import { readPylock } from "./pylock.ts";
import { parseRequirement } from "./requirement.ts";
import {
  readRequirementsFile,
  type IndexOptions,
  type RequirementLine,
  type RequirementsFile,
} from "./requirements-file.ts";
import { readToml } from "./toml.ts";
import { readUvLock, type UvLock } from "./uv-lock.ts";

export interface PythonDependencyOptions {
  /** A lock or requirement file, relative to the project. */
  readonly requirements?: string | undefined;
  readonly extras?: readonly string[] | undefined;
  /** Dependency groups (PEP 735); none by default. */
  readonly groups?: readonly string[] | undefined;
}

/** What a project depends on, before anything is chosen for a platform. */
export interface PythonDependencies {
  readonly source: {
    readonly kind: "pylock.toml" | "uv.lock" | "requirements.txt" | "pyproject.toml" | "none";
    /** Absolute. */
    readonly path?: string;
  };
  /** Absolute. */
  readonly projectDir: string;
  readonly project?: PythonProject;
  readonly extras: readonly string[];
  readonly groups: readonly string[];
  /** Present where everything is pinned. */
  readonly lock?: Lock;
  /** Present instead of `lock` where a resolver has to choose versions. */
  readonly loose?: LooseRequirements;
  /** What a requirement file says about indexes. */
  readonly index?: IndexOptions;
  /** `[package.metadata]` of uv.lock, to see whether it is out of date. */
  readonly lockedMetadata?: UvLock["rootMetadata"];
}

/** Requirements that leave a choice of versions. */
export interface LooseRequirements {
  readonly requirements: readonly RequirementLine[];
  readonly constraints: readonly RequirementLine[];
  readonly prereleases: boolean;
}

/**
 * Reads what a project depends on, from the first of: the file named in `options`; pylock.toml, or the only
 * pylock.<name>.toml (PEP 751); uv.lock, of the project or of the workspace it is a member of;
 * requirements.txt; `[project.dependencies]`. Throws INPUT_UNREADABLE, CONFIG_INVALID or LOCK_INVALID, naming
 * file and line, and LOCK_OUTDATED where a lock doesn't know an extra or a group.
 */
export async function readPythonDependencies(
  projectDir: string,
  options: PythonDependencyOptions,
  ctx: Context,
): Promise<PythonDependencies> {
  const directory = resolve(projectDir);
  const project = await readPythonProject(directory);
  const base: Base = {
    projectDir: directory,
    ...(project !== undefined && { project }),
    extras: options.extras ?? [],
    groups: options.groups ?? [],
  };
  const path = await findSource(directory, options, project);
  if (path !== undefined) return readSource(path, base, options, ctx);
  const { dependencies = [], dynamic = [] } = project ?? {};
  if (project === undefined || (dependencies.length === 0 && base.extras.length + base.groups.length === 0)) {
    if (dynamic.includes("dependencies")) throw dynamicDependencies(project);
    return { ...base, source: { kind: "none" }, lock: createPinnedLock([], new Set()) };
  }
  if (dynamic.includes("dependencies")) throw dynamicDependencies(project);
  const loose = { requirements: projectLines(project, base, true), constraints: [], prereleases: false };
  return { ...base, source: { kind: "pyproject.toml", path: project.path }, loose };
}

type Base = Pick<PythonDependencies, "projectDir" | "project" | "extras" | "groups">;

function dynamicDependencies(project: PythonProject | undefined): AnyarchError {
  return new AnyarchError(
    "LOCK_INVALID",
    `The dependencies in ${project?.path} are dynamic: only its build backend knows them.`,
    {
      hint: "Lock them: `uv lock`, `uv export --format pylock.toml` or `pip-compile --generate-hashes`.",
    },
  );
}

async function findSource(
  directory: string,
  options: PythonDependencyOptions,
  project: PythonProject | undefined,
): Promise<string | undefined> {
  if (options.requirements !== undefined) return resolve(directory, options.requirements);
  const names: readonly string[] = await readdir(directory).catch((error: unknown) => {
    throw new AnyarchError("INPUT_UNREADABLE", `The project directory ${directory} can't be read.`, {
      cause: error,
    });
  });
  const named = names.filter((name) => /^pylock\.[^.]+\.toml$/.test(name)).sort();
  if (names.includes("pylock.toml")) return join(directory, "pylock.toml");
  if (named.length > 1)
    throw new AnyarchError("LOCK_INVALID", `${directory} has several lock files: ${named.join(", ")}.`, {
      hint: "Name the one to use, or call it pylock.toml.",
    });
  if (named[0] !== undefined) return join(directory, named[0]);
  const uvLock = await findUvLock(directory, project);
  if (uvLock !== undefined) return uvLock;
  return names.includes("requirements.txt") ? join(directory, "requirements.txt") : undefined;
}

/** A member of a workspace is locked by the uv.lock of the workspace's root, some directories up. */
async function findUvLock(
  directory: string,
  project: PythonProject | undefined,
): Promise<string | undefined> {
  const own = join(directory, "uv.lock");
  if (await exists(own)) return own;
  if (project?.name === undefined) return undefined;
  for (let parent = dirname(directory); parent !== dirname(parent); parent = dirname(parent)) {
    const path = join(parent, "uv.lock");
    if (!(await exists(path))) continue;
    const document = await readToml(path, "LOCK_INVALID");
    const manifest = document?.table(document.root["manifest"], "manifest") ?? {};
    const members = document?.strings(manifest["members"], "manifest.members") ?? [];
    if (members.map(normalizeName).includes(normalizeName(project.name))) return path;
  }
  return undefined;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function readSource(
  path: string,
  base: Base,
  options: PythonDependencyOptions,
  ctx: Context,
): Promise<PythonDependencies> {
  const name = basename(path);
  if (/^pylock(?:\.[^.]+)?\.toml$/.test(name)) {
    const document = await readToml(path, "LOCK_INVALID");
    if (document === undefined) throw unreadable(path);
    const lock = readPylock(document, {
      extras: base.extras,
      direct: new Set((base.project?.dependencies ?? []).map(requirementName)),
      ...(options.groups !== undefined && { groups: options.groups }),
      ...(base.project?.name !== undefined && { projectName: normalizeName(base.project.name) }),
    });
    return { ...base, source: { kind: "pylock.toml", path }, lock };
  }
  if (name === "uv.lock") {
    const document = await readToml(path, "LOCK_INVALID");
    if (document === undefined) throw unreadable(path);
    const lock = readUvLock(document, base);
    return { ...base, source: { kind: "uv.lock", path }, lock, lockedMetadata: lock.rootMetadata };
  }
  if (name === "pyproject.toml")
    return readPythonDependencies(dirname(path), { ...options, requirements: undefined }, ctx);
  return readRequirements(path, base, ctx);
}

function unreadable(path: string): AnyarchError {
  return new AnyarchError("INPUT_UNREADABLE", `The lock file ${path} doesn't exist.`, {
    hint: "Check the path: it is relative to the project's directory.",
  });
}

async function readRequirements(path: string, base: Base, ctx: Context): Promise<PythonDependencies> {
  const file = await readRequirementsFile(path, base.projectDir, ctx);
  const isProject = (line: RequirementLine): boolean =>
    line.path !== undefined && resolve(line.path) === base.projectDir;
  const own = file.requirements.filter(isProject);
  const others = file.requirements.filter((line) => !isProject(line));
  const common = { ...base, source: { kind: "requirements.txt", path } as const, index: file.index };
  if (base.extras.length + base.groups.length > 0 && own.length === 0)
    ctx.emit({
      type: "log",
      level: "warning",
      message: `${path} says what is installed: the extras and groups asked for have no effect.`,
    });
  if (isCompleteLock({ ...file, requirements: others })) {
    const direct = new Set((base.project?.dependencies ?? others.map(nameOf)).map(requirementName));
    return { ...common, lock: createPinnedLock(others, direct) };
  }
  if (file.requireHashes) throw unhashed(file);
  // `.` and `-e .` stand for the project: its dependencies count, itself is the application.
  const extras = own.flatMap((line) => line.pathExtras);
  const fromProject =
    own.length > 0 && base.project !== undefined
      ? projectLines(base.project, { ...base, extras: [...base.extras, ...extras] }, true)
      : [];
  const { constraints, prereleases } = file;
  return { ...common, loose: { requirements: [...others, ...fromProject], constraints, prereleases } };
}

function nameOf(line: RequirementLine): string {
  return line.requirement?.name ?? "";
}

function requirementName(text: string): string {
  return text === "" ? "" : parseRequirement(text).name;
}

function unhashed(file: RequirementsFile): AnyarchError {
  const bad = file.requirements.find(({ hashes }) => hashes.length === 0) ?? file.requirements[0];
  return new AnyarchError(
    "LOCK_INVALID",
    `${bad?.file}:${bad?.line}: --require-hashes is given, but this requirement isn't pinned or has no hash.`,
    { hint: "Write the file with `uv pip compile --generate-hashes` or `pip-compile --generate-hashes`." },
  );
}

/** The project's own requirements as lines of its pyproject.toml. */
function projectLines(project: PythonProject, base: Base, withGroups: boolean): readonly RequirementLine[] {
  const own = project.name === undefined ? undefined : normalizeName(project.name);
  const pick = (kind: string, names: readonly string[], there: Readonly<Record<string, readonly string[]>>) =>
    names.flatMap((name) => {
      const found = there[normalizeName(name)];
      if (found !== undefined) return found;
      throw new AnyarchError("CONFIG_INVALID", `${project.path} has no ${kind} "${name}".`, {
        hint: `It has ${Object.keys(there).join(", ") || "none"}.`,
      });
    });
  const taken = new Set<string>();
  const extra = (names: readonly string[]): readonly string[] =>
    names.flatMap((name) => {
      if (taken.has(normalizeName(name))) return [];
      taken.add(normalizeName(name));
      return pick("extra", [name], project.optionalDependencies).flatMap((text) => {
        // `app[web,db]` inside of an extra of app means its other extras.
        const { name: required, extras } = parseRequirement(text);
        return required === own ? extra(extras) : [text];
      });
    });
  const groups = withGroups ? pick("dependency group", base.groups, project.dependencyGroups) : [];
  return [...project.dependencies, ...extra(base.extras), ...groups].map((text) => {
    const requirement = parseRequirement(text);
    const { url, marker } = requirement;
    return {
      requirement,
      pathExtras: [],
      hashes: [],
      file: project.path,
      line: 0,
      ...(url !== undefined && { url }),
      ...(marker !== undefined && { marker }),
    };
  });
}
