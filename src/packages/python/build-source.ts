import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import { runTask } from "../../events/task.ts";
import type { Context } from "../../host/context.ts";
import { makeTempDir } from "../../host/temp-dir.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { type Fetched, fetchFile } from "./download.ts";
import { IndexAccess } from "./http-get.ts";
import {
  selectionAccess,
  type Choice,
  type Selection,
  type SourceChoice,
  type WheelChoice,
} from "./select.ts";
import type { PythonTarget } from "./target.ts";
import { fittedWheel, keepWheel, keptWheel } from "./wheel-cache.ts";

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
      const wheel = built.get(key);
      const fitted = wheel && fittedWheel(wheel, target);
      if (fitted !== undefined) choices[platform] = fitted;
    }
    rows.push({ ...row, choices });
  }
  return { ...selection, rows };
}

async function buildReported(
  choice: SourceChoice,
  access: IndexAccess,
  ctx: Context,
): Promise<WheelChoice | undefined> {
  return runTask(ctx.emit, `build ${choice.filename}`, {}, async (task) => {
    const directory = await buildDirectory(choice, access, ctx);
    const cached = directory === undefined ? undefined : await keptWheel(directory);
    if (cached !== undefined) {
      task.cached();
      return cached.neutral ? cached : undefined;
    }
    const result = await build(choice, directory, access, ctx);
    if (typeof result !== "string" && result.neutral) return result;
    const why = typeof result === "string" ? result : `it has native code, and became ${result.filename}.`;
    ctx.emit({
      type: "diagnostic",
      severity: "warning",
      code: "DEPENDENCY_UNAVAILABLE",
      message: `${choice.filename} can't be built for other machines here: ${why}`,
    });
    return undefined;
  });
}

/**
 * What was built from an archive needn't be built again, nor what turned out to have native code. A directory always
 * is: undefined.
 */
async function buildDirectory(
  choice: SourceChoice,
  access: IndexAccess,
  ctx: Context,
): Promise<string | undefined> {
  if (choice.directory !== undefined) return undefined;
  const sha256 = choice.hashes?.["sha256"] ?? (await fetchArchive(choice, access, ctx)).sha256;
  return join(ctx.host.cacheDir, "python", "built", sha256);
}

/** The wheel, kept in `directory`, or why there is none. */
async function build(
  choice: SourceChoice,
  directory: string | undefined,
  access: IndexAccess,
  ctx: Context,
): Promise<WheelChoice | string> {
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
  const keep = directory ?? join(ctx.host.cacheDir, "python", "built", await hashOf(join(output, filename)));
  return keepWheel(join(output, filename), keep);
}

async function hashOf(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

/** Downloads an sdist, or finds it in the cache, and copies it into `into` under its own name. Returns the copy's path. */
export async function fetchSource(
  choice: SourceChoice,
  into: string,
  access: IndexAccess,
  ctx: Context,
): Promise<string> {
  const { path } = await fetchArchive(choice, access, ctx);
  const named = join(into, choice.filename.replaceAll("/", "_"));
  await copyFile(path, named);
  return named;
}

/** Downloads an sdist into the cache, or finds it there. Throws HASH_MISMATCH, NETWORK_ERROR. */
export async function fetchArchive(
  { filename, url = "", hashes = {}, allowed }: SourceChoice,
  access: IndexAccess,
  ctx: Context,
): Promise<Fetched> {
  const downloads = join(ctx.host.cacheDir, "python", "sources");
  await mkdir(downloads, { recursive: true });
  const wanted = { filename, url, hashes, ...(allowed !== undefined && { allowed }) };
  return fetchFile(wanted, downloads, access, () => {}, ctx);
}
