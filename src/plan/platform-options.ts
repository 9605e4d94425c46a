import { formatPlatform, parsePlatform } from "../oci/platform.ts";
import type { BuildOptions } from "./build-options.ts";
import type { ConfigFile } from "./config-file.ts";
import type { RequestedPlatform } from "./request-parts.ts";

/** What holds for one platform; it goes before what is said for all. */
export interface PlatformOptions {
  /** Environment of the image, of builds without a Dockerfile. */
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  /** Of Dockerfile builds. */
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** Another base than the others have, of builds without a Dockerfile; values as for `baseImage`. */
  readonly baseImage?: string;
  /** True: the build succeeds without it, as with "linux/arm64?". */
  readonly optional?: boolean;
}

/**
 * By normalised platform: keys of the options and the configuration may be lists ("linux/arm64,linux/arm/v7").
 * Options go before the configuration. Throws PLATFORM_INVALID.
 */
export function platformOptions(
  options: BuildOptions,
  config: ConfigFile | undefined,
): Readonly<Record<string, PlatformOptions>> {
  const merged: Record<string, PlatformOptions> = {};
  for (const given of [config?.build.platformOptions, options.platformOptions]) {
    for (const [names, values] of Object.entries(given ?? {})) {
      for (const name of names.split(",")) {
        const platform = formatPlatform(parsePlatform(name));
        merged[platform] = merge(merged[platform], values);
      }
    }
  }
  return merged;
}

function merge(before: PlatformOptions = {}, values: PlatformOptions): PlatformOptions {
  return {
    ...before,
    ...values,
    ...both("env", before, values),
    ...both("labels", before, values),
    ...both("buildArgs", before, values),
  };
}

function both<K extends "env" | "labels" | "buildArgs">(
  key: K,
  before: PlatformOptions,
  values: PlatformOptions,
): Pick<PlatformOptions, K> | undefined {
  if (before[key] === undefined || values[key] === undefined) return undefined;
  return { [key]: { ...before[key], ...values[key] } } as unknown as Pick<PlatformOptions, K>;
}

/** One value of each platform's options, of those that set it. */
export function valuesOf<K extends keyof PlatformOptions>(
  all: Readonly<Record<string, PlatformOptions>>,
  key: K,
): Record<string, NonNullable<PlatformOptions[K]>> {
  return Object.fromEntries(
    Object.entries(all).flatMap(([platform, { [key]: value }]) =>
      value === undefined ? [] : [[platform, value]],
    ),
  );
}

/** The platforms asked for; those that the options call optional are so. */
export function withOptional(
  platforms: readonly RequestedPlatform[],
  all: Readonly<Record<string, PlatformOptions>>,
): readonly RequestedPlatform[] {
  return platforms.map(({ platform, optional }) => ({
    platform,
    optional: optional || all[formatPlatform(platform)]?.optional === true,
  }));
}
