import type { Entry } from "../archive/entry.ts";
import type { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { fetchWheels, type WheelFile } from "../packages/python/download.ts";
import { explainUnavailable } from "../packages/python/explain.ts";
import { installWheels } from "../packages/python/install.ts";
import type { PythonProject } from "../packages/python/project.ts";
import { scriptText } from "../packages/python/scripts.ts";
import type { BuildChoice, Choice, Selection } from "../packages/python/select.ts";
import type { PythonTarget } from "../packages/python/target.ts";
import { findUnmetRequirements } from "../packages/python/unmet.ts";
import type {
  AppLayer,
  AppRunConfig,
  AppSelection,
  AppTarget,
  PackageChoice,
  PackageRow,
} from "./app-type.ts";
import { applicationMetadata, textFile, venvBin, venvPrefix, venvSkeleton } from "./python-environment.ts";
import type { SourceFiles } from "./source-files.ts";

export interface PythonSelectionOptions {
  /** Undefined where dependencies are left out. */
  readonly selection: Selection | undefined;
  readonly targets: readonly (AppTarget & { readonly python: PythonTarget })[];
  readonly run: AppRunConfig;
  readonly project: PythonProject | undefined;
  readonly sources: SourceFiles;
  readonly workdir: string;
  /** See {@link AppSelection.build}. */
  readonly build?: AppSelection["build"] | undefined;
}

/** The wheels of each target, and the layers that they and the application's files become. */
export class PythonSelection implements AppSelection {
  readonly packages: readonly PackageRow[];
  readonly unavailable: ReadonlyMap<string, Error>;
  readonly run: AppRunConfig;
  readonly build?: NonNullable<AppSelection["build"]>;
  readonly #options: PythonSelectionOptions;

  constructor(options: PythonSelectionOptions) {
    this.#options = options;
    this.run = options.run;
    this.packages = (options.selection?.rows ?? []).map(({ name, version, choices }) => ({
      name,
      version,
      choices: Object.fromEntries(
        Object.entries(choices).map(([platform, choice]) => [platform, describe(choice)]),
      ),
    }));
    this.unavailable = unavailablePlatforms(options);
    if (options.build !== undefined) this.build = options.build;
  }

  async layers(
    platforms: readonly Platform[],
    ctx: Context,
  ): Promise<ReadonlyMap<string, readonly AppLayer[]>> {
    const { selection } = this.#options;
    const wheels = selection === undefined ? {} : await fetchWheels(selection, platforms, ctx);
    const layers = new Map<string, readonly AppLayer[]>();
    for (const { platform, facts, python } of this.#options.targets) {
      const name = formatPlatform(platform);
      if (!platforms.some((wanted) => formatPlatform(wanted) === name)) continue;
      const minor = python.python.split(".").slice(0, 2).join(".");
      const installed =
        (wheels[name] ?? []).length === 0
          ? { neutral: [], native: [] }
          : await installWheels(
              wheels[name] ?? [],
              {
                prefix: venvPrefix,
                pythonExecutable: `${venvBin}/python`,
                pythonVersion: minor,
                platform: name,
              },
              ctx,
            );
      await this.#reportUnmet(wheels[name] ?? [], python, ctx);
      const skeleton = venvSkeleton(facts.python?.executable ?? "/usr/bin/python3", minor);
      layers.set(name, this.#layersOf(installed, skeleton, minor));
    }
    return layers;
  }

  /** What `pip check` would say: the image is built as locked, but its user should know. */
  async #reportUnmet(wheels: readonly WheelFile[], target: PythonTarget, ctx: Context): Promise<void> {
    for (const { name, requirement, found } of await findUnmetRequirements(wheels, target, ctx)) {
      const state = found === undefined ? "isn't installed" : `is version ${found}`;
      const message = `${name} needs ${requirement}, which ${state}: the lock is incomplete.`;
      ctx.emit({ type: "log", level: "warning", message, platform: formatPlatform(target.platform) });
    }
  }

  #layersOf(
    installed: { readonly neutral: readonly Entry[]; readonly native: readonly Entry[] },
    skeleton: readonly Entry[],
    minor: string,
  ): readonly AppLayer[] {
    const { project, sources, workdir } = this.#options;
    const sourceRoot = `${workdir === "/" ? "" : workdir}/src`;
    const hasSrc = sources.entries.some(({ path }) => path.startsWith(`${sourceRoot.slice(1)}/`));
    const paths = [workdir, ...(hasSrc ? [sourceRoot] : [])];
    const application = [
      ...sources.entries,
      ...applicationMetadata(project, paths, minor),
      ...Object.entries({ ...project?.scripts, ...project?.guiScripts }).map(([name, target]) => {
        const [module = "", attribute = ""] = target.replace(/\s*\[.*\]\s*$/, "").split(":");
        const text = scriptText(
          { name, module: module.trim(), attribute: attribute.trim() },
          `${venvBin}/python`,
        );
        return textFile(`${venvPrefix}/bin/${name}`, text, 0o755);
      }),
    ];
    const layers: AppLayer[] = [
      { name: "python packages", neutral: true, entries: [...skeleton, ...installed.neutral] },
      { name: "native python packages", neutral: false, entries: installed.native },
      { name: "application", neutral: true, entries: application },
    ];
    if (installed.neutral.length > 0) return layers.filter(({ entries }) => entries.length > 0);
    // Without packages the environment is a handful of bytes: not worth a layer of its own.
    return [
      ...layers.slice(1, 2).filter(({ entries }) => entries.length > 0),
      { name: "application", neutral: true, entries: [...skeleton, ...application] },
    ];
  }
}

function describe(choice: Choice): PackageChoice {
  switch (choice.kind) {
    case "wheel":
      return {
        kind: "native",
        file: choice.filename,
        ...(choice.built === undefined
          ? { why: choice.tag }
          : { why: `${choice.tag}, ${choice.built}`, compiled: true as const }),
        ...(choice.size !== undefined && { size: choice.size }),
      };
    case "neutral":
      return {
        kind: "neutral",
        file: choice.filename,
        why: choice.tag,
        ...(choice.size !== undefined && { size: choice.size }),
      };
    case "build":
      return { kind: "build", file: choice.filename, why: whereBuilt(choice) };
    case "source":
      return { kind: "source", file: choice.filename };
    case "missing":
      return { kind: "missing", why: choice.wheels.join(", ") };
    case "excluded":
      return { kind: "excluded", why: choice.marker };
  }
}

/** "emulated on ssh://arm.example". */
function whereBuilt({ site }: BuildChoice): string {
  return site === undefined ? "nowhere yet" : `${site.placement} on ${site.node}`;
}

function unavailablePlatforms({
  selection,
  targets,
}: PythonSelectionOptions): ReadonlyMap<string, AnyarchError> {
  const errors = new Map<string, AnyarchError>();
  if (selection === undefined) return errors;
  for (const { platform, python } of targets) {
    const error = explainUnavailable(selection, [python]);
    if (error !== undefined) errors.set(formatPlatform(platform), error);
  }
  return errors;
}
