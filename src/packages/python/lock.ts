import type { PythonTarget } from "./target.ts";

/** A file that a lock or an index offers. */
export interface DistributionFile {
  readonly filename: string;
  /** Absolute: https:, http: or file:. Absent where only the name is known: the index is asked. */
  readonly url?: string;
  /** Algorithm → lower-case hexadecimal digest. */
  readonly hashes: Readonly<Record<string, string>>;
  /** Bytes. */
  readonly size?: number;
}

/** Where a locked package comes from when it isn't files of an index. */
export interface SourceTree {
  readonly kind: "directory" | "vcs" | "archive";
  /** An absolute path, or a URL without credentials. */
  readonly location: string;
  readonly subdirectory?: string;
  readonly revision?: string;
}

/** One version of one package, as a lock names it. */
export interface LockedPackage {
  /** Normalised. */
  readonly name: string;
  /** Canonical; "" where a source tree has no static one. */
  readonly version: string;
  /** What the lock lists; undefined: the index says which files there are. */
  readonly files?: readonly DistributionFile[];
  /** `algorithm:hex` of which a file from the index must have one; empty: any. */
  readonly allowed: readonly string[];
  readonly tree?: SourceTree;
  /** The URL (or absolute directory) of the index it was locked from, without credentials. */
  readonly index?: string;
  /** A version specifier that the target's Python must fit. */
  readonly requiresPython?: string;
  /** True for a dependency of the project itself, which is not there because of another package only. */
  readonly direct: boolean;
  /** The URL it was required by (PEP 610), without credentials. */
  readonly directUrl?: string;
}

/** What a lock answers for one target. */
export interface LockedSet {
  readonly packages: readonly (LockedPackage & { readonly marker?: string })[];
  /** Left out because a marker is false on the target. Version "" where the lock doesn't say. */
  readonly excluded: readonly { readonly name: string; readonly version: string; readonly marker: string }[];
}

/** A set of pinned packages, one version per name and target. */
export interface Lock {
  /** What the lock says about itself: a version specifier, and the file that names it. */
  readonly requiresPython?: string;
  packagesFor(target: PythonTarget): LockedSet;
}

/** The name at the end of a URL or path, percent-decoded, without query and fragment. */
export function filenameOf(location: string): string {
  const path = location.split(/[?#]/, 1)[0] ?? "";
  const last = path.slice(path.lastIndexOf("/") + 1);
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}

/** `sha256:abc…` → `{sha256: "abc…"}`; anything else → `{}`. */
export function parseHash(text: string | undefined): Readonly<Record<string, string>> {
  const [, algorithm, hex] = /^([a-z0-9_]+)[:=]([0-9a-f]+)$/i.exec(text ?? "") ?? [];
  return algorithm === undefined || hex === undefined ? {} : { [algorithm.toLowerCase()]: hex.toLowerCase() };
}
