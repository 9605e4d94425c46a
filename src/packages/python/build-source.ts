import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { AnyarchError } from "../../errors/error.ts";
import { runTask } from "../../events/task.ts";
import { stagingPath } from "../../host/atomic-file.ts";
import type { Context } from "../../host/context.ts";
import { makeTempDir } from "../../host/temp-dir.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { fetchFile } from "./download.ts";
import { IndexAccess } from "./http-get.ts";
import {
  selectionAccess,
  type Choice,
  type Selection,
  type SourceChoice,
  type WheelChoice,
} from "./select.ts";
import { tagRanks } from "./tags.ts";
import type { PythonTarget } from "./target.ts";
import { bestTag, parseWheelName } from "./wheel-filename.ts";

/**
 * Builds what a selection has as source only, once, on the host, with `python3 -m pip wheel --no-deps`. Only a
 * wheel without native code (`-none-any`) is right for other machines: one that fits a target replaces that
 * target's source choice; a package that builds anything else keeps it, and is said to have native code. This
 * runs the package's build program on the host, as installing it with pip would. Repositories (vcs) are left.
 * Throws HASH_MISMATCH, NETWORK_ERROR; a build that fails is reported as a diagnostic and leaves the choice.
 */
export async function buildSources(
  selection: Selection,
  targets: readonly PythonTarget[],
  ctx: Context,
): Promise<Selection> {
  const built = new Map<string, WheelChoice | undefined>();
  const rows: Selection["rows"][number][] = [];
  for (const row of selection.rows) {
    const choices: Record<string, Choice> = { ...row.choices };
    for (const target of targets) {
      const platform = formatPlatform(target.platform);
      const choice = choices[platform];
      if (choice?.kind !== "source" || (choice.url === undefined && choice.directory === undefined)) continue;
      // Wheels for other machines say that it has native code: building it here would be hours for nothing.
      if ((choice.wheels ?? []).length > 0) continue;
      const key = choice.directory ?? choice.url ?? "";
      if (!built.has(key))
        built.set(
          key,
          await buildReported(choice, selection[selectionAccess] ?? new IndexAccess([], []), ctx),
        );
      const wheel = fitted(built.get(key), target);
      if (wheel !== undefined) choices[platform] = wheel;
    }
    rows.push({ ...row, choices });
  }
  return { ...selection, rows };
}

/** The wheel with the tag by which it fits the target; undefined where it doesn't. */
function fitted(wheel: WheelChoice | undefined, target: PythonTarget): WheelChoice | undefined {
  const name = wheel === undefined ? undefined : parseWheelName(wheel.filename);
  const fit = name === undefined ? undefined : bestTag(name, tagRanks(target));
  return wheel === undefined || fit === undefined ? undefined : { ...wheel, tag: fit.tag };
}

async function buildReported(
  choice: SourceChoice,
  access: IndexAccess,
  ctx: Context,
): Promise<WheelChoice | undefined> {
  return runTask(ctx.emit, `build ${choice.filename}`, {}, async (task) => {
    const cached = await cachedBuild(choice, ctx);
    if (cached !== undefined) {
      task.cached();
      return cached;
    }
    const result = await build(choice, access, ctx);
    if (typeof result !== "string") return result;
    ctx.emit({
      type: "diagnostic",
      severity: "warning",
      code: "DEPENDENCY_UNAVAILABLE",
      message: `${choice.filename} can't be built for other machines here: ${result}`,
      hint: "Build its wheel on a machine of that platform and offer it with PIP_FIND_LINKS, or lock a version that has one.",
    });
    return undefined;
  });
}

/** What was built from a source whose hash is known needn't be built again. A directory always is. */
function buildDirectory(choice: SourceChoice, ctx: Context): string | undefined {
  const sha256 = choice.hashes?.["sha256"];
  return sha256 === undefined ? undefined : join(ctx.host.cacheDir, "python", "built", sha256);
}

async function cachedBuild(choice: SourceChoice, ctx: Context): Promise<WheelChoice | undefined> {
  const directory = buildDirectory(choice, ctx);
  const [filename] = directory === undefined ? [] : await readdir(directory).catch(() => []);
  return directory === undefined || filename === undefined ? undefined : wheelIn(directory, filename);
}

async function wheelIn(directory: string, filename: string): Promise<WheelChoice> {
  const path = join(directory, filename);
  const bytes = await readFile(path);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const [tag = ""] = parseWheelName(filename)?.tags ?? [];
  const url = pathToFileURL(path).href;
  return { kind: "neutral", neutral: true, filename, url, hashes: { sha256 }, size: bytes.byteLength, tag };
}

/** The wheel, or why there is none. */
async function build(choice: SourceChoice, access: IndexAccess, ctx: Context): Promise<WheelChoice | string> {
  await using dir = await makeTempDir();
  const source = choice.directory ?? (await fetchSource(choice, dir.path, access, ctx));
  const output = join(dir.path, "wheels");
  const args = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", output, source];
  // Zip archives know no time before 1980.
  const env = { SOURCE_DATE_EPOCH: "315532800", PIP_NO_INPUT: "1", TMPDIR: dir.path };
  let said: string;
  try {
    const { code, stderr } = await ctx.host.exec("python3", args, { env, cwd: dir.path, signal: ctx.signal });
    said = code === 0 ? "" : stderr.trim().split("\n").slice(-5).join("\n");
  } catch (error) {
    if (!(error instanceof AnyarchError) || error.code !== "COMMAND_MISSING") throw error;
    said = "python3 isn't installed.";
  }
  if (said !== "") return said;
  const [filename = ""] = await readdir(output);
  if (!filename.endsWith("-none-any.whl")) return `it has native code, and became ${filename}.`;
  const keep =
    buildDirectory(choice, ctx) ??
    join(ctx.host.cacheDir, "python", "built", await hashOf(join(output, filename)));
  await publish(join(output, filename), keep, filename);
  return wheelIn(keep, filename);
}

async function hashOf(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

async function fetchSource(
  choice: SourceChoice,
  into: string,
  access: IndexAccess,
  ctx: Context,
): Promise<string> {
  const { filename, url = "", hashes = {} } = choice;
  const downloads = join(ctx.host.cacheDir, "python", "sources");
  await mkdir(downloads, { recursive: true });
  const { path } = await fetchFile({ filename, url, hashes }, downloads, access, () => {}, ctx);
  const named = join(into, filename.replaceAll("/", "_"));
  await copyFile(path, named);
  return named;
}

/** The directory appears with the wheel in it, or not at all. */
async function publish(wheel: string, directory: string, filename: string): Promise<void> {
  const staging = stagingPath(directory);
  await mkdir(staging, { recursive: true });
  try {
    await copyFile(wheel, join(staging, filename));
    await rename(staging, directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
