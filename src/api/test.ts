import { AnyarchError, toAnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { indexPlatforms, selectManifest } from "../image/image-index.ts";
import type { Image } from "../image/image.ts";
import { formatPlatform, matchPlatform, parsePlatform } from "../oci/platform.ts";
import { commandWords } from "../plan/command-words.ts";
import type { CommandSettings, TestSettings } from "../plan/config-file.ts";
import { parseDuration } from "../plan/duration.ts";
import { isIndex, loadImage, loadIndexOrImage } from "../stores/load.ts";
import { openStore } from "../stores/locations.ts";
import { platformMissing } from "../stores/select-platforms.ts";
import type { ReadableStore } from "../stores/store.ts";
import type { CheckResult, CommandCheck, TrialChecks } from "../trial/checks.ts";
import { runChecks } from "../trial/run-checks.ts";
import { type EngineName, openTrial, type OpenTrialOptions } from "../trial/trial.ts";
import { describeExecution } from "./run.ts";
import { type ApiSettings, configFor, storeOptionsFor, withContext } from "./settings.ts";

export interface TestOptions extends TestSettings {
  /** Only these; all of the image by default. */
  readonly platforms?: readonly string[];
  readonly engine?: EngineName | "auto";
  readonly emulator?: string;
  /** "host" shares this machine's network, as runc always does. */
  readonly network?: string;
}

/** What images did on their platforms; plain JSON. */
export interface TestReport {
  readonly schema: "anyarch.test/v1";
  readonly location: string;
  /** All checks of all platforms. */
  readonly ok: boolean;
  readonly platforms: readonly TestedPlatform[];
}

export interface TestedPlatform {
  readonly platform: string;
  readonly digest: string;
  readonly ok: boolean;
  /** Absent where nothing could be run. */
  readonly engine?: EngineName;
  readonly execution?: "native" | "emulated";
  readonly emulator?: string;
  /** Milliseconds in all, unpacking or loading included. */
  readonly durationMs: number;
  readonly checks: readonly CheckResult[];
  /** Why no check was made. */
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string };
}

/**
 * Makes the checks of the options, and those of [test] in the configuration, on all platforms of an image, one after
 * the other. What fails is reported, not thrown. Throws what opening the image throws, PLATFORM_MISSING,
 * CONFIG_INVALID, and CANCELLED.
 */
export function test(
  location: string,
  options: TestOptions = {},
  settings: ApiSettings = {},
): Promise<TestReport> {
  return withContext(settings, async (ctx) => {
    const config = await configFor(settings, ctx.host.cwd, ctx.host.cwd);
    const checks = mergeChecks(config?.test ?? {}, options);
    const stores = await storeOptionsFor([location], settings, ctx);
    await using opened = await openStore(location, stores, ctx);
    const { store, reference } = opened;
    const images = await chooseImages(store, reference, options.platforms, ctx);
    const { engine, emulator } = options;
    const opening = { ...(engine && { engine }), ...(emulator !== undefined && { emulator }) };
    const platforms: TestedPlatform[] = [];
    for (const image of images) platforms.push(await testPlatform({ image, store }, checks, opening, ctx));
    return { schema: "anyarch.test/v1", location, ok: platforms.every(({ ok }) => ok), platforms };
  });
}

async function testPlatform(
  source: { readonly image: Image; readonly store: ReadableStore },
  checks: TrialChecks,
  opening: OpenTrialOptions,
  ctx: Context,
): Promise<TestedPlatform> {
  const started = performance.now();
  const { digest, platform } = source.image.descriptor;
  const named = { platform: formatPlatform(platform), digest };
  const duration = () => ({ durationMs: Math.round(performance.now() - started) });
  try {
    await using trial = await openTrial(source, opening, ctx);
    const results = await runChecks(source, trial, checks, ctx);
    return {
      ...named,
      ok: results.every(({ status }) => status === "ok"),
      engine: trial.engine,
      ...describeExecution(trial.execution),
      ...duration(),
      checks: results,
    };
  } catch (error) {
    ctx.signal.throwIfAborted();
    const { code, message, hint } = toAnyarchError(error);
    if (code === "TRIAL_ENGINE_MISSING" || code === "INTERNAL" || code === "USAGE") throw error;
    return {
      ...named,
      ok: false,
      ...duration(),
      checks: [],
      error: { code, message, ...(hint !== undefined && { hint }) },
    };
  }
}

/** The images of the platforms asked for, each once; all of an index by default. */
export async function chooseImages(
  store: ReadableStore,
  reference: string,
  asked: readonly string[] | undefined,
  ctx: Context,
): Promise<readonly Image[]> {
  const loaded = await loadIndexOrImage(store, reference, ctx);
  const texts = (asked ?? ["all"]).flatMap((list) => list.split(",")).filter((text) => text !== "");
  const all = texts.length === 0 || texts.includes("all");
  if (!isIndex(loaded)) {
    for (const wanted of all ? [] : texts.map(parsePlatform)) {
      if (matchPlatform(wanted, [loaded.descriptor]) !== undefined) continue;
      throw platformMissing(wanted, [loaded.descriptor.platform], store.name);
    }
    return [loaded];
  }
  const has = indexPlatforms(loaded);
  const members = (all ? has : texts.map(parsePlatform)).map((wanted) => {
    const member = selectManifest(loaded, wanted);
    if (member === undefined) throw platformMissing(wanted, has, store.name);
    return member.descriptor;
  });
  const images: Image[] = [];
  for (const descriptor of new Set(members)) images.push(await loadImage(store, descriptor, ctx));
  return images;
}

/** Flags add to the configuration's lists, and replace its single values. */
function mergeChecks(config: TestSettings, options: TestOptions): TrialChecks {
  const { readyTimeout = config.readyTimeout, timeout = config.timeout } = options;
  const expectArch = options.expectArch ?? config.expectArch;
  const env = { ...config.env, ...options.env };
  const files = [...(config.files ?? []), ...(options.files ?? [])];
  const relative = files.find((path) => !path.startsWith("/"));
  if (relative !== undefined) {
    throw new AnyarchError("USAGE", `The file "${relative}" isn't an absolute path of the image.`);
  }
  const ports = [...(config.ports ?? []), ...(options.ports ?? [])];
  const http = [...(config.http ?? []), ...(options.http ?? [])];
  const wrong = [...ports, ...http.map(({ port }) => port)].find((port) => !isPort(port));
  if (wrong !== undefined)
    throw new AnyarchError("USAGE", `${wrong} is no port: ports are whole numbers from 1 to 65535.`);
  return {
    commands: [...(config.commands ?? []), ...(options.commands ?? [])].map(commandCheck),
    files,
    ports,
    http,
    ...(expectArch !== undefined && { expectArch }),
    ...(readyTimeout !== undefined && { readyTimeoutMs: milliseconds(readyTimeout) }),
    ...(timeout !== undefined && { timeoutMs: milliseconds(timeout) }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(options.network !== undefined && { network: options.network }),
  };
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function milliseconds(duration: string): number {
  return parseDuration(duration) / 1e6;
}

function commandCheck(given: string | readonly string[] | CommandSettings): CommandCheck {
  const settings = isSettings(given) ? given : { run: given };
  const { run, name, exit, stdout } = settings;
  const words = commandWords(run, "test command");
  return {
    name: name ?? (typeof run === "string" ? run : run.join(" ")),
    run,
    words,
    ...(exit !== undefined && { exit }),
    ...(stdout !== undefined && { stdout }),
  };
}

function isSettings(given: string | readonly string[] | CommandSettings): given is CommandSettings {
  return typeof given === "object" && "run" in given;
}
