import type { Platform } from "../oci/platform.ts";
import type { Reference } from "../oci/reference.ts";

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

export interface RequestedPlatform {
  readonly platform: Platform;
  /** `linux/arm64?`: the build succeeds without it, with exit code 3. */
  readonly optional: boolean;
}

/** `--builder [PLATFORM[,PLATFORM]=]ENDPOINT` or an entry of `[builders]`, not yet understood. */
export interface BuilderOption {
  /** Normalised. */
  readonly platforms?: readonly Platform[];
  readonly endpoint: string;
  readonly origin: "flag" | "config";
}
