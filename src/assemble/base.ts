import type { DefaultBase } from "../apps/app-type.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { BaseFacts } from "../image/base-facts.ts";
import { emptyImage, type Image } from "../image/image.ts";
import type { Digest } from "../oci/digest.ts";
import type { Platform } from "../oci/platform.ts";
import type { DebianSettings } from "../plan/config-file.ts";
import type { StoreOptions } from "../stores/locations.ts";
import type { LayerBuilder, BuiltLayer } from "./layer-builder.ts";

/** What an image starts from. */
export interface Base {
  /** For people and plans: "python:3.11-slim", "deb:bookworm/python3,ca-certificates", "scratch". */
  readonly location: string;
  /** Of the base's index or manifest, where it is an image. */
  readonly digest?: Digest;
  /** "docker.io/library/python@sha256:…": the same for any machine that pulls it; absent where it isn't in a registry. */
  readonly pullable?: string;
  /** What there is for `--platform all`. */
  readonly platforms: readonly Platform[];
  /**
   * The base on each platform, in order; in place of one that the base can't serve the error that says why.
   * Throws what concerns all: an unreachable registry, a wrong signature, BASE_MISMATCH.
   */
  open(platforms: readonly Platform[], ctx: Context): Promise<readonly (PlatformBase | AnyarchError)[]>;
  /** The repository on `registry` that holds the base's blobs, where it comes from there. */
  mountSource?(registry: string): string | undefined;
  /** Remembers what was resolved (the lock of Debian packages) after a build that succeeded. */
  save?(): Promise<void>;
}

/** A base on one platform: what is known of it now, and the way to the image when it is needed. */
export interface PlatformBase {
  readonly platform: Platform;
  /** Where this platform has a base of its own: as {@link Base.location}. */
  readonly location?: string;
  readonly digest?: Digest;
  readonly facts: BaseFacts;
  image(layers: LayerBuilder, ctx: Context): Promise<BaseImage>;
}

export interface BaseImage {
  readonly image: Image;
  /** Layers that were made here (of Debian packages), in order; empty where they come from elsewhere. */
  readonly built: readonly BuiltLayer[];
}

export interface BaseOptions {
  readonly stores: StoreOptions;
  readonly debian: DebianSettings | undefined;
  /** Where anyarch.lock is read and written: the application's directory. */
  readonly directory: string;
  /** True resolves anew instead of using the versions of anyarch.lock. */
  readonly updateLock: boolean;
  /** RFC 3339. */
  readonly created: string;
}

/** Opens what the user named (a string), or one of the application's defaults. */
export async function openBase(
  wanted: string | DefaultBase,
  options: BaseOptions,
  ctx: Context,
): Promise<Base> {
  if (wanted === "scratch") return scratch;
  const { openDebianBase } = await import("./debian-base.ts");
  if (typeof wanted !== "string" && wanted.kind === "debian") {
    return openDebianBase(await defaultDebian(wanted.packages, options, ctx), options, ctx);
  }
  const location = typeof wanted === "string" ? wanted : wanted.reference;
  if (location.startsWith("deb:")) return openDebianBase(location, options, ctx);
  const { openImageBase } = await import("./image-base.ts");
  return openImageBase(location, options, ctx);
}

/** Why a default base can't serve here, where another may: said to the user; undefined for every other error. */
export function whyNotThisBase(error: unknown): string | undefined {
  if (!(error instanceof AnyarchError)) return undefined;
  if (error.code === "BASE_UNSUITABLE") return `${error.message} Another base is tried.`;
  if (error.code !== "DEBIAN_SOURCE_MISSING") return undefined;
  return "No Debian mirror is configured on this machine: a registry's base image is used instead.";
}

async function defaultDebian(
  packages: readonly string[],
  options: BaseOptions,
  ctx: Context,
): Promise<string> {
  const { defaultSuite } = await import("./debian-base.ts");
  const suite = await defaultSuite(options, ctx);
  return `deb:${suite}/${(options.debian?.packages ?? packages).join(",")}`;
}

const scratch: Base = {
  location: "scratch",
  platforms: [],
  open: (platforms) =>
    Promise.resolve(
      platforms.map((platform) => ({
        platform,
        facts: {},
        image: () => Promise.resolve({ image: emptyImage(platform), built: [] }),
      })),
    ),
};

/** Errors that make one platform impossible and leave the others possible. */
const platformErrors: ReadonlySet<string> = new Set([
  "BASE_PLATFORM_MISSING",
  "DEBIAN_PACKAGE_MISSING",
  "DEBIAN_UNSATISFIABLE",
  "PLATFORM_INVALID",
]);

/** Runs `work`; returns an error that concerns one platform only, and throws any other. */
export async function orPlatformError<T>(work: () => Promise<T>): Promise<T | AnyarchError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AnyarchError && platformErrors.has(error.code)) return error;
    throw error;
  }
}
