import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { AnyarchError } from "../errors/error.ts";
import { runTask } from "../events/task.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform } from "../oci/platform.ts";
import { openStore } from "../stores/locations.ts";
import { type Ratio, ratioOf, type Spread, spreadOf } from "../trial/spread.ts";
import { type EngineName, openTrial, type Trial } from "../trial/trial.ts";
import { describeExecution } from "./run.ts";
import { type ApiSettings, storeOptionsFor, withContext } from "./settings.ts";
import { chooseImages } from "./test.ts";

export interface BenchOptions {
  /** Only these; all of the image, or the two commonest for a directory, by default. */
  readonly platforms?: readonly string[];
  /** In place of the image's own; it has to end by itself. */
  readonly command?: readonly string[];
  /** Measured runs per platform; 5 by default, 1 for builds. One more goes before and isn't counted. */
  readonly runs?: number;
  readonly engine?: EngineName | "auto";
  readonly emulator?: string;
}

/** How long platforms take; plain JSON. */
export interface BenchReport {
  readonly schema: "anyarch.bench/v1";
  readonly location: string;
  /** What was measured: a command's run, its container's start included, or a build without a cache. */
  readonly measured: "run" | "build";
  readonly platforms: readonly BenchedPlatform[];
}

export interface BenchedPlatform {
  readonly platform: string;
  /** "native", "emulated"; of builds also "cross" and "assembled". */
  readonly execution: string;
  readonly times: Spread;
  /** Against the first native platform; absent for itself, and where there is none. */
  readonly slower?: Ratio;
}

/**
 * Measures a command of an image on each of its platforms, or the build of a directory with a Dockerfile. Platforms
 * take turns, so that a change of the machine's load is nobody's own. Throws COMMAND_FAILED where a command fails, and
 * what run() or build() throws.
 */
export function bench(
  location: string,
  options: BenchOptions = {},
  settings: ApiSettings = {},
): Promise<BenchReport> {
  const { runs = 5 } = options;
  if (!Number.isInteger(runs) || runs < 1)
    throw new AnyarchError("USAGE", "--runs is a whole number from 1 up.");
  return withContext(settings, async (ctx) => {
    const directory = resolve(ctx.host.cwd, location);
    const isSource =
      existsSync(directory) &&
      statSync(directory).isDirectory() &&
      !existsSync(join(directory, "index.json"));
    return isSource
      ? benchBuild(directory, options, settings, ctx)
      : benchRun(location, options, settings, ctx);
  });
}

async function benchRun(
  location: string,
  { platforms, command, runs = 5, engine, emulator }: BenchOptions,
  settings: ApiSettings,
  ctx: Context,
): Promise<BenchReport> {
  const stores = await storeOptionsFor([location], settings, ctx);
  await using opened = await openStore(location, stores, ctx);
  const { store, reference } = opened;
  const images = await chooseImages(store, reference, platforms, ctx);
  const opening = { ...(engine && { engine }), ...(emulator !== undefined && { emulator }) };
  const measured: { readonly trial: Trial; readonly times: number[] }[] = [];
  try {
    for (const image of images) {
      measured.push({ trial: await openTrial({ image, store }, opening, ctx), times: [] });
    }
    await runTask(ctx.emit, `run ${runs + 1} times`, {}, async () => {
      for (let round = 0; round <= runs; round++) {
        for (const { trial, times } of measured) {
          const time = await timeOf(trial, command);
          if (round > 0) times.push(time);
        }
      }
    });
  } finally {
    for (const { trial } of measured) await trial[Symbol.asyncDispose]();
  }
  const rows = measured.map(({ trial, times }) => ({
    platform: formatPlatform(trial.platform),
    execution: describeExecution(trial.execution).execution,
    times: spreadOf(times),
  }));
  return { schema: "anyarch.bench/v1", location, measured: "run", platforms: compared(rows) };
}

async function timeOf(trial: Trial, command: readonly string[] | undefined): Promise<number> {
  const end = await trial.run({ ...(command && { command }) });
  if (end.code === 0) return end.durationMs;
  throw new AnyarchError(
    "COMMAND_FAILED",
    `The command exits with ${end.code} on ${formatPlatform(trial.platform)}: ${end.stderr.trim() || end.stdout.trim()}`,
    {
      hint: "Only a command that succeeds can be measured. Write it after the image: anyarch bench IMAGE -- COMMAND.",
    },
  );
}

async function benchBuild(
  directory: string,
  { platforms = ["linux/amd64,linux/arm64"], runs = 1 }: BenchOptions,
  settings: ApiSettings,
  ctx: Context,
): Promise<BenchReport> {
  const [{ build }, { makeTempDir }] = await Promise.all([
    import("./build.ts"),
    import("../host/temp-dir.ts"),
  ]);
  const times = new Map<string, { readonly execution: string; readonly times: number[] }>();
  await using temp = await makeTempDir();
  for (let round = 0; round < runs; round++) {
    const result = await build(
      { context: directory, platforms, cache: false, jobs: 1, outputs: [`oci:${join(temp.path, "image")}`] },
      { ...settings, signal: ctx.signal, emit: ctx.emit },
    );
    for (const { platform, placement, durationMs } of result.platforms) {
      const row = times.get(platform) ?? { execution: placement ?? "assembled", times: [] };
      row.times.push(durationMs ?? result.durationMs);
      times.set(platform, row);
    }
  }
  const rows = [...times].map(([platform, row]) => ({
    platform,
    execution: row.execution,
    times: spreadOf(row.times),
  }));
  return { schema: "anyarch.bench/v1", location: directory, measured: "build", platforms: compared(rows) };
}

/** Each against the first that was native. */
function compared(rows: readonly BenchedPlatform[]): readonly BenchedPlatform[] {
  const native = rows.find(({ execution }) => execution === "native");
  return rows.map((row) =>
    native === undefined || row === native ? row : { ...row, slower: ratioOf(row.times, native.times) },
  );
}
