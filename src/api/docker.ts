import type { DockerfileBuildResult } from "../buildkit/build-result.ts";
import type { DockerfilePlan } from "../buildkit/dockerfile-plan.ts";
import type { BuildOptions } from "../plan/build-options.ts";
import type { PlatformOptions } from "../plan/platform-options.ts";
import { build, planBuild } from "./build.ts";
import type { ApiSettings } from "./settings.ts";

/** What is asked of a Dockerfile build. Immutable: each method returns new options, which the function must return. */
export class DockerBuildOptions {
  /** The same as flags and configuration would say it. */
  readonly options: BuildOptions;

  constructor(options: BuildOptions = {}) {
    this.options = options;
  }

  /** "linux/amd64", "linux/arm64?" (may be missing); beside those said before. This machine's where none is said. */
  withPlatforms(...platforms: readonly string[]): DockerBuildOptions {
    return this.#append("platforms", platforms);
  }

  /** This platform only, instead of all said before. */
  withPlatform(platform: string): DockerBuildOptions {
    return this.#with({ platforms: [platform] });
  }

  /** Platforms that the image may lack: the build succeeds without them, and `omitted` says why. */
  withOptionalPlatforms(...platforms: readonly string[]): DockerBuildOptions {
    return this.withPlatforms(...platforms.map((platform) => `${platform.replace(/\?$/, "")}?`));
  }

  /** One more name; all stand for one digest. */
  withTag(tag: string): DockerBuildOptions {
    return this.withTags(tag);
  }

  withTags(...tags: readonly string[]): DockerBuildOptions {
    return this.#append("tags", tags);
  }

  /** Prefix for tags without a registry: "ghcr.io/myorg". */
  withRegistry(prefix: string): DockerBuildOptions {
    return this.#with({ registry: prefix });
  }

  /** The directory (or address) that COPY reads; the current directory by default, wherever the Dockerfile is. */
  withContext(context: string): DockerBuildOptions {
    return this.#with({ context });
  }

  /** A further context: a directory, "docker-image://REF", an address. */
  withBuildContext(name: string, source: string): DockerBuildOptions {
    return this.#with({ namedContexts: { ...this.options.namedContexts, [name]: source } });
  }

  withTarget(stage: string): DockerBuildOptions {
    return this.#with({ target: stage });
  }

  withBuildArg(name: string, value: string): DockerBuildOptions {
    return this.withBuildArgs({ [name]: value });
  }

  withBuildArgs(args: Readonly<Record<string, string>>): DockerBuildOptions {
    return this.#with({ buildArgs: { ...this.options.buildArgs, ...args } });
  }

  /** Of one platform, before the one for all. */
  withPlatformBuildArg(platform: string, name: string, value: string): DockerBuildOptions {
    const all = this.options.platformBuildArgs;
    return this.#with({ platformBuildArgs: { ...all, [platform]: { ...all?.[platform], [name]: value } } });
  }

  /** Labels, build arguments and whether it may be missing, of one platform ("linux/amd64/v3"); later ones replace. */
  withPlatformOptions(platform: string, options: PlatformOptions): DockerBuildOptions {
    const all = this.options.platformOptions;
    return this.#with({ platformOptions: { ...all, [platform]: { ...all?.[platform], ...options } } });
  }

  /** For `RUN --mount=type=secret,id=ID`: from a file, or from a variable of the environment. */
  withSecret(id: string, source: { readonly src: string } | { readonly env: string }): DockerBuildOptions {
    const from = "src" in source ? `src=${source.src}` : `env=${source.env}`;
    return this.#append("secrets", [`id=${id},${from}`]);
  }

  /** For `RUN --mount=type=ssh`: "default", "default=SOCKET", "ID=KEYFILE". */
  withSsh(source = "default"): DockerBuildOptions {
    return this.#append("ssh", [source]);
  }

  /** The builder of one platform (or "linux/arm64,linux/arm/v7"); several of the same stand in for each other. */
  withBuilder(platform: string, endpoint: string): DockerBuildOptions;
  /** A builder for whatever it can build. */
  withBuilder(endpoint: string): DockerBuildOptions;
  withBuilder(first: string, endpoint?: string): DockerBuildOptions {
    return this.#append("builders", [endpoint === undefined ? first : `${first}=${endpoint}`]);
  }

  /** The builder of linux/arm64: "ssh://arm64-builder". */
  withArmBuilder(endpoint: string): DockerBuildOptions {
    return this.withBuilder("linux/arm64", endpoint);
  }

  /** Where a platform can't be built, the image is published without it, and `omitted` says so. */
  withFallbackToAvailable(): DockerBuildOptions {
    return this.#with({ fallback: "available" });
  }

  /** Where a native builder fails, the platform is built emulated. */
  withFallbackToEmulation(): DockerBuildOptions {
    return this.#with({ fallback: "emulate" });
  }

  /** Refuses platforms that only emulation could build. */
  withoutEmulation(): DockerBuildOptions {
    return this.#with({ emulation: false });
  }

  /** Pushes to the registries of the tags. */
  withPush(): DockerBuildOptions {
    return this.#with({ push: true });
  }

  /** Loads into the docker or podman that is here: of several platforms its own, where it can't hold an index. */
  withLoad(): DockerBuildOptions {
    return this.#with({ load: true });
  }

  /** The default. */
  withoutLoad(): DockerBuildOptions {
    return this.#with({ load: false });
  }

  /** "oci:DIR", "oci-archive:FILE", "docker-archive:FILE", "docker://REF"; "oci:dist/image" where nothing is said. */
  withOutput(location: string): DockerBuildOptions {
    return this.#append("outputs", [location]);
  }

  withLabel(name: string, value: string): DockerBuildOptions {
    return this.#with({ labels: { ...this.options.labels, [name]: value } });
  }

  /** Of each manifest and of the index; "index:KEY" and "manifest:KEY" of one of them. */
  withAnnotation(name: string, value: string): DockerBuildOptions {
    return this.#with({ annotations: { ...this.options.annotations, [name]: value } });
  }

  withNoCache(): DockerBuildOptions {
    return this.#with({ cache: false });
  }

  /** "type=registry,ref=REF" or another of BuildKit's; each platform has its own. */
  withCacheFrom(cache: string): DockerBuildOptions {
    return this.#append("cacheFrom", [cache]);
  }

  withCacheTo(cache: string): DockerBuildOptions {
    return this.#append("cacheTo", [cache]);
  }

  /** Asks the registry for newer base images. */
  withPull(): DockerBuildOptions {
    return this.#with({ pull: true });
  }

  /** Of RUN instructions. */
  withNetwork(mode: "default" | "none" | "host"): DockerBuildOptions {
    return this.#with({ network: mode });
  }

  /** true, false, "mode=min", "mode=max". */
  withProvenance(value: string | boolean = true): DockerBuildOptions {
    return this.#with({ provenance: value });
  }

  withSbom(value: string | boolean = true): DockerBuildOptions {
    return this.#with({ sbom: value });
  }

  /** For one platform on one builder: "45m"; no limit by default. */
  withTimeout(duration: string): DockerBuildOptions {
    return this.#with({ timeout: duration });
  }

  withTimeoutMinutes(minutes: number): DockerBuildOptions {
    return this.withTimeout(`${minutes}m`);
  }

  /** Ends a build that gives no sign of life for so long: "10m". */
  withSilenceLimit(duration: string): DockerBuildOptions {
    return this.#with({ silenceLimit: duration });
  }

  /** The same for a step in which an emulator crashed: "30s" by default. */
  withCrashSilence(duration: string): DockerBuildOptions {
    return this.#with({ crashSilence: duration });
  }

  /** Tries per builder after transient faults. */
  withRetries(count: number): DockerBuildOptions {
    return this.#with({ retries: count });
  }

  /** Platforms that are built at a time. */
  withJobs(count: number): DockerBuildOptions {
    return this.#with({ jobs: count });
  }

  /** For registries that collect what has no tag. */
  withTemporaryTags(): DockerBuildOptions {
    return this.#with({ temporaryTags: true });
  }

  /** What is proved by reading ELF headers: "app" (default), "full" or "none". */
  withVerify(scope: "none" | "app" | "full"): DockerBuildOptions {
    return this.#with({ verify: scope });
  }

  /** Seconds since the epoch for all times in the image. */
  withSourceDateEpoch(seconds: number): DockerBuildOptions {
    return this.#with({ sourceDateEpoch: seconds });
  }

  #with(change: BuildOptions): DockerBuildOptions {
    return new DockerBuildOptions({ ...this.options, ...change });
  }

  #append(key: ListOption, values: readonly string[]): DockerBuildOptions {
    return this.#with({ [key]: [...(this.options[key] ?? []), ...values] });
  }
}

type ListOption = "platforms" | "tags" | "builders" | "secrets" | "ssh" | "outputs" | "cacheFrom" | "cacheTo";

/** Says what is asked: `(o) => o.withPlatforms("linux/amd64", "linux/arm64").withTag("app:1").withPush()`. */
export type ConfigureDockerBuild = (options: DockerBuildOptions) => DockerBuildOptions;

/** Builds of Dockerfiles, each platform on the best builder there is for it. */
export const docker = {
  /**
   * Builds a Dockerfile (or the one in a directory) and publishes the result. Relative paths are of the current
   * directory, which is the context as well unless withContext says another. Throws AnyarchError.
   */
  build: async (
    dockerfile: string,
    configure: ConfigureDockerBuild = (options) => options,
    settings: ApiSettings = {},
  ): Promise<DockerfileBuildResult> => build(optionsFor(dockerfile, configure), settings),

  /** What {@link docker.build} would do, without doing it: builders are probed, nothing is built. */
  plan: async (
    dockerfile: string,
    configure: ConfigureDockerBuild = (options) => options,
    settings: ApiSettings = {},
  ): Promise<DockerfilePlan> => planBuild(optionsFor(dockerfile, configure), settings),
};

function optionsFor(
  dockerfile: string,
  configure: ConfigureDockerBuild,
): BuildOptions & { readonly engine: "buildkit" } {
  return { ...configure(new DockerBuildOptions()).options, file: dockerfile, engine: "buildkit" };
}
