import { pathToFileURL } from "node:url";
import { AnyarchError } from "../../errors/error.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { filenameOf, parseHash, type Lock, type LockedPackage } from "./lock.ts";
import { evaluateMarker } from "./marker.ts";
import { markerEnvironment, type PythonTarget } from "./target.ts";
import { splitCredentials } from "./http-get.ts";
import type { RequirementLine, RequirementsFile } from "./requirements-file.ts";
import { canonicalVersion, formatVersion } from "./version.ts";

/** The version that a requirement pins with `==` or `===`; undefined where it leaves a choice. */
function pinnedVersion(line: RequirementLine): string | undefined {
  const specifiers = line.requirement?.specifiers ?? [];
  const [only] = specifiers;
  if (specifiers.length !== 1 || only === undefined || only.prefix) return undefined;
  if (only.operator === "===") return canonicalVersion(only.text);
  return only.operator === "==" && only.version !== undefined ? formatVersion(only.version) : undefined;
}

function isExact(line: RequirementLine): boolean {
  if (line.requirement === undefined) return false;
  return line.url !== undefined || line.path !== undefined || pinnedVersion(line) !== undefined;
}

/**
 * Whether a requirement file can be installed as it stands. One whose lines are all pinned and have hashes is a
 * lock: pip itself would refuse anything that isn't named in it. Pins alone are not: what the pinned packages
 * need in turn may be missing, or different on another platform, so that they have to be resolved like loose
 * requirements (which the pins constrain), unless the file says `--no-deps`.
 */
export function isCompleteLock(file: RequirementsFile): boolean {
  const { requirements, noDeps } = file;
  if (requirements.length === 0) return true;
  return requirements.every((line) => isExact(line) && (noDeps || lineHashes(line).length > 0));
}

/** The hashes of a line, including one in its URL's fragment. */
function lineHashes(line: RequirementLine): readonly string[] {
  const fragment = parseHash(line.url?.split("#", 2)[1]);
  return [...line.hashes, ...Object.entries(fragment).map(([algorithm, hex]) => `${algorithm}:${hex}`)];
}

/** A lock of pinned requirement lines: markers decide per target, hashes say which files are right. */
export function createPinnedLock(lines: readonly RequirementLine[], direct: ReadonlySet<string>): Lock {
  return {
    packagesFor(target) {
      const environment = markerEnvironment(target);
      const holds = ({ marker }: RequirementLine): boolean =>
        marker === undefined || evaluateMarker(marker, environment);
      const chosen = lines.filter(holds);
      checkUnique(chosen, target);
      const packages = chosen.map((line) =>
        Object.assign(lockedPackage(line, direct), line.marker === undefined ? {} : { marker: line.marker }),
      );
      const excluded = lines.filter((line) => !holds(line));
      return {
        packages,
        excluded: excluded.map((line) => {
          const { name, version } = lockedPackage(line, direct);
          return { name, version, marker: line.marker ?? "" };
        }),
      };
    },
  };
}

function checkUnique(lines: readonly RequirementLine[], target: PythonTarget): void {
  const seen = new Map<string, RequirementLine>();
  for (const line of lines) {
    const name = line.requirement?.name ?? "";
    const before = seen.get(name);
    if (before !== undefined && describe(before) !== describe(line))
      throw new AnyarchError(
        "LOCK_INVALID",
        `${line.file}:${line.line}: ${name} is required twice for ${formatPlatform(target.platform)}, ` +
          `as ${describe(before)} and as ${describe(line)}.`,
        { hint: "Remove one of the lines, or give both markers that exclude each other." },
      );
    seen.set(name, line);
  }
}

function describe(line: RequirementLine): string {
  return line.url ?? line.path ?? pinnedVersion(line) ?? line.requirement?.text ?? "";
}

function lockedPackage(line: RequirementLine, direct: ReadonlySet<string>): LockedPackage {
  const name = line.requirement?.name ?? "";
  const allowed = lineHashes(line);
  const base = { name, version: pinnedVersion(line) ?? "", direct: direct.has(name) };
  const location = line.path === undefined ? line.url : pathToFileURL(line.path).href;
  if (location === undefined) return { ...base, allowed };
  const url = location.split("#", 1)[0] ?? "";
  const filename = filenameOf(url);
  const directUrl = URL.canParse(url) ? splitCredentials(url).url.href : url;
  const isDirectory = line.path !== undefined && !/\.(?:whl|zip|tar\.\w+|tgz)$/i.test(filename);
  const isRepository = /^(?:git|hg|svn|bzr)\+/i.test(url);
  if (isDirectory || isRepository) {
    const kind = isDirectory ? "directory" : "vcs";
    const tree = { kind, location: isDirectory ? (line.path ?? "") : directUrl } as const;
    return { ...base, allowed, tree, files: [], directUrl };
  }
  const hashes = parseHash(allowed.length === 1 ? allowed[0] : undefined);
  return { ...base, allowed, directUrl, files: [{ filename, url, hashes }] };
}
