import { AnyarchError } from "../../errors/error.ts";
import type { CandidateFile } from "./choose.ts";
import type { IndexClient } from "./index-client.ts";
import type { IndexFile } from "./index-page.ts";
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
  const all: readonly CandidateFile[] = await indexFiles(locked, locked.allowed, client);
  const files = filesOfVersion(all, locked.version);
  const places = async (): Promise<string> => (await client()).places(locked.index);
  if (files.length === 0) throw notFound(locked, all, await places());
  const right = files.filter((file) => isAllowed(file, locked.allowed));
  if (right.length === 0) throw wrongHashes(locked, files, await places());
  return right.filter(({ requiresPython }) => fitsPython(requiresPython, target.python));
}

/**
 * What the index lists of the package. It isn't asked where an earlier answer, however old, lists the locked
 * version with a file for every hash that is allowed: then a new answer could add nothing, for a file with another
 * hash isn't allowed, and one with the same hash is the same file. As soon as one hash isn't found, or the lock
 * has none, the answer of today decides. Whatever is downloaded is checked against its hash.
 */
async function indexFiles(
  locked: LockedPackage,
  hashes: readonly string[],
  client: () => Promise<IndexClient>,
): Promise<readonly IndexFile[]> {
  const index = await client();
  if (hashes.length > 0) {
    const known = await index.remembered(locked.name, locked.index);
    const listed = new Set(
      filesOfVersion(known, locked.version).flatMap((file) =>
        Object.entries(file.hashes).map(([algorithm, hex]) => `${algorithm}:${hex}`),
      ),
    );
    if (hashes.every((hash) => listed.has(hash))) return known;
  }
  return index.files(locked.name, locked.index);
}

/** A file that the lock names without a place is looked up in the index, by name and hash. */
async function locate(
  file: DistributionFile,
  locked: LockedPackage,
  client: () => Promise<IndexClient>,
): Promise<CandidateFile | undefined> {
  const { url } = file;
  if (url !== undefined) return { ...file, url };
  const hashes = Object.entries(file.hashes).map(([algorithm, hex]) => `${algorithm}:${hex}`);
  const offered = await indexFiles(locked, hashes, client);
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
function filesOfVersion<T extends CandidateFile>(files: readonly T[], pinned: string): readonly T[] {
  const specifier = parseSpecifier(`==${pinned}`);
  if (specifier === undefined) return files.filter(({ version }) => version === pinned);
  // Thousands of files have some hundred versions: each text is parsed once.
  const matching: { readonly text: string; readonly version: Version }[] = [];
  for (const text of new Set(files.map(({ version }) => version))) {
    const version = text === undefined ? undefined : parseVersion(text);
    if (text !== undefined && version !== undefined && matchesSpecifier(specifier, version))
      matching.push({ text, version });
  }
  const [highest] = matching.map(({ version }) => version).sort((a, b) => compareVersions(b, a));
  if (highest === undefined) return [];
  const chosen = matching.filter(({ version }) => compareVersions(version, highest) === 0);
  const texts = new Set(chosen.map(({ text }) => text));
  return files.filter(({ version }) => version !== undefined && texts.has(version));
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
