import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import { runTask } from "../../events/task.ts";
import type { Context } from "../../host/context.ts";
import { makeTempDir } from "../../host/temp-dir.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { fetchSource } from "./build-source.ts";
import { IndexAccess } from "./http-get.ts";
import type { IndexConfig } from "./index-config.ts";
import { sourceName, unbuilt, wheelDirectory } from "./native-recipe.ts";
import { pipConfig } from "./pip-config.ts";
import {
  type BuildChoice,
  type Choice,
  type Selection,
  selectionAccess,
  type WheelChoice,
} from "./select.ts";
import type { PythonTarget } from "./target.ts";
import type { BuiltWheel, WheelBuilder } from "./wheel-builder.ts";
import { fittedWheel, fittingTag, keepWheel } from "./wheel-cache.ts";
import { wheelDockerfile } from "./wheel-dockerfile.ts";

/** What {@link buildNative} needs beside the plan. */
export interface NativeBuild {
  readonly targets: readonly PythonTarget[];
  /** For what the packages' own builds need. */
  readonly index: IndexConfig;
  readonly builder: WheelBuilder;
}

/**
 * Builds what planNative planned for `targets`, one package after the other, each for all platforms at once; wheels
 * that fit are kept in the cache. What fails becomes a source again, with the reason. Throws HASH_MISMATCH,
 * NETWORK_ERROR, and what `ctx.signal` was aborted with.
 */
export async function buildNative(
  selection: Selection,
  build: NativeBuild,
  ctx: Context,
): Promise<Selection> {
  const access = selection[selectionAccess] ?? new IndexAccess([], []);
  const rows: Selection["rows"][number][] = [];
  for (const row of selection.rows) {
    const choices: Record<string, Choice> = { ...row.choices };
    for (const job of jobsOf(row.choices, build.targets))
      for (const [platform, choice] of await runJob(job, build, access, ctx)) choices[platform] = choice;
    rows.push({ ...row, choices });
  }
  return { ...selection, rows };
}

/** One source and what it is built in, for all targets that take both. */
interface Job {
  readonly choice: BuildChoice;
  readonly targets: PythonTarget[];
}

function jobsOf(choices: Readonly<Record<string, Choice>>, targets: readonly PythonTarget[]): Iterable<Job> {
  const jobs = new Map<string, Job>();
  for (const target of targets) {
    const choice = choices[formatPlatform(target.platform)];
    if (choice?.kind !== "build") continue;
    const key = JSON.stringify([choice.stage, choice.source.url]);
    const job = jobs.get(key) ?? { choice, targets: [] };
    jobs.set(key, job);
    job.targets.push(target);
  }
  return jobs.values();
}

async function runJob(
  { choice, targets }: Job,
  { index, builder }: NativeBuild,
  access: IndexAccess,
  ctx: Context,
): Promise<ReadonlyMap<string, Choice>> {
  const { source, sha256, stage } = choice;
  return runTask(ctx.emit, `build ${source.filename} by BuildKit`, {}, async () => {
    await using dir = await makeTempDir();
    const context = join(dir.path, "source");
    await mkdir(context);
    const hashes = { ...source.hashes, sha256 };
    const named = { ...source, hashes, filename: sourceName(source.filename) };
    const archive = await fetchSource(named, context, access, ctx);
    const order = {
      dockerfile: wheelDockerfile(stage, basename(archive)),
      context,
      platforms: targets.map(({ platform }) => platform),
      secrets: await secretFiles(index, dir.path),
    };
    const built = await builder.build(order, ctx);
    const choices = new Map<string, Choice>();
    for (const python of targets) {
      const platform = formatPlatform(python.platform);
      const wheel = built.get(platform);
      const failed = wheel === undefined || wheel instanceof AnyarchError;
      const directory = wheelDirectory(sha256, { python, stage }, ctx);
      const kept = failed ? wheel : await keepFitting(wheel, python, directory);
      choices.set(
        platform,
        kept === undefined || kept instanceof AnyarchError ? unbuilt(choice, kept) : kept,
      );
    }
    return choices;
  });
}

async function keepFitting(
  { path, node, placement }: BuiltWheel,
  python: PythonTarget,
  directory: string,
): Promise<WheelChoice | AnyarchError> {
  const filename = basename(path);
  if (fittingTag(filename, python) === undefined) {
    const { platform, libc } = python;
    const wanted = `CPython ${python.python} on ${formatPlatform(platform)} with ${libc.family} ${libc.version}`;
    return new AnyarchError("BUILD_FAILED", `it became ${filename}, which isn't for ${wanted}`, {
      hint: "Build it in an image with the Python and the C library of the base: [python] build_image.",
    });
  }
  const kept = fittedWheel(await keepWheel(path, directory), python);
  if (kept === undefined) throw new AnyarchError("INTERNAL", `${directory} holds another wheel.`);
  return { ...kept, built: `built by BuildKit on ${node}, ${placement}` };
}

/** Readable by this user only: the addresses of indexes may hold passwords. */
async function secretFiles(index: IndexConfig, directory: string): Promise<Record<string, string>> {
  const path = join(directory, "pip.conf");
  await writeFile(path, pipConfig(index), { mode: 0o600 });
  return { "pip.conf": path, ...(index.certificates !== undefined && { ca: index.certificates }) };
}
