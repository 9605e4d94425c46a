import { AnyarchError } from "../../errors/error.ts";
import type { CandidateFile } from "./choose.ts";
import type { IndexClient } from "./index-client.ts";
import type { DistributionFile, LockedPackage } from "./lock.ts";
import { matchesSpecifiers, parseSpecifier, parseSpecifiers, matchesSpecifier } from "./specifier.ts";
import { tagRanks } from "./tags.ts";
import type { PythonTarget } from "./target.ts";
import { compareVersions, formatVersion, isPrerelease, parseVersion, type Version } from "./version.ts";
import { bestTag, parseWheelName } from "./wheel-filename.ts";

/**
 * The files among which one is chosen: those of the lock, or those of the pinned version in the index that
 * have an allowed hash and fit the target's Python. Throws DEPENDENCY_NOT_FOUND, naming the versions that there
 * are, and HASH_MISMATCH where the index has other files than the lock.
 */
export async function findCandidates(
  locked: LockedPackage,
  target: PythonTarget,
  client: () => Promise<IndexClient>,
): Promise<readonly CandidateFile[]> {
  if (locked.files !== undefined) {
    const located = await Promise.all(locked.files.map((file) => locate(file, locked, client)));
    return located.filter((file) => file !== undefined);
  }
  const all: readonly CandidateFile[] = await (await client()).files(locked.name, locked.index);
  const files = filesOfVersion(all, locked.version);
  const places = async (): Promise<string> => (await client()).places(locked.index);
  if (files.length === 0) throw notFound(locked, all, await places());
  const right = files.filter((file) => isAllowed(file, locked.allowed));
  if (right.length === 0) throw wrongHashes(locked, files, await places());
  return right.filter(({ requiresPython }) => fitsPython(requiresPython, target.python));
}

/** A file that the lock names without a place is looked up in the index, by name and hash. */
async function locate(
  file: DistributionFile,
  locked: LockedPackage,
  client: () => Promise<IndexClient>,
): Promise<CandidateFile | undefined> {
  const { url } = file;
  if (url !== undefined) return { ...file, url };
  const offered = await (await client()).files(locked.name, locked.index);
  const found = offered.find(({ filename }) => filename === file.filename);
  if (found === undefined) return undefined;
  for (const [algorithm, hex] of Object.entries(found.hashes))
    if (file.hashes[algorithm] !== undefined && file.hashes[algorithm] !== hex)
      throw new AnyarchError(
        "HASH_MISMATCH",
        `${file.filename} is in the index with another hash than in the lock file: ${algorithm} ${hex}, ` +
          `not ${file.hashes[algorithm]}.`,
        { details: { filename: file.filename, expected: file.hashes[algorithm], found: hex } },
      );
  return { ...found, hashes: file.hashes };
}

/** `==version`: with local versions of it, the highest of those that are there. */
function filesOfVersion(files: readonly CandidateFile[], pinned: string): readonly CandidateFile[] {
  const specifier = parseSpecifier(`==${pinned}`);
  if (specifier === undefined) return files.filter(({ version }) => version === pinned);
  const parsed = files.flatMap((file) => {
    const version = file.version === undefined ? undefined : parseVersion(file.version);
    return version !== undefined && matchesSpecifier(specifier, version) ? [{ file, version }] : [];
  });
  let highest: Version | undefined;
  for (const { version } of parsed)
    if (highest === undefined || compareVersions(version, highest) > 0) highest = version;
  return parsed
    .filter(({ version }) => highest !== undefined && compareVersions(version, highest) === 0)
    .map(({ file }) => file);
}

/** A file whose hash isn't known is judged when it is downloaded. */
function isAllowed(file: CandidateFile, allowed: readonly string[]): boolean {
  const known = Object.entries(file.hashes).filter(([name]) =>
    allowed.some((hash) => hash.startsWith(`${name}:`)),
  );
  if (allowed.length === 0 || known.length === 0) return true;
  return known.some(([name, hex]) => allowed.includes(`${name}:${hex}`));
}

function fitsPython(requiresPython: string | undefined, python: string): boolean {
  const specifiers = requiresPython === undefined ? undefined : parseSpecifiers(requiresPython);
  return specifiers === undefined || matchesSpecifiers(specifiers, python);
}

function sortedVersions(files: readonly CandidateFile[]): readonly string[] {
  const versions = new Map<string, Version>();
  for (const { version } of files) {
    const parsed = version === undefined ? undefined : parseVersion(version);
    if (parsed !== undefined) versions.set(formatVersion(parsed), parsed);
  }
  return [...versions].sort(([, a], [, b]) => compareVersions(b, a)).map(([text]) => text);
}

function notFound(locked: LockedPackage, files: readonly CandidateFile[], places: string): AnyarchError {
  const versions = sortedVersions(files);
  const there =
    versions.length === 0 ? "it has no such package" : `it has ${versions.slice(0, 8).join(", ")}`;
  return new AnyarchError(
    "DEPENDENCY_NOT_FOUND",
    `${places} has no ${locked.name} ${locked.version}: ${there}.`,
    {
      hint: "Check name and version, and the index: PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, pip.conf, or --extra-index-url in the requirement file.",
      details: { name: locked.name, version: locked.version, versions },
    },
  );
}

function wrongHashes(locked: LockedPackage, files: readonly CandidateFile[], places: string): AnyarchError {
  return new AnyarchError(
    "HASH_MISMATCH",
    `None of the files of ${locked.name} ${locked.version} at ${places} has a hash that the lock allows: ${files.map(({ filename }) => filename).join(", ")}.`,
    {
      hint: "Another index than the one it was locked with is asked, or the release was changed. Lock again where that is expected.",
      details: { name: locked.name, version: locked.version, expected: locked.allowed },
    },
  );
}

/** The newest version, final and not withdrawn, with a wheel for the target. */
export function newestWithWheel(files: readonly CandidateFile[], target: PythonTarget): string | undefined {
  const ranks = tagRanks(target);
  const fitting = files.filter(({ filename, version, yanked, requiresPython }) => {
    const wheel = parseWheelName(filename);
    const parsed = version === undefined ? undefined : parseVersion(version);
    if (wheel === undefined || parsed === undefined || yanked === true || isPrerelease(parsed)) return false;
    return fitsPython(requiresPython, target.python) && bestTag(wheel, ranks) !== undefined;
  });
  return sortedVersions(fitting)[0];
}
