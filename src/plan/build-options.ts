import type { DockerfileOptions } from "./dockerfile-options.ts";
import type { PlatformOptions } from "./platform-options.ts";

/**
 * What a user may ask of a build, as the command line, the configuration file and the API give it: every field
 * optional, values as people write them. parseBuildRequest turns it into a checked BuildRequest, or
 * parseDockerfileRequest into a DockerfileRequest.
 */
export interface BuildOptions extends DockerfileOptions {
  /** "auto" (default): buildkit where there is a Dockerfile, else assemble. */
  readonly engine?: string;
  /** Directory of the application; the current directory by default. */
  readonly context?: string;
  /** "name:tag" references; the first names the result. */
  readonly tags?: readonly string[];
  /**
   * "os/arch[/variant]", comma-separated lists allowed, "all" (those of the base), "local" (default). "linux/arm64?"
   * is optional: the build succeeds without it.
   */
  readonly platforms?: readonly string[];
  /** What holds for one platform only ("linux/arm64", "linux/amd64/v3"), before what is said for all. */
  readonly platformOptions?: Readonly<Record<string, PlatformOptions>>;
  /** "python:3.11-slim", "deb:bookworm/python3", "scratch", "oci:DIR[:TAG]", "oci-archive:FILE", "docker-archive:FILE". */
  readonly baseImage?: string;
  /** Whether dependencies are installed; true by default. */
  readonly includeDeps?: boolean;
  /** Requirements or lock file to use instead of the one found. */
  readonly requirements?: string;
  readonly extras?: readonly string[];
  readonly groups?: readonly string[];
  /** Whether the image is pushed to the registries of its tags; false by default. */
  readonly push?: boolean;
  /** "oci:DIR", "oci-archive:FILE", "docker-archive:FILE", "docker://REF"; "oci:dist/image" unless pushed. */
  readonly outputs?: readonly string[];
  /** Prefix for tags without a registry: "ghcr.io/myorg/myapp". */
  readonly registry?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly entrypoint?: string | readonly string[];
  readonly cmd?: string | readonly string[];
  readonly user?: string;
  /** Absolute path in the image; "/app" by default. */
  readonly workdir?: string;
  /** "8000", "8000/tcp", "53/udp". */
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly stopSignal?: string;
  readonly healthcheck?: HealthcheckOptions;
  /**
   * "none" (default): all platforms or nothing. "available": those that can be built; exit code 3. "emulate", of a
   * Dockerfile: emulated where the native builder fails, else nothing.
   */
  readonly fallback?: string;
  /** Seconds since the epoch for every time in the image; $SOURCE_DATE_EPOCH, else 0. */
  readonly sourceDateEpoch?: number;
  /** False puts the time of the build into the image, so that no two builds are equal. */
  readonly reproducible?: boolean;
  /** How many downloads, layers and uploads at once; 4 by default. */
  readonly jobs?: number;
  /** "app" (default): the layers made here are proved; "full": the base too; "none", of a Dockerfile: nothing is. */
  readonly verify?: string;
  /** "gzip" (default) or "zstd". */
  readonly compression?: string;
  /** False forgets remembered layers; downloads stay cached. */
  readonly cache?: boolean;
  /**
   * "python:3.11-bookworm": the image with pip in which BuildKit builds packages that exist as source only; the base
   * by default, where that is in a registry.
   */
  readonly pythonBuildImage?: string;
  /** System packages that are installed there first, by apt-get or apk: "gcc", "libffi-dev". */
  readonly pythonBuildPackages?: readonly string[];
  /** True resolves a Debian base anew instead of using the versions that anyarch.lock pins. */
  readonly updateLock?: boolean;
}

export interface HealthcheckOptions {
  /** A shell command, or the arguments to execute. */
  readonly cmd: string | readonly string[];
  /** "30s", "1m30s". */
  readonly interval?: string;
  readonly timeout?: string;
  readonly startPeriod?: string;
  readonly retries?: number;
}
