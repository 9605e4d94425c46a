import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import { formatPlatform, localPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import { parseReference, type Reference, withDefaultTag } from "../oci/reference.ts";
import type { BuildOptions } from "./build-options.ts";
import type { ConfigFile } from "./config-file.ts";

/** What a request depends on beside options and configuration. */
export interface RequestEnvironment {
  readonly cwd: string;
  /** As process.arch. */
  readonly arch: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
}

/** A platform that was asked for, and whether the build may succeed without it. */
export interface RequestedPlatform {
  readonly platform: Platform;
  /** `linux/arm64?`: the build succeeds without it, with exit code 3. */
  readonly optional: boolean;
}

/** An absolute path: of the configuration's directory where the value comes from it, else of the working directory. */
export function pathFrom(
  path: string,
  given: unknown,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
): string {
  return resolve(given === undefined && config !== undefined ? config.directory : environment.cwd, path);
}

/** The directory to build, absolute: of the options, else of the configuration, else the current one. */
export function contextDirectory(
  options: BuildOptions,
  config: ConfigFile | undefined,
  environment: RequestEnvironment,
): string {
  if (options.context !== undefined) return resolve(environment.cwd, options.context);
  const fromConfig = config?.build.context;
  if (config === undefined || fromConfig === undefined) return environment.cwd;
  return resolve(config.directory, fromConfig);
}

/** Throws INPUT_UNREADABLE, calling it `what` ("application's directory"). */
export function checkDirectory(path: string, what: string, hint: string): string {
  if (!existsSync(path))
    throw new AnyarchError("INPUT_UNREADABLE", `The ${what} ${path} doesn't exist.`, { hint });
  if (!statSync(path).isDirectory()) {
    throw new AnyarchError("INPUT_UNREADABLE", `${path} is not a directory.`, {
      hint: /(?:Docker|Container)file[^/]*$/i.test(path)
        ? `Name a Dockerfile with --file: anyarch build --file ${path} DIRECTORY`
        : `Give the ${what}, not a file in it.`,
    });
  }
  return path;
}

/**
 * Parses --platform values: lists, "local", "all", "linux/arm64?" for one that may be missing. A platform that is
 * also asked for without the question mark is required. Throws PLATFORM_INVALID; repetitions are dropped.
 */
export function parsePlatforms(
  values: readonly string[],
  arch: string,
): readonly RequestedPlatform[] | "all" {
  const platforms = new Map<string, RequestedPlatform>();
  for (const text of values.flatMap((value) => value.split(","))) {
    const word = text.trim();
    if (word === "all") {
      if (values.join(",").trim() === "all") return "all";
      const what = '"all" stands for every platform of the base and can\'t be combined.';
      throw new AnyarchError("PLATFORM_INVALID", what, { hint: "Give --platform all alone, or a list." });
    }
    if (word === "" && values.some((value) => value.includes(","))) {
      throw new AnyarchError("PLATFORM_INVALID", `The list "${values.join(" ")}" has an empty platform.`);
    }
    const name = word.replace(/\?$/, "");
    const platform = name === "local" ? localPlatform(arch) : parsePlatform(name);
    const key = formatPlatform(platform);
    const optional = name !== word && platforms.get(key)?.optional !== false;
    platforms.set(key, { platform, optional });
  }
  return [...platforms.values()];
}

/** Tags as references. Throws REFERENCE_INVALID, and USAGE where there is nothing to push to. */
export function parseTags(merged: BuildOptions): readonly Reference[] {
  const tags = (merged.tags ?? []).map((tag) => withRegistry(tag, merged.registry));
  if (merged.push !== true || tags.length > 0) return tags;
  throw new AnyarchError("USAGE", "There is nothing to push to: no tag was given.", {
    hint: "Name the image: --tag registry.example/team/app:1.0 --push",
  });
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

/**
 * Seconds since the epoch that were asked for, by option or $SOURCE_DATE_EPOCH; undefined where neither was. Throws
 * USAGE for what is no time.
 */
export function givenTime(options: BuildOptions, environment: RequestEnvironment): number | undefined {
  const text = environment.env["SOURCE_DATE_EPOCH"]?.trim() ?? "";
  const fromEnvironment = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  const seconds = options.sourceDateEpoch ?? (text === "" ? undefined : fromEnvironment);
  if (seconds === undefined) return undefined;
  if (Number.isSafeInteger(seconds) && seconds >= 0 && seconds <= 253_402_300_799) return seconds;
  throw new AnyarchError(
    "USAGE",
    `${seconds} is not a time: SOURCE_DATE_EPOCH is a count of seconds since 1970.`,
  );
}

/** Throws USAGE, naming the flag and the choices. */
export function oneOf<const T extends string>(value: string, choices: readonly T[], flag: string): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined)
    throw new AnyarchError("USAGE", `${flag} is "${value}", not one of ${choices.join(", ")}.`);
  return found;
}

/** Throws USAGE, naming the flag. */
export function wholeFrom(least: number, value: number, flag: string): number {
  if (!Number.isSafeInteger(value) || value < least)
    throw new AnyarchError("USAGE", `${flag} must be a whole number from ${least} up.`);
  return value;
}

/** Docker's archives hold one platform: better said now than when all is built. Throws STORE_UNSUPPORTED. */
export function checkForSeveral(outputs: readonly string[]): void {
  const single = outputs.find((location) => location.startsWith("docker-archive:"));
  if (single === undefined) return;
  throw new AnyarchError("STORE_UNSUPPORTED", `${single} can hold an image of one platform only.`, {
    hint: "Choose one with --platform, or write oci-archive:FILE, which holds them all.",
  });
}
