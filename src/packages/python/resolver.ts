import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import { runTask } from "../../events/task.ts";
import { writeSmallFile } from "../../host/atomic-file.ts";
import type { Context } from "../../host/context.ts";
import { makeTempDir } from "../../host/temp-dir.ts";
import type { Lock } from "./lock.ts";
import { createPinnedLock } from "./pinned-lock.ts";
import { resolveWithPip } from "./pip-resolver.ts";
import { readRequirementsFile } from "./requirements-file.ts";
import { indexLines, requirementText, resolveFailed, type ResolveRequest } from "./resolve-request.ts";
import { pythonMinor, type PythonTarget } from "./target.ts";
import { compareVersions, parseVersion } from "./version.ts";

/**
 * Chooses versions for loose requirements with the user's own resolver: `uv pip compile --universal`, one
 * answer for all platforms, where uv is installed; else `pip install --dry-run` once per target. Throws
 * RESOLVER_MISSING where neither is there and RESOLVE_FAILED with what the resolver says.
 */
export async function resolveRequirements(
  request: ResolveRequest,
  targets: readonly PythonTarget[],
  ctx: Context,
): Promise<Lock> {
  if (await isInstalled("uv", ["--version"], ctx))
    return runTask(ctx.emit, "resolve Python dependencies with uv", {}, () =>
      resolveWithUv(request, targets, ctx),
    );
  if (await isInstalled("python3", ["-m", "pip", "--version"], ctx))
    return runTask(ctx.emit, "resolve Python dependencies with pip", {}, () =>
      resolveWithPip(request, targets, ctx),
    );
  throw new AnyarchError(
    "RESOLVER_MISSING",
    "The Python dependencies aren't locked, and neither uv nor pip is installed to resolve them.",
    {
      hint: "Install uv or pip, or lock the dependencies where one is: `uv lock`, `uv export --format pylock.toml`, `pip-compile --generate-hashes`.",
    },
  );
}

async function isInstalled(command: string, args: readonly string[], ctx: Context): Promise<boolean> {
  try {
    return (await ctx.host.exec(command, args, { signal: ctx.signal })).code === 0;
  } catch (error) {
    if (error instanceof AnyarchError && error.code === "COMMAND_MISSING") return false;
    throw error;
  }
}

/** The lowest Python of the targets: what is resolved for it upwards fits all of them. */
function lowestPython(targets: readonly PythonTarget[]): string {
  const sorted = targets.toSorted((a, b) => {
    const [left, right] = [parseVersion(a.python), parseVersion(b.python)];
    return left && right ? compareVersions(left, right) : 0;
  });
  return sorted[0] === undefined ? "" : pythonMinor(sorted[0]).join(".");
}

async function resolveWithUv(
  { loose, index, projectDir }: ResolveRequest,
  targets: readonly PythonTarget[],
  ctx: Context,
): Promise<Lock> {
  await using dir = await makeTempDir();
  const [input, constraints, output] = ["in", "constraints", "out"].map((name) =>
    join(dir.path, `${name}.txt`),
  ) as [string, string, string];
  const lines = [...indexLines(index), ...loose.requirements.map(requirementText)];
  await writeSmallFile(input, `${lines.join("\n")}\n`);
  await writeSmallFile(constraints, `${loose.constraints.map(requirementText).join("\n")}\n`);
  const args = [
    "pip compile --quiet --universal --generate-hashes --no-header --no-annotate".split(" "),
    ["--python-version", lowestPython(targets), "--constraints", constraints, "--output-file", output],
    loose.prereleases ? ["--prerelease", "allow"] : [],
    [input],
  ].flat();
  const result = await ctx.host.exec("uv", args, {
    cwd: projectDir,
    env: { NO_COLOR: "1", UV_NO_PROGRESS: "1", TMPDIR: dir.path },
    signal: ctx.signal,
  });
  if (result.code !== 0) throw resolveFailed("uv", result.stderr);
  const compiled = await readFile(output, "utf8");
  if (compiled.trim() === "") return createPinnedLock([], new Set());
  const { requirements } = await readRequirementsFile(output, projectDir, ctx);
  const direct = new Set(loose.requirements.flatMap(({ requirement }) => requirement?.name ?? []));
  return createPinnedLock(requirements, direct);
}
