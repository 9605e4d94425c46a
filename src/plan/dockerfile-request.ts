import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Platform } from "../oci/platform.ts";
import type { Reference } from "../oci/reference.ts";
import type { BuildOptions } from "./build-options.ts";
import type { ConfigFile } from "./config-file.ts";
import {
  byPlatform,
  checkBuildArgs,
  parseAttestation,
  parseBuilder,
  parseCache,
  parseNamedContext,
  parseSecret,
  parseSsh,
} from "./dockerfile-values.ts";
import { dockerfileSources } from "./dockerfile-sources.ts";
import { parseDuration } from "./duration.ts";
import { platformOptions, valuesOf, withOptional } from "./platform-options.ts";
import {
  checkForSeveral,
  givenTime,
  oneOf,
  parsePlatforms,
  parseTags,
  type RequestedPlatform,
  type RequestEnvironment,
  wholeFrom,
} from "./request-parts.ts";

export type { RequestedPlatform } from "./request-parts.ts";

/** A Dockerfile build that was checked: absolute paths, parsed references and platforms, defaults filled in. */
export interface DockerfileRequest {
  /** Absolute directory, or an address (git, https) as it is. */
  readonly context: string;
  /** Absolute. */
  readonly dockerfile: string;
  readonly target?: string;
  /** In the order asked for, without repetition. */
  readonly platforms: readonly RequestedPlatform[];
  readonly tags: readonly Reference[];
  /** For every platform. */
  readonly buildArgs: Readonly<Record<string, string>>;
  /** Beside and before those, by normalised platform string. */
  readonly platformBuildArgs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly namedContexts: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
  readonly ssh: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** Beside and before those, by normalised platform string. */
  readonly platformLabels?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Of each platform its own reference is made: see cache-references.ts. */
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  readonly noCache: boolean;
  readonly pull: boolean;
  readonly network?: string;
  readonly provenance?: string;
  readonly sbom?: string;
  /** `--builder` values before those of the configuration; empty: what is found. */
  readonly builders: readonly BuilderOption[];
  /** False refuses platforms that only emulation could build. */
  readonly emulation: boolean;
  readonly fallback: "none" | "available" | "emulate";
  /** Where results go beside the tags' registries when `push`. */
  readonly outputs: readonly string[];
  readonly push: boolean;
  /** Into the docker or podman that is here. */
  readonly load: boolean;
  /** "push-by-digest" where the registry keeps untagged manifests. */
  readonly temporaryTags: boolean;
  /** Tells this build's temporary tags from those of others; lower-case letters and digits. */
  readonly buildId?: string;
  /**
   * "here" where only this machine knows how the tags' registry is reached (credentials that were handed over, a
   * configured location, certificate or plain HTTP); "nodes" by default.
   */
  readonly pushFrom?: "nodes" | "here";
  readonly verify: "none" | "app" | "full";
  /** Globs of files that may be for any machine. */
  readonly verifyAllow?: readonly string[];
  readonly jobs: number;
  /** Tries per node after transient faults; 2 by default. */
  readonly retries: number;
  /** Milliseconds for one platform on one node; undefined: no limit. */
  readonly timeoutMs?: number;
  /** Milliseconds without a sign of life until the watchdog ends a build; undefined: no limit. */
  readonly silenceMs?: number;
  /** Milliseconds of silence after an emulator's crash; 30 s by default. */
  readonly crashSilenceMs: number;
  readonly sourceDateEpoch?: number;
}

/** `--builder [PLATFORM[,PLATFORM]=]ENDPOINT` or an entry of `[builders]`, not yet understood. */
export interface BuilderOption {
  /** Normalised. */
  readonly platforms?: readonly Platform[];
  readonly endpoint: string;
  readonly origin: "flag" | "config";
}

/**
 * Options over configuration over defaults. Throws USAGE, PLATFORM_INVALID, REFERENCE_INVALID, BUILDER_INVALID,
 * INPUT_UNREADABLE.
 */
export function parseDockerfileRequest(
  options: BuildOptions,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
): DockerfileRequest {
  const merged: BuildOptions = { ...config?.build, ...options };
  const tags = parseTags(merged);
  const perPlatform = platformOptions(options, config);
  const platforms = withOptional(namedPlatforms(merged, environment.arch), perPlatform);
  const { push = false, load = false } = merged;
  const outputs = merged.outputs ?? (push || load ? [] : ["oci:dist/image"]);
  if (platforms.length > 1) checkForSeveral(outputs);
  return {
    ...inputs(options, config, environment),
    platforms,
    tags,
    labels: { ...config?.build.labels, ...options.labels },
    platformLabels: valuesOf(perPlatform, "labels"),
    annotations: { ...config?.build.annotations, ...options.annotations },
    noCache: merged.cache === false,
    pull: merged.pull ?? false,
    ...howToBuild(merged),
    builders: [
      ...(options.builders ?? []).map((text) => parseBuilder(text, "flag")),
      ...(config?.build.builders ?? []).map((text) => parseBuilder(text, "config")),
    ],
    outputs,
    push,
    load,
    temporaryTags: merged.temporaryTags ?? false,
    buildId: randomBytes(5).toString("hex"),
    ...(tags.some(({ registry }) => isOwn(registry, config)) && { pushFrom: "here" as const }),
    ...(config && { verifyAllow: config.verifyAllow }),
    ...time(merged, environment),
  };
}

type Inputs = Pick<
  DockerfileRequest,
  | "context"
  | "dockerfile"
  | "buildArgs"
  | "platformBuildArgs"
  | "namedContexts"
  | "secrets"
  | "ssh"
  | "cacheFrom"
  | "cacheTo"
>;

/** Files, directories and values that go into the build; relative paths of the configuration are of its directory. */
function inputs(
  options: BuildOptions,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
): Inputs {
  const build = config?.build ?? {};
  const here = (path: string): string => resolve(environment.cwd, path);
  const beside = (path: string): string => resolve(config?.directory ?? environment.cwd, path);
  const lists = <T>(
    key: "secrets" | "ssh" | "cacheFrom" | "cacheTo",
    parse: (text: string, absolute: typeof here) => T,
  ) => options[key]?.map((text) => parse(text, here)) ?? build[key]?.map((text) => parse(text, beside)) ?? [];
  const contexts = (from: BuildOptions, absolute: typeof here): [string, string][] =>
    Object.entries(from.namedContexts ?? {}).map(([name, value]) => [
      name,
      parseNamedContext(name, value, absolute),
    ]);
  const perPlatform = [
    byPlatform(build.platformBuildArgs),
    valuesOf(platformOptions(options, config), "buildArgs"),
    byPlatform(options.platformBuildArgs),
  ];
  const names = perPlatform.flatMap((args) => Object.keys(args));
  return {
    ...dockerfileSources(options, config, environment),
    buildArgs: checkBuildArgs({ ...build.buildArgs, ...options.buildArgs }),
    platformBuildArgs: Object.fromEntries(
      names.map((name) => [
        name,
        checkBuildArgs(Object.assign({}, ...perPlatform.map((args) => args[name]))),
      ]),
    ),
    namedContexts: Object.fromEntries([...contexts(build, beside), ...contexts(options, here)]),
    secrets: lists("secrets", (text, absolute) => parseSecret(text, absolute, environment.env)),
    ssh: lists("ssh", parseSsh),
    cacheFrom: lists("cacheFrom", parseCache),
    cacheTo: lists("cacheTo", parseCache),
  };
}

type How = Pick<
  DockerfileRequest,
  | "target"
  | "network"
  | "provenance"
  | "sbom"
  | "emulation"
  | "fallback"
  | "verify"
  | "jobs"
  | "retries"
  | "timeoutMs"
  | "silenceMs"
  | "crashSilenceMs"
>;

function howToBuild(merged: BuildOptions): How {
  const { target, network, provenance, sbom, timeout, silenceLimit, crashSilence } = merged;
  const fallback = oneOf(merged.fallback ?? "none", ["none", "available", "emulate"], "--fallback");
  if (fallback === "emulate" && merged.emulation === false)
    throw new AnyarchError("USAGE", "--fallback emulate and --no-emulation contradict each other.");
  return {
    ...(target !== undefined && { target }),
    ...(network !== undefined && { network: oneOf(network, ["default", "none", "host"], "--network") }),
    ...(provenance !== undefined && { provenance: parseAttestation(provenance, "--provenance") }),
    ...(sbom !== undefined && { sbom: parseAttestation(sbom, "--sbom") }),
    emulation: merged.emulation ?? true,
    fallback,
    verify: oneOf(merged.verify ?? "app", ["none", "app", "full"], "--verify"),
    jobs: wholeFrom(1, merged.jobs ?? 4, "--jobs"),
    retries: wholeFrom(0, merged.retries ?? 2, "--retries"),
    ...(timeout !== undefined && { timeoutMs: milliseconds(timeout) }),
    ...(silenceLimit !== undefined && { silenceMs: milliseconds(silenceLimit) }),
    crashSilenceMs: milliseconds(crashSilence ?? "30s"),
  };
}

function milliseconds(duration: string): number {
  return parseDuration(duration) / 1e6;
}

function namedPlatforms(merged: BuildOptions, arch: string): readonly RequestedPlatform[] {
  const platforms = parsePlatforms(merged.platforms ?? ["local"], arch);
  if (platforms !== "all") return platforms;
  throw new AnyarchError(
    "PLATFORM_INVALID",
    '"all" means nothing for a Dockerfile, which has more than one base.',
    {
      hint: "Name the platforms: --platform linux/amd64,linux/arm64",
    },
  );
}

/** True where the configuration says something of a registry that builders don't know. */
function isOwn(registry: string, config: ConfigFile | undefined): boolean {
  const settings = config?.registries[registry];
  return settings?.location !== undefined || settings?.insecure === true || settings?.ca !== undefined;
}

/** Only a time that was asked for: without one, what BuildKit does is what people know. */
function time(
  merged: BuildOptions,
  environment: RequestEnvironment,
): Pick<DockerfileRequest, "sourceDateEpoch"> {
  const sourceDateEpoch = givenTime(merged, environment);
  return sourceDateEpoch === undefined ? {} : { sourceDateEpoch };
}
