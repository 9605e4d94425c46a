import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { DockerfileModel } from "../diagnose/dockerfile/model.ts";
import { pythonTargetOf } from "../diagnose/dockerfile/python-target.ts";
import { isNative, type Use, usesOf } from "../diagnose/dockerfile/uses.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform } from "../oci/platform.ts";
import { IndexClient } from "../packages/python/index-client.ts";
import { readIndexConfig } from "../packages/python/index-config.ts";
import type { IndexFile } from "../packages/python/index-page.ts";
import { parseRequirement, type Requirement } from "../packages/python/requirement.ts";
import { readRequirementsFile } from "../packages/python/requirements-file.ts";
import { matchesSpecifiers } from "../packages/python/specifier.ts";
import { tagRanks } from "../packages/python/tags.ts";
import type { PythonTarget } from "../packages/python/target.ts";
import { compareVersions, isPrerelease, parseVersion, type Version } from "../packages/python/version.ts";
import { bestTag, parseWheelName } from "../packages/python/wheel-filename.ts";

/** A package that pip has no wheel for on a platform. */
export interface MissingWheel {
  readonly line: number;
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  /** True where it can be compiled; false where nothing at all can be installed. */
  readonly source: boolean;
}

/**
 * Asks the configured package index about what `pip install` names in target-platform stages, by itself or in
 * requirement files that lie in the context. Throws NETWORK_ERROR, LOCK_INVALID.
 */
export async function missingWheels(
  model: DockerfileModel,
  directory: string,
  ctx: Context,
): Promise<MissingWheel[]> {
  const wanted = usesOf(model).filter(
    (use) => isNative(use.view) && use.facts.follows === "target" && pipArguments(use) !== undefined,
  );
  if (wanted.length === 0) return [];
  const client = new IndexClient(await readIndexConfig(undefined, directory, ctx), ctx);
  const missing: MissingWheel[] = [];
  for (const use of wanted) {
    const target = pythonTargetOf(use.stage);
    for (const requirement of await requirementsOf(pipArguments(use) ?? [], directory, ctx)) {
      const file = await unfit(requirement, target, client);
      if (file === undefined) continue;
      missing.push({
        line: use.line,
        name: requirement.name,
        platform: formatPlatform(target.platform),
        ...file,
      });
    }
  }
  return missing;
}

function pipArguments({ program, args }: Use): readonly string[] | undefined {
  const pip = /^pip[\d.]*$/.test(program)
    ? args
    : program.startsWith("python") && args[1] === "pip"
      ? args.slice(2)
      : program === "uv" && args[0] === "pip"
        ? args.slice(1)
        : [];
  const at = pip.indexOf("install");
  return at < 0 ? undefined : pip.slice(at + 1);
}

async function requirementsOf(
  args: readonly string[],
  directory: string,
  ctx: Context,
): Promise<Requirement[]> {
  const found: Requirement[] = [];
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? "";
    if (word === "-r" || word === "--requirement") {
      const path = resolve(directory, (args[++index] ?? "").replace(/^\/(?:[\w-]+\/)*/, ""));
      if (!existsSync(path)) continue;
      const file = await readRequirementsFile(path, directory, ctx);
      found.push(...file.requirements.flatMap(({ requirement }) => requirement ?? []));
    } else if (
      /^(?:-[a-z]|--(?:target|prefix|index-url|extra-index-url|find-links|constraint|root))$/.test(word)
    )
      index++;
    else if (/^[A-Za-z0-9]/.test(word) && !word.includes("/") && !word.includes("\ufffc"))
      found.push(parseRequirement(word));
  }
  return found.filter(({ url, marker }) => url === undefined && marker === undefined);
}

/** The version that pip would take, where it has no wheel for the target. */
async function unfit(
  requirement: Requirement,
  target: PythonTarget,
  client: IndexClient,
): Promise<{ version: string; source: boolean } | undefined> {
  const files = await client.files(requirement.name);
  const versions = new Map<string, { readonly parsed: Version; readonly files: IndexFile[] }>();
  for (const file of files) {
    const parsed = file.version === undefined || file.yanked ? undefined : parseVersion(file.version);
    if (file.version === undefined || parsed === undefined || isPrerelease(parsed)) continue;
    if (!matchesSpecifiers(requirement.specifiers, parsed)) continue;
    const entry = versions.get(file.version) ?? { parsed, files: [] };
    entry.files.push(file);
    versions.set(file.version, entry);
  }
  const newest = [...versions.entries()].sort(([, a], [, b]) => compareVersions(b.parsed, a.parsed))[0];
  if (newest === undefined) return undefined;
  const [version, { files: offered }] = newest;
  const ranks = tagRanks(target);
  const wheels = offered.flatMap(({ filename }) => parseWheelName(filename) ?? []);
  if (wheels.some((wheel) => bestTag(wheel, ranks) !== undefined)) return undefined;
  return { version, source: wheels.length < offered.length };
}
