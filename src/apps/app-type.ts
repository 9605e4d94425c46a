import type { Entry } from "../archive/entry.ts";
import type { Context } from "../host/context.ts";
import type { BaseFacts } from "../image/base-facts.ts";
import type { Platform } from "../oci/platform.ts";
import type { WheelBuilder } from "../packages/python/wheel-builder.ts";

/**
 * What knows how one kind of application becomes layers. To add a kind, add a file with an AppType and name it
 * in app-types.ts; nothing else changes.
 */
export interface AppType {
  /** "python"; stable, written into plans. */
  readonly id: string;
  /** Why this directory is such an application ("pyproject.toml"), or undefined where it is not. */
  detect(directory: string): Promise<string | undefined>;
  /** Reads what there is to know without a target. Throws the errors of what it reads. */
  inspect(options: AppOptions, ctx: Context): Promise<Application>;
}

export interface AppOptions {
  /** Absolute path of the application. */
  readonly directory: string;
  /** Absolute paths inside `directory` that never enter the image: the outputs of this very build. */
  readonly exclude: readonly string[];
  readonly includeDeps: boolean;
  /** Absolute path of a requirements or lock file to use instead of those found. */
  readonly requirements?: string;
  readonly extras: readonly string[];
  readonly groups: readonly string[];
  /** In the image, absolute; "/app" by default. */
  readonly workdir: string;
  /** Overrides the entry point found; then its absence is no error. */
  readonly entrypoint?: readonly string[];
  /** What builds Python packages that exist as source only; without it they are unavailable. */
  readonly wheelBuilder?: WheelBuilder;
}

/** An application that was read, ready to be asked for its parts on given targets. */
export interface Application {
  readonly type: string;
  readonly name?: string;
  readonly version?: string;
  /** For people: "uv.lock", "requirements.txt (hashed)". */
  readonly dependencySource: string;
  /** Base images to try when the user names none, best first. */
  readonly defaultBases: readonly DefaultBase[];
  readonly notes: readonly string[];
  /** Throws BASE_UNSUITABLE where a target's base can't run the application. */
  select(targets: readonly AppTarget[], ctx: Context): Promise<AppSelection>;
}

export type DefaultBase =
  | { readonly kind: "debian"; readonly packages: readonly string[] }
  | { readonly kind: "image"; readonly reference: string };

export interface AppTarget {
  readonly platform: Platform;
  readonly facts: BaseFacts;
  /** The base as any machine pulls it, "NAME@DIGEST"; absent where it isn't in a registry. */
  readonly image?: string;
}

/** Where each package comes from on each platform, and the layers that follow from it. */
export interface AppSelection {
  readonly packages: readonly PackageRow[];
  /** Platforms (normalised strings) that can't be built, with the error that says why and the ways on. */
  readonly unavailable: ReadonlyMap<string, Error>;
  readonly run: AppRunConfig;
  /**
   * Builds what has to be built before there are layers; absent where nothing has. Platforms for which that fails are
   * among those that are unavailable in the selection that it returns.
   */
  readonly build?: (platforms: readonly Platform[], ctx: Context) => Promise<AppSelection>;
  /** Fetches what is missing, each file once for all platforms, and names the layers of each, bottom first. */
  layers(platforms: readonly Platform[], ctx: Context): Promise<ReadonlyMap<string, readonly AppLayer[]>>;
}

export interface PackageRow {
  readonly name: string;
  readonly version: string;
  /** By normalised platform string. */
  readonly choices: Readonly<Record<string, PackageChoice>>;
}

export interface PackageChoice {
  readonly kind: "native" | "neutral" | "build" | "source" | "missing" | "excluded";
  readonly file?: string;
  /** Bytes. */
  readonly size?: number;
  /** What makes it so: the tag that matched, the machine that will build it, the marker that is false, the wheels that exist. */
  readonly why?: string;
  /** True for what was compiled for this platform, now or before: what it is linked with has to be in the base. */
  readonly compiled?: true;
}

export interface AppRunConfig {
  readonly entrypoint: readonly string[];
  readonly cmd?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** "8000/tcp". */
  readonly ports: readonly string[];
  /** How the entry point was found: "[project.scripts] demo". */
  readonly why: string;
}

export interface AppLayer {
  /** For people and for history: "python packages", "application". */
  readonly name: string;
  /** True where the bytes don't depend on the platform. */
  readonly neutral: boolean;
  readonly entries: readonly Entry[];
}
