import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AnyarchError } from "../../errors/error.ts";
import { writeSmallFile } from "../../host/atomic-file.ts";
import type { Context } from "../../host/context.ts";
import { makeTempDir } from "../../host/temp-dir.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { filenameOf, type Lock, type LockedPackage, type LockedSet } from "./lock.ts";
import { evaluateMarker } from "./marker.ts";
import { normalizeName } from "./name.ts";
import { parseRequirement } from "./requirement.ts";
import type { RequirementLine } from "./requirements-file.ts";
import { indexLines, requirementText, resolveFailed, type ResolveRequest } from "./resolve-request.ts";
import { abiTag, platformTags } from "./tags.ts";
import { markerEnvironment, type PythonTarget } from "./target.ts";
import { isTable } from "./toml.ts";
import { canonicalVersion } from "./version.ts";

/** The parts of `pip install --report` (version 1) that are used. */
interface ReportedPackage extends LockedPackage {
  readonly requires: readonly string[];
  readonly provided: readonly string[];
}

const maximumRounds = 20;

/**
 * Resolves once per target with pip. pip evaluates markers for the machine it runs on even when it is told
 * another platform, so that its answer may have packages too many or too few: the requirements in the report
 * are evaluated again for the target, what is missing is asked for in a further round, what nothing needs is
 * left out.
 */
export async function resolveWithPip(
  request: ResolveRequest,
  targets: readonly PythonTarget[],
  ctx: Context,
): Promise<Lock> {
  const sets = new Map<string, LockedSet>();
  for (const target of targets) sets.set(keyOf(target), await resolveTarget(request, target, ctx));
  return {
    packagesFor(target) {
      const found = sets.get(keyOf(target));
      if (found === undefined)
        throw new AnyarchError("INTERNAL", `${formatPlatform(target.platform)} wasn't resolved.`);
      return found;
    },
  };
}

function keyOf({ platform, python, libc }: PythonTarget): string {
  return [formatPlatform(platform), python, libc.family, libc.version].join(" ");
}

async function resolveTarget(
  request: ResolveRequest,
  target: PythonTarget,
  ctx: Context,
): Promise<LockedSet> {
  const environment = markerEnvironment(target);
  const lines = request.loose.requirements;
  const wanted = lines.filter(({ marker }) => marker === undefined || evaluateMarker(marker, environment));
  // The markers hold here, so pip needn't, and mustn't, judge them.
  const roots = wanted.map((line) => requirementText(withoutMarker(line)));
  const added: string[] = [];
  for (let round = 0; round < maximumRounds; round++) {
    const report = await askPip(request, [...roots, ...added], target, ctx);
    const { reached, missing } = walk(report, roots, target);
    if (missing.length > 0) {
      added.push(...missing);
      continue;
    }
    const direct = new Set(wanted.flatMap(({ requirement }) => requirement?.name ?? []));
    const left = lines.filter((line) => !wanted.includes(line));
    return {
      packages: report
        .filter(({ name }) => reached.has(name))
        .map(({ requires: _r, provided: _p, ...rest }) => ({ ...rest, direct: direct.has(rest.name) })),
      excluded: left.map(({ requirement, marker = "" }) => ({
        name: requirement?.name ?? "",
        version: "",
        marker,
      })),
    };
  }
  throw new AnyarchError(
    "RESOLVE_FAILED",
    `pip's answer for ${formatPlatform(target.platform)} stays incomplete after ${maximumRounds} rounds.`,
    { hint: "Install uv, which resolves for all platforms at once, or lock the dependencies with it." },
  );
}

function withoutMarker({ marker: _marker, ...line }: RequirementLine): RequirementLine {
  return line;
}

/** Follows Requires-Dist for the target: which packages are needed, and which needed ones aren't there. */
function walk(
  report: readonly ReportedPackage[],
  roots: readonly string[],
  target: PythonTarget,
): { readonly reached: ReadonlySet<string>; readonly missing: readonly string[] } {
  const byName = new Map(report.map((one) => [one.name, one]));
  const reached = new Set<string>();
  const visited = new Set<string>();
  const missing: string[] = [];
  const queue = [...roots];
  for (let text = queue.shift(); text !== undefined; text = queue.shift()) {
    // A bare URL or path names no package: what pip made of it is reached whatever it is called.
    const requirement = /^[a-z+]+:\/\//i.test(text) ? undefined : parseRequirement(text);
    const found = requirement === undefined ? undefined : byName.get(requirement.name);
    if (requirement === undefined) {
      for (const one of report.filter(({ directUrl }) => directUrl !== undefined)) reached.add(one.name);
      continue;
    }
    if (found === undefined) {
      const { marker, name } = requirement;
      missing.push(marker === undefined ? text : text.slice(0, text.lastIndexOf(";")).trim() || name);
      continue;
    }
    reached.add(found.name);
    for (const extra of ["", ...requirement.extras]) {
      if (visited.has(`${found.name}[${extra}]`)) continue;
      visited.add(`${found.name}[${extra}]`);
      const environment = markerEnvironment(target, { extras: extra === "" ? [] : [extra] });
      queue.push(
        ...found.requires.filter((required) => {
          const { marker } = parseRequirement(required);
          return marker === undefined ? extra === "" : evaluateMarker(marker, environment);
        }),
      );
    }
  }
  return { reached, missing };
}

async function askPip(
  { loose, index, projectDir }: ResolveRequest,
  requirements: readonly string[],
  target: PythonTarget,
  ctx: Context,
): Promise<readonly ReportedPackage[]> {
  if (requirements.length === 0) return [];
  await using dir = await makeTempDir();
  const input = join(dir.path, "requirements.txt");
  const constraints = join(dir.path, "constraints.txt");
  const report = join(dir.path, "report.json");
  await writeSmallFile(input, `${[...indexLines(index), ...requirements].join("\n")}\n`);
  await writeSmallFile(constraints, `${loose.constraints.map(requirementText).join("\n")}\n`);
  const flags = (flag: string, values: readonly string[]) => values.flatMap((value) => [flag, value]);
  const args = [
    "-m pip install --quiet --dry-run --ignore-installed --only-binary=:all: --implementation cp".split(" "),
    ["--report", report, "--target", join(dir.path, "target"), "--python-version", target.python],
    flags("--abi", [abiTag(target), "abi3", "none"]),
    flags("--platform", platformTags(target)),
    loose.prereleases ? ["--pre"] : [],
    ["--constraint", constraints, "--requirement", input],
  ].flat();
  // What pip leaves behind when it is ended goes away with the directory.
  const env = { PIP_NO_COLOR: "1", PIP_NO_INPUT: "1", TMPDIR: dir.path };
  const options = { cwd: projectDir, env, signal: ctx.signal };
  const result = await ctx.host.exec("python3", args, options);
  if (result.code !== 0) throw resolveFailed(`pip, for ${formatPlatform(target.platform)},`, result.stderr);
  return readReport(JSON.parse(await readFile(report, "utf8")));
}

function readReport(report: unknown): readonly ReportedPackage[] {
  const install = isTable(report) && Array.isArray(report["install"]) ? report["install"] : [];
  return install.filter(isTable).map((item) => {
    const metadata = isTable(item["metadata"]) ? item["metadata"] : {};
    const download = isTable(item["download_info"]) ? item["download_info"] : {};
    const archive = isTable(download["archive_info"]) ? download["archive_info"] : {};
    const hashes = isTable(archive["hashes"]) ? archive["hashes"] : {};
    const text = (value: unknown): string => (typeof value === "string" ? value : "");
    const texts = (value: unknown): readonly string[] =>
      Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
    const url = text(download["url"]);
    return {
      name: normalizeName(text(metadata["name"])),
      version: canonicalVersion(text(metadata["version"])),
      files: [
        {
          filename: filenameOf(url),
          url,
          hashes: Object.fromEntries(Object.entries(hashes).map(([name, hex]) => [name, String(hex)])),
        },
      ],
      allowed: [],
      direct: false,
      requires: texts(metadata["requires_dist"]),
      provided: texts(metadata["provides_extra"]),
      ...(item["is_direct"] === true && { directUrl: url }),
    };
  });
}
