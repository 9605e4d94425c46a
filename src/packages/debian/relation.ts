import { AnyarchError } from "../../errors/error.ts";
import type { VersionOperator } from "./version.ts";

/** One name in a relation field, for example `python3:any (>= 3.7) [arm64]`. */
export interface Relation {
  readonly name: string;
  /** The qualifier after the colon: "any", "native" or an architecture. */
  readonly qualifier?: string;
  readonly operator?: VersionOperator;
  readonly version?: string;
}

/** Alternatives, the preferred one first. */
export type RelationGroup = readonly Relation[];

const pattern =
  /^([a-zA-Z0-9][a-zA-Z0-9+._-]*)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([A-Za-z0-9][^\s()]*)\s*\))?$/;
const obsolete: Readonly<Record<string, VersionOperator>> = { "<": "<=", ">": ">=" };

function parseRelation(text: string): Relation {
  const match = pattern.exec(text);
  if (match === null)
    throw new AnyarchError("INPUT_INVALID", `"${text}" isn't a relation between Debian packages.`);
  const [, name = "", qualifier, operator, version] = match;
  return {
    name,
    ...(qualifier !== undefined && { qualifier }),
    ...(operator !== undefined &&
      version !== undefined && { operator: obsolete[operator] ?? (operator as VersionOperator), version }),
  };
}

/**
 * Parses Depends, Pre-Depends, Provides, Conflicts, Breaks or Replaces of a binary package (Debian Policy 7.1).
 * Throws INPUT_INVALID where the syntax is wrong.
 */
export function parseRelations(field: string | undefined): readonly RelationGroup[] {
  if (field === undefined) return [];
  return field
    .split(",")
    .map((group) => group.trim())
    .filter((group) => group !== "")
    .map((group) => group.split("|").map((alternative) => parseRelation(alternative.trim())));
}

/** The inverse of {@link parseRelations}. */
export function formatRelations(groups: readonly RelationGroup[]): string {
  return groups.map(formatGroup).join(", ");
}

export function formatGroup(group: RelationGroup): string {
  return group.map(formatRelation).join(" | ");
}

function formatRelation(relation: Relation): string {
  const qualifier = relation.qualifier === undefined ? "" : `:${relation.qualifier}`;
  const version = relation.operator === undefined ? "" : ` (${relation.operator} ${relation.version})`;
  return `${relation.name}${qualifier}${version}`;
}
