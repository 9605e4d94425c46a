import { existsSync } from "node:fs";
import { join } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { readTextFile } from "../host/text-file.ts";
import { formatPlatform, samePlatform } from "../oci/platform.ts";
import { normalizeName } from "../packages/python/name.ts";
import { type PythonProject, readPythonProject } from "../packages/python/project.ts";
import { type PythonDependencies, readPythonDependencies } from "../packages/python/requirements.ts";
import { type Choice, type Selection, selectPackages } from "../packages/python/select.ts";
import { matchesSpecifiers, parseSpecifiers } from "../packages/python/specifier.ts";
import type { PythonTarget } from "../packages/python/target.ts";
import type {
  AppOptions,
  Application,
  AppRunConfig,
  AppSelection,
  AppTarget,
  AppType,
  DefaultBase,
} from "./app-type.ts";
import { findEntryPoint, type PythonEntryPoint } from "./python-entry-point.ts";
import { venvBin, venvEnv } from "./python-environment.ts";
import { PythonSelection, type PythonSelectionOptions } from "./python-selection.ts";
import { readSourceFiles, type SourceFiles } from "./source-files.ts";

const markers = [
  "pyproject.toml",
  "requirements.txt",
  "pylock.toml",
  "uv.lock",
  "setup.py",
  "setup.cfg",
  "main.py",
  "app.py",
  "__main__.py",
  "manage.py",
] as const;

/** Python minors that official images exist for, oldest first: for a default where the user names no base. */
const knownMinors = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"] as const;

/** An interpreter, a shell for health checks and subprocesses, and what manylinux wheels expect of any system. */
const defaultDebianPackages = ["python3", "ca-certificates", "dash", "libstdc++6"] as const;

export const pythonApp: AppType = {
  id: "python",
  detect: (directory) => Promise.resolve(markers.find((name) => existsSync(join(directory, name)))),
  async inspect(options, ctx) {
    const project = await readPythonProject(options.directory);
    const dependencies = options.includeDeps
      ? await readPythonDependencies(
          options.directory,
          {
            ...(options.requirements !== undefined && { requirements: options.requirements }),
            extras: [...options.extras],
            groups: [...options.groups],
          },
          ctx,
        )
      : undefined;
    const sources = readSourceFiles(options.directory, options.workdir.slice(1), options.exclude);
    return new PythonApplication(options, project, dependencies, sources);
  },
};

class PythonApplication implements Application {
  readonly type = "python";
  readonly name?: string;
  readonly version?: string;
  readonly dependencySource: string;
  readonly defaultBases: readonly DefaultBase[];
  readonly notes: readonly string[];
  readonly #options: AppOptions;
  readonly #project: PythonProject | undefined;
  readonly #dependencies: PythonDependencies | undefined;
  readonly #sources: SourceFiles;

  constructor(
    options: AppOptions,
    project: PythonProject | undefined,
    dependencies: PythonDependencies | undefined,
    sources: SourceFiles,
  ) {
    this.#options = options;
    this.#project = project;
    this.#dependencies = dependencies;
    this.#sources = sources;
    if (project?.name !== undefined) this.name = project.name;
    if (project?.version !== undefined) this.version = project.version;
    this.dependencySource =
      dependencies === undefined ? "left out (--no-include-deps)" : dependencies.source.kind;
    if (dependencies?.source.kind === "none") this.#dependencies = undefined;
    this.defaultBases = [
      { kind: "debian", packages: defaultDebianPackages },
      { kind: "image", reference: `python:${defaultMinor(options.directory, project?.requiresPython)}-slim` },
    ];
    this.notes = sources.warnings;
  }

  async select(targets: readonly AppTarget[], ctx: Context): Promise<AppSelection> {
    const pythons = targets.map((target) => this.#pythonTarget(target));
    const selection =
      this.#dependencies === undefined
        ? undefined
        : await this.#selectPackages(this.#dependencies, targets, ctx);
    const installed = new Set(selection?.rows.map((row) => normalizeName(row.name)) ?? []);
    const run = this.#run(installed);
    const options: PythonSelectionOptions = {
      selection,
      targets: targets.map((target, index) => ({ ...target, python: pythons[index] as PythonTarget })),
      run,
      project: this.#project,
      sources: this.#sources,
      workdir: this.#options.workdir,
    };
    return new PythonSelection({ ...options, build: this.#builds(options) });
  }

  /** Wheels where there are any; what exists as source only becomes one here, or is planned to become one elsewhere. */
  async #selectPackages(
    dependencies: PythonDependencies,
    targets: readonly AppTarget[],
    ctx: Context,
  ): Promise<Selection> {
    const pythons = targets.map((target) => this.#pythonTarget(target));
    const selection = await select(dependencies, pythons, ctx);
    const { wheelBuilder } = this.#options;
    if (wheelBuilder === undefined || !has(selection, "source")) return selection;
    const { planNative } = await import("../packages/python/plan-native.ts");
    const natives = pythons.map((python, index) => ({ python, image: targets[index]?.image }));
    return planNative(selection, natives, wheelBuilder, ctx);
  }

  /** How the planned builds of a selection are done; undefined where there are none. */
  #builds(options: PythonSelectionOptions): AppSelection["build"] | undefined {
    const { selection, targets } = options;
    const dependencies = this.#dependencies;
    const builder = this.#options.wheelBuilder;
    if (selection === undefined || dependencies === undefined || builder === undefined) return undefined;
    if (!has(selection, "build")) return undefined;
    return async (platforms, ctx) => {
      const [{ buildNative }, { readIndexConfig }] = await Promise.all([
        import("../packages/python/build-native.ts"),
        import("../packages/python/index-config.ts"),
      ]);
      const wanted = targets.filter(({ platform }) => platforms.some((one) => samePlatform(one, platform)));
      const index = await readIndexConfig(dependencies.index, dependencies.projectDir, ctx);
      const build = { targets: wanted.map(({ python }) => python), index, builder };
      return new PythonSelection({ ...options, selection: await buildNative(selection, build, ctx) });
    };
  }

  #pythonTarget({ platform, facts }: AppTarget): PythonTarget {
    const name = formatPlatform(platform);
    if (facts.python === undefined || facts.libc === undefined) {
      throw new AnyarchError(
        "BASE_UNSUITABLE",
        `The base for ${name} has no ${facts.python === undefined ? "Python interpreter" : "C library"} that could be found.`,
        {
          hint: "Choose a base with Python: --base-image deb:bookworm/python3 or python:3.13-slim.",
        },
      );
    }
    const wanted = this.#project?.requiresPython;
    if (wanted !== undefined && !matchesSpecifiers(parseSpecifiers(wanted) ?? [], facts.python.version)) {
      throw new AnyarchError(
        "BASE_UNSUITABLE",
        `The base for ${name} has Python ${facts.python.version}, but the project requires Python ${wanted}.`,
        {
          hint: `Choose another base: --base-image python:${defaultMinor(this.#options.directory, wanted)}-slim, or deb:SUITE/python3,ca-certificates of a newer Debian release.`,
        },
      );
    }
    return { platform, python: facts.python.version, implementation: "cpython", libc: facts.libc };
  }

  #run(packages: ReadonlySet<string>): AppRunConfig {
    const { workdir, entrypoint } = this.#options;
    const base = { env: venvEnv, workdir };
    if (entrypoint !== undefined) return { ...base, entrypoint, ports: [], why: "--entrypoint" };
    const found = this.#findEntryPoint(packages);
    return { ...base, entrypoint: absolute(found.command), ports: found.ports, why: found.why };
  }

  #findEntryPoint(packages: ReadonlySet<string>): PythonEntryPoint {
    const prefix = this.#options.workdir === "/" ? 0 : this.#options.workdir.length;
    const files = this.#sources.entries
      .filter((entry) => entry.type === "file")
      .map((entry) => entry.path.slice(prefix));
    return findEntryPoint(
      {
        ...(this.name !== undefined && { name: this.name }),
        scripts: this.#project?.scripts ?? {},
        packages,
      },
      { files: new Set(files), read: (path) => readTextFile(join(this.#options.directory, path)) },
    );
  }
}

/** Wheels where there are any; what exists as pure source only is built into one, once for all targets. */
async function select(
  dependencies: PythonDependencies,
  targets: readonly PythonTarget[],
  ctx: Context,
): Promise<Selection> {
  const selection = await selectPackages(dependencies, targets, ctx);
  if (!has(selection, "source")) return selection;
  const { buildSources } = await import("../packages/python/build-source.ts");
  return buildSources(selection, targets, ctx);
}

function has(selection: Selection, kind: Choice["kind"]): boolean {
  return selection.rows.some(({ choices }) => Object.values(choices).some((choice) => choice.kind === kind));
}

/** The first word is a command of the environment: found there whatever PATH a user sets. */
function absolute(command: readonly string[]): readonly string[] {
  return [`${venvBin}/${command[0] ?? ""}`, ...command.slice(1)];
}

/** What .python-version pins, else the lowest known minor that the project accepts. */
function defaultMinor(directory: string, requiresPython: string | undefined): string {
  const pinned = readPin(join(directory, ".python-version"));
  if (pinned !== undefined) return pinned;
  const specifiers = parseSpecifiers(requiresPython ?? ">=3.11");
  const newest = knownMinors.at(-1) ?? "";
  // A patch release that every bound of the form >=3.11.4 lets through.
  return knownMinors.find((minor) => matchesSpecifiers(specifiers ?? [], `${minor}.99`)) ?? newest;
}

function readPin(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  return /^\s*(?:cpython-)?(\d+\.\d+)/m.exec(readTextFile(path))?.[1];
}
