import type { Context } from "../host/context.ts";
import type { Image } from "../image/image.ts";
import type { Platform } from "../oci/platform.ts";
import type { ReadableStore } from "../stores/store.ts";
import type { Execution } from "./execution.ts";
import type { ProcessEnd, ProcessOptions } from "./trial-process.ts";

export type EngineName = "docker" | "podman" | "runc";
export const engineNames: readonly EngineName[] = ["docker", "podman", "runc"];

/** An image of one platform, ready to run commands in; all that was made for it goes when it is disposed of. */
export interface Trial extends AsyncDisposable {
  readonly engine: EngineName;
  readonly platform: Platform;
  readonly execution: Execution;
  /**
   * Runs a process in a container of its own, to its end. With runc the containers of a trial share one root
   * filesystem, one after the other. Throws TRIAL_FAILED, TRIAL_COMMAND_MISSING, TRIAL_NOT_EXECUTABLE, TRIAL_NO_COMMAND,
   * TRIAL_USER_UNKNOWN, EMULATION_MISSING, and CANCELLED after the container's end.
   */
  run(options: ProcessOptions): Promise<ProcessEnd>;
  /** Where a port of a container that publishes it is reached from here; undefined where it isn't yet. */
  addressOf(port: number): Promise<{ readonly host: string; readonly port: number } | undefined>;
}

export interface OpenTrialOptions {
  /** "auto" takes the first of docker, podman and runc that works. */
  readonly engine?: EngineName | "auto";
  /** A statically linked emulator for the platform's programs: with runc only. */
  readonly emulator?: string;
}

/** An image of one platform, and where its blobs are. */
export interface TrialSource {
  readonly image: Image;
  readonly store: ReadableStore;
}

/** Opens a trial of an image. Throws TRIAL_ENGINE_MISSING, EMULATION_MISSING, and what reading the image throws. */
export async function openTrial(
  source: TrialSource,
  options: OpenTrialOptions,
  ctx: Context,
): Promise<Trial> {
  const { chooseEngine } = await import("./choose-engine.ts");
  const engine = await chooseEngine(options, ctx);
  if (engine.name === "runc") {
    const { openRuncTrial } = await import("./runc-engine.ts");
    return openRuncTrial(source.image, options.emulator, ctx);
  }
  const { openDaemonTrial } = await import("./daemon-engine.ts");
  return openDaemonTrial(source, engine, ctx);
}
