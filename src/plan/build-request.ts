import { isAbsolute, join, posix } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { Reference } from "../oci/reference.ts";
import type { Healthcheck } from "../oci/image-config.ts";
import type { BuildOptions, HealthcheckOptions } from "./build-options.ts";
import { type BuilderRequest, parseBuilderRequest } from "./builder-request.ts";
import type { ConfigFile } from "./config-file.ts";
import { commandWords } from "./command-words.ts";
import { parseDuration } from "./duration.ts";
import { type PlatformOptions, platformOptions, withOptional } from "./platform-options.ts";
import {
  checkDirectory,
  contextDirectory,
  givenTime,
  oneOf,
  parsePlatforms,
  parseTags,
  pathFrom,
  type RequestEnvironment,
  wholeFrom,
} from "./request-parts.ts";

/** A build that was checked: absolute paths, parsed references and platforms, defaults filled in. */
export interface BuildRequest {
  readonly directory: string;
  readonly tags: readonly Reference[];
  /** In the order asked for, without repetition; "all" is what the base offers. */
  readonly platforms: readonly Platform[] | "all";
  /** By normalised string: what goes before what the request says for all. */
  readonly platformOptions: Readonly<Record<string, PlatformOptions>>;
  /** Normalised strings of those that may be missing. */
  readonly optional: ReadonlySet<string>;
  /** Undefined: the application's own default. */
  readonly base: string | undefined;
  readonly includeDeps: boolean;
  readonly requirements: string | undefined;
  readonly extras: readonly string[];
  readonly groups: readonly string[];
  readonly workdir: string;
  readonly entrypoint: readonly string[] | undefined;
  readonly run: RunRequest;
  readonly annotations: Readonly<Record<string, string>>;
  /** Locations to write to, beside the registries of `tags` when `push`. */
  readonly outputs: readonly string[];
  readonly push: boolean;
  readonly fallback: "none" | "available";
  /** RFC 3339; the time of everything in the image. */
  readonly created: string;
  /** Seconds since the epoch; the same instant as `created`. */
  readonly mtime: number;
  readonly jobs: number;
  readonly verify: "app" | "full";
  readonly compression: "gzip" | "zstd";
  readonly cache: boolean;
  readonly updateLock: boolean;
  /** How packages that exist as source only come to be built. */
  readonly nativeBuilds: NativeBuildRequest;
}

/** Which machines build native packages, in which image, with which system packages. */
export interface NativeBuildRequest extends BuilderRequest {
  /** Undefined: the base. */
  readonly image: string | undefined;
  readonly packages: readonly string[];
}

/** What overrides the run configuration of the base and the application. */
export interface RunRequest {
  readonly cmd: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user: string | undefined;
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly stopSignal: string | undefined;
  readonly healthcheck: Healthcheck | undefined;
}

/**
 * Options over configuration over defaults. Throws USAGE, PLATFORM_INVALID, REFERENCE_INVALID, INPUT_UNREADABLE.
 */
export function parseBuildRequest(
  options: BuildOptions,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
): BuildRequest {
  const merged: BuildOptions = { ...config?.build, ...options };
  const push = merged.push ?? false;
  const asked = parsePlatforms(merged.platforms ?? ["local"], environment.arch);
  const perPlatform = platformOptions(options, config);
  const platforms = withOptional(asked === "all" ? [] : asked, perPlatform);
  const { created, mtime } = buildTime(merged, environment);
  return {
    directory: checkDirectory(
      contextDirectory(options, config, environment),
      "application's directory",
      "Give the directory that holds pyproject.toml: anyarch build PATH",
    ),
    tags: parseTags(merged),
    platforms: asked === "all" ? asked : asked.map(({ platform }) => platform),
    platformOptions: perPlatform,
    optional: new Set([
      ...platforms.flatMap(({ platform, optional }) => (optional ? [formatPlatform(platform)] : [])),
      ...Object.keys(perPlatform).filter((name) => perPlatform[name]?.optional === true),
    ]),
    base: merged.baseImage,
    includeDeps: merged.includeDeps ?? true,
    requirements:
      merged.requirements === undefined
        ? undefined
        : pathFrom(merged.requirements, options.requirements, config, environment),
    extras: merged.extras ?? [],
    groups: merged.groups ?? [],
    workdir: absoluteInImage(merged.workdir ?? "/app", "--workdir"),
    entrypoint: merged.entrypoint === undefined ? undefined : commandWords(merged.entrypoint, "--entrypoint"),
    run: runRequest(merged, config, options),
    annotations: { ...config?.build.annotations, ...options.annotations },
    outputs: merged.outputs ?? (push ? [] : ["oci:dist/image"]),
    push,
    fallback: oneOf(merged.fallback ?? "none", ["none", "available"], "--fallback"),
    created,
    mtime,
    jobs: wholeFrom(1, merged.jobs ?? 4, "--jobs"),
    verify: oneOf(merged.verify ?? "app", ["app", "full"], "--verify"),
    compression: oneOf(merged.compression ?? "gzip", ["gzip", "zstd"], "--compression"),
    cache: merged.cache ?? true,
    updateLock: merged.updateLock ?? false,
    nativeBuilds: {
      ...parseBuilderRequest(options, config),
      image: merged.pythonBuildImage,
      packages: (merged.pythonBuildPackages ?? []).map(checkPackage),
    },
  };
}

/** Names go into a command line: with a version, an architecture or a release where wanted. */
function checkPackage(name: string): string {
  if (/^[a-z0-9][\w.+~:=/-]*$/i.test(name)) return name;
  throw new AnyarchError("USAGE", `"${name}" is no system package.`, {
    hint: 'Write names as apt-get or apk take them: [python] build_packages = ["gcc", "libffi-dev"]',
  });
}

function runRequest(merged: BuildOptions, config: ConfigFile | undefined, options: BuildOptions): RunRequest {
  return {
    cmd: merged.cmd === undefined ? undefined : commandWords(merged.cmd, "--cmd"),
    env: { ...config?.build.env, ...options.env },
    labels: { ...config?.build.labels, ...options.labels },
    user: merged.user,
    ports: (merged.ports ?? []).map(parsePort),
    volumes: (merged.volumes ?? []).map((path) => absoluteInImage(path, "--volume")),
    stopSignal: merged.stopSignal,
    healthcheck: merged.healthcheck === undefined ? undefined : parseHealthcheck(merged.healthcheck),
  };
}

/** Without a time that was asked for: 1970, or the time of the build where no reproducible image is wanted. */
function buildTime(
  options: BuildOptions,
  environment: RequestEnvironment,
): { created: string; mtime: number } {
  const now = options.reproducible === false ? Math.floor(environment.now.getTime() / 1000) : 0;
  const seconds = givenTime(options, environment) ?? now;
  return { created: new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z"), mtime: seconds };
}

function parsePort(text: string): string {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text.trim());
  const port = Number(match?.[1]);
  if (match === null || port < 1 || port > 65_535) {
    throw new AnyarchError("USAGE", `"${text}" is not a port.`, { hint: "Write 8000, 8000/tcp or 53/udp." });
  }
  return `${port}/${match[2] ?? "tcp"}`;
}

function parseHealthcheck(options: HealthcheckOptions): Healthcheck {
  const test = typeof options.cmd === "string" ? ["CMD-SHELL", options.cmd] : ["CMD", ...options.cmd];
  return {
    Test: test,
    ...(options.interval !== undefined && { Interval: parseDuration(options.interval) }),
    ...(options.timeout !== undefined && { Timeout: parseDuration(options.timeout) }),
    ...(options.startPeriod !== undefined && { StartPeriod: parseDuration(options.startPeriod) }),
    ...(options.retries !== undefined && { Retries: wholeFrom(1, options.retries, "--healthcheck-retries") }),
  };
}

function absoluteInImage(path: string, flag: string): string {
  if (!isAbsolute(path)) {
    throw new AnyarchError("USAGE", `${flag} ${path} must be an absolute path in the image.`, {
      hint: `Write ${join("/", path)}.`,
    });
  }
  const clean = posix.normalize(path);
  return clean === "/" ? "/" : clean.replace(/\/+$/, "");
}
