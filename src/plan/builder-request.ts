import type { Platform } from "../oci/platform.ts";
import type { BuildOptions } from "./build-options.ts";
import type { ConfigFile } from "./config-file.ts";
import { parseBuilder } from "./dockerfile-values.ts";
import { parseDuration } from "./duration.ts";
import { wholeFrom } from "./request-parts.ts";

/** Which machines may build what has to run, and how their failures are met. */
export interface BuilderRequest {
  /** `--builder` values before those of the configuration; empty: what is found. */
  readonly builders: readonly BuilderOption[];
  /** False refuses platforms that only emulation could build. */
  readonly emulation: boolean;
  readonly jobs: number;
  /** Tries per node after transient faults; 2 by default. */
  readonly retries: number;
  /** Milliseconds for one platform on one node; undefined: no limit. */
  readonly timeoutMs?: number;
  /** Milliseconds without a sign of life until the watchdog ends a build; undefined: no limit. */
  readonly silenceMs?: number;
  /** Milliseconds of silence after an emulator's crash; 30 s by default. */
  readonly crashSilenceMs: number;
}

/** `--builder [PLATFORM[,PLATFORM]=]ENDPOINT` or an entry of `[builders]`, not yet understood. */
export interface BuilderOption {
  /** Normalised. */
  readonly platforms?: readonly Platform[];
  readonly endpoint: string;
  readonly origin: "flag" | "config";
}

/** Options over configuration over defaults. Throws USAGE, PLATFORM_INVALID, BUILDER_INVALID. */
export function parseBuilderRequest(options: BuildOptions, config: ConfigFile | undefined): BuilderRequest {
  const merged: BuildOptions = { ...config?.build, ...options };
  const { timeout, silenceLimit, crashSilence } = merged;
  return {
    builders: [
      ...(options.builders ?? []).map((text) => parseBuilder(text, "flag")),
      ...(config?.build.builders ?? []).map((text) => parseBuilder(text, "config")),
    ],
    emulation: merged.emulation ?? true,
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
