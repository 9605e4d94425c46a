import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Reference } from "../oci/reference.ts";
import type { BuildOptions } from "./build-options.ts";
import { type BuilderRequest, parseBuilderRequest } from "./builder-request.ts";
import type { ConfigFile } from "./config-file.ts";
import {
  byPlatform,
  checkBuildArgs,
  parseAttestation,
  parseCache,
  parseNamedContext,
  parseSecret,
  parseSsh,
} from "./dockerfile-values.ts";
import { dockerfileSources } from "./dockerfile-sources.ts";
import { platformOptions, valuesOf, withOptional } from "./platform-options.ts";
import {
  checkForSeveral,
  givenTime,
  oneOf,
  parsePlatforms,
  parseTags,
  type RequestedPlatform,
  type RequestEnvironment,
} from "./request-parts.ts";

export type { RequestedPlatform } from "./request-parts.ts";

/** A Dockerfile build that was checked: absolute paths, parsed references and platforms, defaults filled in. */
export interface DockerfileRequest extends BuilderRequest {
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
  readonly sourceDateEpoch?: number;
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
    ...parseBuilderRequest(options, config),
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

type How = Pick<DockerfileRequest, "target" | "network" | "provenance" | "sbom" | "fallback" | "verify">;

function howToBuild(merged: BuildOptions): How {
  const { target, network, provenance, sbom } = merged;
  const fallback = oneOf(merged.fallback ?? "none", ["none", "available", "emulate"], "--fallback");
  if (fallback === "emulate" && merged.emulation === false)
    throw new AnyarchError("USAGE", "--fallback emulate and --no-emulation contradict each other.");
  return {
    ...(target !== undefined && { target }),
    ...(network !== undefined && { network: oneOf(network, ["default", "none", "host"], "--network") }),
    ...(provenance !== undefined && { provenance: parseAttestation(provenance, "--provenance") }),
    ...(sbom !== undefined && { sbom: parseAttestation(sbom, "--sbom") }),
    fallback,
    verify: oneOf(merged.verify ?? "app", ["none", "app", "full"], "--verify"),
  };
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
