import { compareVersions, formatVersion, isPrerelease, parseVersion, type Version } from "./version.ts";

type SpecifierOperator = "~=" | "==" | "!=" | "<=" | ">=" | "<" | ">" | "===";

/** One clause of a version specifier: `>=1.2`, `==1.*` (PEP 440, "Version specifiers"). */
export interface Specifier {
  readonly operator: SpecifierOperator;
  /** The text after the operator, without `.*`. */
  readonly text: string;
  /** Absent only for `===`, whose operand may be any text. */
  readonly version?: Version;
  /** True for `==1.*` and `!=1.*`. */
  readonly prefix: boolean;
}

const clausePattern = /^\s*(~=|===|==|!=|<=|>=|<|>)\s*([^\s;,()]+)\s*$/;

/** Parses one clause; undefined where it is malformed or its operator can't take its operand. */
export function parseSpecifier(clause: string): Specifier | undefined {
  const [, operatorText, operand = ""] = clausePattern.exec(clause) ?? [];
  if (operatorText === undefined) return undefined;
  const operator = operatorText as SpecifierOperator;
  if (operator === "===") return { operator, text: operand, prefix: false };
  const prefix = operand.endsWith(".*");
  const text = prefix ? operand.slice(0, -2) : operand;
  const version = parseVersion(text);
  if (version === undefined) return undefined;
  const equality = operator === "==" || operator === "!=";
  if (prefix && (!equality || version.dev !== undefined || version.local !== undefined)) return undefined;
  if (version.local !== undefined && !equality) return undefined;
  if (operator === "~=" && version.release.length < 2) return undefined;
  return { operator, text, version, prefix };
}

/** Parses comma-separated clauses; an empty text is the set that everything fits. Undefined where malformed. */
export function parseSpecifiers(text: string): readonly Specifier[] | undefined {
  const specifiers: Specifier[] = [];
  for (const clause of text.split(",")) {
    if (clause.trim() === "") continue;
    const specifier = parseSpecifier(clause);
    if (specifier === undefined) return undefined;
    specifiers.push(specifier);
  }
  return specifiers;
}

/** A form in which equal sets have equal text, whatever their order and spelling: `<2,>=1`. */
export function canonicalSpecifiers(specifiers: readonly Specifier[]): string {
  return specifiers
    .map(({ operator, text, version, prefix }) => {
      // `~=1.0` and `==1.0.*` mean something else than with fewer zeros; elsewhere 1 and 1.0 are one.
      const exact = operator === "~=" || prefix;
      const operand = version === undefined ? text : formatVersion(exact ? version : withoutZeros(version));
      return `${operator}${operand}${prefix ? ".*" : ""}`;
    })
    .sort()
    .join(",");
}

function withoutZeros(version: Version): Version {
  const last = version.release.findLastIndex((number) => number !== 0);
  return { ...version, release: version.release.slice(0, Math.max(last, 0) + 1) };
}

function withoutLocal(version: Version): Version {
  const { local: _, ...publicVersion } = version;
  return publicVersion;
}

function sameRelease(a: Version, b: Version): boolean {
  const base = (version: Version): Version => ({ epoch: version.epoch, release: version.release });
  return compareVersions(base(a), base(b)) === 0;
}

/** `release` cut or padded with zeros to `length` numbers. */
function resized(release: readonly number[], length: number): readonly number[] {
  return Array.from({ length }, (_, index) => release[index] ?? 0);
}

/** `==1.2.*`: the candidate begins with the operand; a pre- or post-release in the operand counts too. */
function hasPrefix(candidate: Version, operand: Version): boolean {
  if (candidate.epoch !== operand.epoch) return false;
  const release = resized(candidate.release, operand.release.length);
  if (!release.every((number, index) => number === operand.release[index])) return false;
  if (operand.pre === undefined && operand.post === undefined) return true;
  // The rest must be the same up to where the operand ends.
  const samePre = candidate.pre?.join("") === operand.pre?.join("");
  return samePre && (operand.post === undefined || candidate.post === operand.post);
}

function isEqual(candidate: Version, operand: Version): boolean {
  return compareVersions(operand.local === undefined ? withoutLocal(candidate) : candidate, operand) === 0;
}

/** Excludes pre-releases of the operand itself, as PEP 440 wants, unless the operand is one. */
function isBelow(candidate: Version, operand: Version): boolean {
  if (compareVersions(candidate, operand) >= 0) return false;
  return isPrerelease(operand) || !isPrerelease(candidate) || !sameRelease(candidate, operand);
}

/** Excludes post-releases and local versions of the operand itself, unless it is a post-release. */
function isAbove(candidate: Version, operand: Version): boolean {
  if (compareVersions(candidate, operand) <= 0) return false;
  if (operand.post === undefined && candidate.post !== undefined && sameRelease(candidate, operand))
    return false;
  return candidate.local === undefined || !sameRelease(candidate, operand);
}

function isCompatible(candidate: Version, operand: Version): boolean {
  if (compareVersions(withoutLocal(candidate), operand) < 0) return false;
  return hasPrefix(candidate, { epoch: operand.epoch, release: operand.release.slice(0, -1) });
}

/** Whether a version fits one clause. Pre-releases are judged like any other version. */
export function matchesSpecifier(specifier: Specifier, candidate: Version | string): boolean {
  const version = typeof candidate === "string" ? parseVersion(candidate) : candidate;
  const { operator, version: operand, prefix } = specifier;
  if (operator === "===" || operand === undefined) {
    const text = typeof candidate === "string" ? candidate : formatVersion(candidate);
    return text.trim().toLowerCase() === specifier.text.toLowerCase();
  }
  if (version === undefined) return false;
  switch (operator) {
    case "==":
      return prefix ? hasPrefix(version, operand) : isEqual(version, operand);
    case "!=":
      return !(prefix ? hasPrefix(version, operand) : isEqual(version, operand));
    case "<=":
      return compareVersions(withoutLocal(version), operand) <= 0;
    case ">=":
      return compareVersions(withoutLocal(version), operand) >= 0;
    case "<":
      return isBelow(version, operand);
    case ">":
      return isAbove(version, operand);
    case "~=":
      return isCompatible(version, operand);
  }
}

/** Whether a version fits all clauses. */
export function matchesSpecifiers(specifiers: readonly Specifier[], candidate: Version | string): boolean {
  return specifiers.every((specifier) => matchesSpecifier(specifier, candidate));
}
