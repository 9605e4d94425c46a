import { existsSync, statSync } from "node:fs";
import { isAbsolute, join, posix, resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import { formatPlatform, localPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import { parseReference, type Reference, withDefaultTag } from "../oci/reference.ts";
import type { Healthcheck } from "../oci/image-config.ts";
import type { BuildOptions, HealthcheckOptions } from "./build-options.ts";
import type { ConfigFile } from "./config-file.ts";
import { commandWords } from "./command-words.ts";
import { parseDuration } from "./duration.ts";

/** A build that was checked: absolute paths, parsed references and platforms, defaults filled in. */
export interface BuildRequest {
  readonly directory: string;
  readonly tags: readonly Reference[];
  /** In the order asked for, without repetition; "all" is what the base offers. */
  readonly platforms: readonly Platform[] | "all";
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

/** What the request depends on beside options and configuration. */
export interface RequestEnvironment {
  readonly cwd: string;
  /** As process.arch. */
  readonly arch: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
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
  const from = (path: string, given: unknown): string =>
    resolve(given === undefined && config !== undefined ? config.directory : environment.cwd, path);
  const directory = applicationDirectory(
    from(merged.context ?? ".", options.context ?? (merged.context === undefined ? "." : undefined)),
  );
  const tags = (merged.tags ?? []).map((tag) => withRegistry(tag, merged.registry));
  const push = merged.push ?? false;
  if (push && tags.length === 0) {
    throw new AnyarchError("USAGE", "There is nothing to push to: no tag was given.", {
      hint: "Name the image: --tag registry.example/team/app:1.0 --push",
    });
  }
  const { created, mtime } = buildTime(merged, environment);
  return {
    directory,
    tags,
    platforms: parsePlatforms(merged.platforms ?? ["local"], environment.arch),
    base: merged.baseImage,
    includeDeps: merged.includeDeps ?? true,
    requirements:
      merged.requirements === undefined ? undefined : from(merged.requirements, options.requirements),
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
    jobs: positive(merged.jobs ?? 4, "--jobs"),
    verify: oneOf(merged.verify ?? "app", ["app", "full"], "--verify"),
    compression: oneOf(merged.compression ?? "gzip", ["gzip", "zstd"], "--compression"),
    cache: merged.cache ?? true,
    updateLock: merged.updateLock ?? false,
  };
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

function applicationDirectory(path: string): string {
  if (!existsSync(path)) {
    throw new AnyarchError("INPUT_UNREADABLE", `The application's directory ${path} doesn't exist.`, {
      hint: "Give the directory that holds pyproject.toml: anyarch build PATH",
    });
  }
  if (!statSync(path).isDirectory()) {
    throw new AnyarchError("INPUT_UNREADABLE", `${path} is not a directory.`, {
      hint: "Give the directory of the application, not a file in it.",
    });
  }
  return path;
}

/** Parses --platform values: lists, "local", "all". Throws PLATFORM_INVALID; repetitions are dropped. */
export function parsePlatforms(values: readonly string[], arch: string): readonly Platform[] | "all" {
  const platforms = new Map<string, Platform>();
  for (const text of values.flatMap((value) => value.split(","))) {
    const word = text.trim();
    if (word === "all") {
      if (values.join(",").trim() !== "all") {
        throw new AnyarchError(
          "PLATFORM_INVALID",
          '"all" stands for every platform of the base and can\'t be combined.',
          {
            hint: "Give --platform all alone, or a list.",
          },
        );
      }
      return "all";
    }
    if (word === "" && values.some((value) => value.includes(","))) {
      throw new AnyarchError("PLATFORM_INVALID", `The list "${values.join(" ")}" has an empty platform.`);
    }
    const platform = word === "local" ? localPlatform(arch) : parsePlatform(word);
    platforms.set(formatPlatform(platform), platform);
  }
  return [...platforms.values()];
}

/**
 * Puts a tag without a registry below `prefix`: "myapp:1" becomes "ghcr.io/org/myapp:1" with the prefix
 * "ghcr.io/org/myapp" as well as with "ghcr.io/org".
 */
export function withRegistry(tag: string, prefix: string | undefined): Reference {
  const reference = withDefaultTag(parseReference(tag));
  const first = tag.split("/")[0] ?? "";
  const explicit = tag.includes("/") && (/[.:]/.test(first) || first === "localhost");
  if (prefix === undefined || explicit) return reference;
  const base = prefix.replace(/^https?:\/\//, "").replace(/\/+$/, "");
  const name = tag.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  const repository = base.endsWith(`/${name}`) ? base : `${base}/${name}`;
  const { tag: version, digest } = reference;
  return { ...parseReference(repository), ...(version && { tag: version }), ...(digest && { digest }) };
}

function buildTime(
  options: BuildOptions,
  environment: RequestEnvironment,
): { created: string; mtime: number } {
  const given = options.sourceDateEpoch ?? epochFrom(environment.env["SOURCE_DATE_EPOCH"]);
  const seconds =
    given ?? (options.reproducible === false ? Math.floor(environment.now.getTime() / 1000) : 0);
  if (!Number.isSafeInteger(seconds) || seconds < 0 || seconds > 253_402_300_799) {
    throw new AnyarchError(
      "USAGE",
      `${seconds} is not a time: SOURCE_DATE_EPOCH is a count of seconds since 1970.`,
    );
  }
  return { created: new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z"), mtime: seconds };
}

function epochFrom(text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  return /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
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
    ...(options.retries !== undefined && { Retries: positive(options.retries, "--healthcheck-retries") }),
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

function oneOf<const T extends string>(value: string, choices: readonly T[], flag: string): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined)
    throw new AnyarchError("USAGE", `${flag} is "${value}", not one of ${choices.join(", ")}.`);
  return found;
}

function positive(value: number, flag: string): number {
  if (!Number.isSafeInteger(value) || value < 1)
    throw new AnyarchError("USAGE", `${flag} must be a whole number from 1 up.`);
  return value;
}
