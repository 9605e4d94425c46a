import { AnyarchError } from "../errors/error.ts";
import type { BuildOptions } from "./build-options.ts";
import type { ConfigFile } from "./config-file.ts";
import { findDockerfile, remoteContext } from "./dockerfile-sources.ts";
import type { PlatformOptions } from "./platform-options.ts";
import { contextDirectory, oneOf, type RequestEnvironment } from "./request-parts.ts";

export type Engine = "assemble" | "buildkit";

export interface EngineChoice {
  readonly engine: Engine;
  /** What the user should know of the choice; empty where it is plain. */
  readonly notes: readonly string[];
}

/** Options that one engine alone has, as their flags are called. */
const ownFlags: Readonly<Record<Engine, Readonly<Partial<Record<keyof BuildOptions, string>>>>> = {
  assemble: {
    baseImage: "--base-image",
    includeDeps: "--include-deps",
    requirements: "--requirements",
    extras: "--extra",
    groups: "--group",
    env: "--env",
    entrypoint: "--entrypoint",
    cmd: "--cmd",
    user: "--user",
    workdir: "--workdir",
    ports: "--port",
    volumes: "--volume",
    stopSignal: "--stop-signal",
    healthcheck: "--healthcheck-cmd",
    reproducible: "--no-reproducible",
    compression: "--compression",
    updateLock: "--update-lock",
  },
  buildkit: {
    file: "--file",
    target: "--target",
    buildArgs: "--build-arg",
    platformBuildArgs: "--build-arg",
    namedContexts: "--build-context",
    secrets: "--secret",
    ssh: "--ssh",
    cacheFrom: "--cache-from",
    cacheTo: "--cache-to",
    pull: "--pull",
    network: "--network",
    provenance: "--provenance",
    sbom: "--sbom",
    load: "--load",
    temporaryTags: "--temporary-tags",
  },
};

/** The same of what is said for single platforms, as the configuration calls it. */
const ownPlatformOptions: Readonly<
  Record<Engine, readonly (readonly [key: keyof PlatformOptions, name: string])[]>
> = {
  assemble: [
    ["env", "env"],
    ["baseImage", "base_image"],
  ],
  buildkit: [["buildArgs", "build_args"]],
};

/** Of machines that build: a Dockerfile, or what an application has as source only. */
const builderFlags: Readonly<Partial<Record<keyof BuildOptions, string>>> = {
  builders: "--builder",
  emulation: "--no-emulation",
  retries: "--retries",
  timeout: "--timeout",
  silenceLimit: "--silence-limit",
  crashSilence: "--crash-silence",
};

/** What makes a directory an application that the daemonless engine knows, as far as a choice needs it. */
export type IsApplication = (directory: string) => Promise<boolean>;

/**
 * Which engine builds: the one that was named; buildkit for a Dockerfile that was named; for one that was found too,
 * unless something was asked for that only the other engine has; else assemble. Throws USAGE where options are of the
 * other engine.
 */
export async function chooseEngine(
  options: BuildOptions,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
  isApplication: IsApplication,
): Promise<EngineChoice> {
  const build = config?.build ?? {};
  const asked = oneOf(options.engine ?? build.engine ?? "auto", ["auto", "assemble", "buildkit"], "--engine");
  const choice: Automatic =
    asked === "auto" ? await automatic(options, config, environment, isApplication) : { engine: asked };
  const { engine, note, foundAt } = choice;
  const foreign = flagsOf(options, engine === "assemble" ? "buildkit" : "assemble");
  if (foreign.length > 0) throw foreignFlags(foreign, engine, foundAt);
  const unused = engine === "buildkit" ? flagsOf(build, "assemble") : [];
  const notes = [
    ...(note === undefined ? [] : [note]),
    ...(unused.length === 0
      ? []
      : [`A Dockerfile build doesn't use what ${config?.path} sets for ${unused.join(", ")}.`]),
  ];
  return { engine, notes };
}

interface Automatic {
  readonly engine: Engine;
  readonly note?: string;
  /** The Dockerfile that decided it, where nobody named one. */
  readonly foundAt?: string;
}

async function automatic(
  options: BuildOptions,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
  isApplication: IsApplication,
): Promise<Automatic> {
  const build = config?.build ?? {};
  const wantsAssemble = flagsOf(options, "assemble").length > 0;
  const isNamed = options.file !== undefined || (build.file !== undefined && !wantsAssemble);
  if (isNamed || remoteContext(options.context ?? build.context) !== undefined) return { engine: "buildkit" };
  const found = findDockerfile(options, config, environment);
  if (found === undefined) return { engine: "assemble" };
  if (!(await isApplication(contextDirectory(options, config, environment))))
    return { engine: "buildkit", foundAt: found };
  const wantsBuildkit = flagsOf(options, "buildkit").length > 0 || given(options, builderFlags).length > 0;
  const [meant] = wantsBuildkit ? [] : flagsOf({ ...build, ...options }, "assemble");
  if (meant !== undefined) {
    const note = `${found} isn't built, because ${meant} is of the engine that needs none. To build it: --engine buildkit`;
    return { engine: "assemble", note };
  }
  const note = `Building ${found} with BuildKit. To assemble the application beside it without one: --engine assemble`;
  return { engine: "buildkit", foundAt: found, note };
}

function flagsOf(options: BuildOptions, engine: Engine): readonly string[] {
  const forPlatforms = Object.entries(options.platformOptions ?? {}).flatMap(([platform, values]) =>
    ownPlatformOptions[engine].flatMap(([key, name]) =>
      values[key] === undefined ? [] : [`[platforms."${platform}"] ${name}`],
    ),
  );
  return [...new Set([...given(options, ownFlags[engine]), ...forPlatforms])];
}

function given(
  options: BuildOptions,
  flags: Readonly<Partial<Record<keyof BuildOptions, string>>>,
): readonly string[] {
  const named = Object.entries(flags).flatMap(([key, flag]) =>
    options[key as keyof BuildOptions] === undefined ? [] : [flag],
  );
  return [...new Set(named)];
}

function foreignFlags(flags: readonly string[], engine: Engine, found: string | undefined): AnyarchError {
  const list = flags.join(", ");
  const verb = flags.length === 1 ? "is" : "are";
  if (engine === "assemble") {
    return new AnyarchError(
      "USAGE",
      `${list} ${verb} for Dockerfile builds, and no Dockerfile is built here.`,
      {
        hint: "Name a Dockerfile with --file, or choose --engine buildkit.",
      },
    );
  }
  const why = found === undefined ? "a Dockerfile is built" : `${found} is built`;
  return new AnyarchError("USAGE", `${list} ${verb} for builds without a Dockerfile, but ${why}.`, {
    hint: "Say it in the Dockerfile, or assemble the application without it: --engine assemble",
  });
}
