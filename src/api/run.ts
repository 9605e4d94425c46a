import { resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { indexPlatforms } from "../image/image-index.ts";
import type { Image } from "../image/image.ts";
import { formatPlatform, matchPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import { isIndex, loadImage, loadIndexOrImage } from "../stores/load.ts";
import { openStore } from "../stores/locations.ts";
import { platformMissing } from "../stores/select-platforms.ts";
import type { ReadableStore } from "../stores/store.ts";
import { type Execution, hostPlatform } from "../trial/execution.ts";
import { type EngineName, openTrial, type Trial } from "../trial/trial.ts";
import { parsePort, parseVolume, type ProcessOptions } from "../trial/trial-process.ts";
import { type ApiSettings, storeOptionsFor, withContext } from "./settings.ts";

export interface RunOptions extends Omit<ProcessOptions, "volumes" | "ports" | "stop"> {
  /** Which of an index is run: this machine's own by default, else the only one there is. */
  readonly platform?: string;
  /** The first of docker, podman and runc that works, by default. */
  readonly engine?: EngineName | "auto";
  /** A statically linked emulator for the platform's programs, with runc. */
  readonly emulator?: string;
  /** "SOURCE:/TARGET[:ro]". */
  readonly volumes?: readonly string[];
  /** "[[ADDRESS:]HOST:]CONTAINER[/udp]". */
  readonly ports?: readonly string[];
}

/** How a container ended; plain JSON. */
export interface RunResult {
  readonly schema: "anyarch.run/v1";
  readonly location: string;
  readonly platform: string;
  readonly digest: string;
  readonly engine: EngineName;
  readonly execution: "native" | "emulated";
  /** What runs the platform's programs; absent for "native". */
  readonly emulator?: string;
  /** The command's own; 128 + signal number where a signal ended it, 124 past the time limit. */
  readonly exitCode: number;
  readonly durationMs: number;
  /** "" where the output was inherited. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs an image's command, or another one, in a container, and removes all that was made for it. A platform that isn't
 * this machine's own is emulated, which a warning says. Throws PLATFORM_MISSING, EMULATION_MISSING,
 * TRIAL_ENGINE_MISSING, TRIAL_COMMAND_MISSING, TRIAL_NOT_EXECUTABLE, TRIAL_FAILED, and what reading the image throws.
 */
export function run(
  location: string,
  options: RunOptions = {},
  settings: ApiSettings = {},
): Promise<RunResult> {
  return withContext(settings, async (ctx) => {
    const { platform, engine, emulator, volumes = [], ports = [], ...process } = options;
    const inDirectory = (path: string): string => resolve(ctx.host.cwd, path);
    const parsed = {
      volumes: volumes.map((text) => parseVolume(text, inDirectory)),
      ports: ports.map(parsePort),
    };
    const stores = await storeOptionsFor([location], settings, ctx);
    await using opened = await openStore(location, stores, ctx);
    const { store, reference } = opened;
    const image = await chooseImage(store, reference, platform, ctx);
    await using trial = await openTrial(
      { image, store },
      { ...(engine && { engine }), ...(emulator !== undefined && { emulator }) },
      ctx,
    );
    warnOfEmulation(trial, ctx);
    const end = await trial.run({ ...process, ...parsed });
    return {
      schema: "anyarch.run/v1",
      location,
      platform: formatPlatform(trial.platform),
      digest: image.descriptor.digest,
      engine: trial.engine,
      ...describeExecution(trial.execution),
      exitCode: end.code,
      durationMs: Math.round(end.durationMs),
      stdout: end.stdout,
      stderr: end.stderr,
    };
  });
}

export function describeExecution(
  execution: Execution,
): { readonly execution: "native" } | { readonly execution: "emulated"; readonly emulator: string } {
  return execution.mode === "native"
    ? { execution: "native" }
    : { execution: "emulated", emulator: execution.by };
}

/** The image of the platform asked for, of this machine's, or the only one. Throws PLATFORM_MISSING. */
async function chooseImage(
  store: ReadableStore,
  reference: string,
  asked: string | undefined,
  ctx: Context,
): Promise<Image> {
  const loaded = await loadIndexOrImage(store, reference, ctx);
  const host = hostPlatform(ctx);
  const wanted = asked === undefined ? host : parsePlatform(asked);
  if (!isIndex(loaded)) {
    if (asked !== undefined && matchPlatform(wanted, [loaded.descriptor]) === undefined) {
      throw platformMissing(wanted, [loaded.descriptor.platform], store.name);
    }
    return loaded;
  }
  const platforms = indexPlatforms(loaded);
  const members = loaded.manifests.map(({ descriptor }) => descriptor);
  const found = matchPlatform(wanted, members);
  if (found !== undefined) {
    if (asked !== undefined) adviseNative(wanted, host, platforms, ctx);
    return loadImage(store, found, ctx);
  }
  const [only, ...others] = members.filter(
    ({ platform }) =>
      platform !== undefined && platforms.some((one) => formatPlatform(one) === formatPlatform(platform)),
  );
  if (asked === undefined && only !== undefined && others.length === 0) return loadImage(store, only, ctx);
  const missing = platformMissing(wanted, platforms, store.name);
  throw new AnyarchError(missing.code, missing.message, {
    hint: asked === undefined ? "Choose one of them with --platform: it is emulated." : undefined,
    details: missing.details,
  });
}

/** Who forces a foreign platform where the image has this machine's own may not know it. */
function adviseNative(wanted: Platform, host: Platform, platforms: readonly Platform[], ctx: Context): void {
  const native = matchPlatform(
    host,
    platforms.map((platform) => ({ platform })),
  )?.platform;
  if (native === undefined || wanted.architecture === host.architecture) return;
  const message = `The image has this machine's own platform, too: --platform ${formatPlatform(native)} runs without emulation.`;
  ctx.emit({ type: "log", level: "info", message, platform: formatPlatform(wanted) });
}

/** "Image runs slowly": says the image's label and the machine's platform where they differ. */
function warnOfEmulation({ platform, execution }: Trial, ctx: Context): void {
  if (execution.mode === "native") return;
  const image = formatPlatform(platform);
  const host = formatPlatform(hostPlatform(ctx));
  const message = `The image is ${image}, this machine is ${host}: it runs emulated by ${execution.by}, several times slower than native.`;
  ctx.emit({ type: "log", level: "warning", message, platform: image });
}
