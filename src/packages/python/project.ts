import { join } from "node:path";
import { normalizeName } from "./name.ts";
import { parseRequirement } from "./requirement.ts";
import { parseSpecifiers } from "./specifier.ts";
import { isTable, readToml, type TomlDocument, type TomlTable } from "./toml.ts";

/** What pyproject.toml says (PEP 621, PEP 735); all texts as written. */
export interface PythonProject {
  /** Absolute path of pyproject.toml. */
  readonly path: string;
  readonly name?: string;
  readonly version?: string;
  /** A version specifier: ">=3.11". */
  readonly requiresPython?: string;
  /** Requirements (PEP 508). */
  readonly dependencies: readonly string[];
  /** By normalised name of the extra. */
  readonly optionalDependencies: Readonly<Record<string, readonly string[]>>;
  /** By normalised name, `include-group` resolved (PEP 735). */
  readonly dependencyGroups: Readonly<Record<string, readonly string[]>>;
  /** Command → "module:function". */
  readonly scripts: Readonly<Record<string, string>>;
  readonly guiScripts: Readonly<Record<string, string>>;
  /** Group → name → "module:object". */
  readonly entryPoints: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Names of the fields that the build backend fills in. */
  readonly dynamic: readonly string[];
  /** True where there is a [build-system] table: the project can be built into a wheel. */
  readonly buildable: boolean;
  /** The `[tool]` table. */
  readonly tool: TomlTable;
}

/**
 * Reads `dir`/pyproject.toml; undefined where there is none. Throws CONFIG_INVALID, naming file and line, where
 * it is no TOML or a field has the wrong type or is no requirement or specifier.
 */
export async function readPythonProject(dir: string): Promise<PythonProject | undefined> {
  const document = await readToml(join(dir, "pyproject.toml"), "CONFIG_INVALID");
  if (document === undefined) return undefined;
  const project = document.table(document.root["project"], "project");
  const text = (key: string): string | undefined => document.string(project[key], `project.${key}`);
  const [name, version, requiresPython] = [text("name"), text("version"), text("requires-python")];
  if (requiresPython !== undefined && parseSpecifiers(requiresPython) === undefined)
    throw document.invalid("project.requires-python", `"${requiresPython}" is no version specifier`);
  return {
    path: document.path,
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    ...(requiresPython !== undefined && { requiresPython }),
    dependencies: requirements(document, project["dependencies"], "project.dependencies"),
    optionalDependencies: optionalDependencies(document, project),
    dependencyGroups: dependencyGroups(document),
    scripts: document.stringTable(project["scripts"], "project.scripts"),
    guiScripts: document.stringTable(project["gui-scripts"], "project.gui-scripts"),
    entryPoints: entryPoints(document, project),
    dynamic: document.strings(project["dynamic"], "project.dynamic"),
    buildable: isTable(document.root["build-system"]),
    tool: document.table(document.root["tool"], "tool"),
  };
}

function requirements(document: TomlDocument, value: unknown, key: string): readonly string[] {
  const texts = document.strings(value, key);
  for (const text of texts) {
    try {
      parseRequirement(text);
    } catch (error) {
      throw document.invalid(key, `holds what isn't a requirement: ${(error as Error).message}`);
    }
  }
  return texts;
}

function optionalDependencies(
  document: TomlDocument,
  project: TomlTable,
): Readonly<Record<string, readonly string[]>> {
  const key = "project.optional-dependencies";
  const table = document.table(project["optional-dependencies"], key);
  const entries = Object.entries(table).map(([extra, value]): [string, readonly string[]] => [
    normalizeName(extra),
    requirements(document, value, `${key}.${extra}`),
  ]);
  return Object.fromEntries(entries);
}

function entryPoints(document: TomlDocument, project: TomlTable): PythonProject["entryPoints"] {
  const key = "project.entry-points";
  const groups = Object.entries(document.table(project["entry-points"], key));
  return Object.fromEntries(
    groups.map(([group, value]) => [group, document.stringTable(value, `${key}.${group}`)]),
  );
}

/** Resolves `{include-group = "…"}`; a circle of groups is an error (PEP 735). */
function dependencyGroups(document: TomlDocument): Readonly<Record<string, readonly string[]>> {
  const table = document.table(document.root["dependency-groups"], "dependency-groups");
  const raw = new Map(Object.entries(table).map(([name, value]) => [normalizeName(name), value]));
  const expand = (name: string, path: readonly string[]): readonly string[] => {
    const key = `dependency-groups.${name}`;
    const items = raw.get(name);
    if (path.includes(name)) throw document.invalid(key, `includes itself: ${[...path, name].join(" → ")}`);
    if (!Array.isArray(items)) throw document.invalid(key, "must be a list");
    return items.flatMap((item: unknown): readonly string[] => {
      if (typeof item === "string") return requirements(document, [item], key);
      const included = isTable(item) ? item["include-group"] : undefined;
      if (typeof included !== "string") throw document.invalid(key, "holds neither text nor include-group");
      if (!raw.has(normalizeName(included)))
        throw document.invalid(key, `includes the group "${included}", which isn't there`);
      return expand(normalizeName(included), [...path, name]);
    });
  };
  return Object.fromEntries([...raw.keys()].map((name) => [name, expand(name, [])]));
}
