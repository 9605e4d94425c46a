import { AnyarchError } from "../errors/error.ts";

/**
 * The form in which entries name paths: "./usr//bin/" becomes "usr/bin", "./" and "." become "" (the root).
 * `archive` names the archive in errors. Throws ARCHIVE_UNSAFE for absolute paths, "..", NUL and the empty string.
 */
export function normalizeEntryPath(path: string, archive: string): string {
  const problem = unsafePathReason(path);
  if (problem !== undefined) throw unsafe(path, archive, problem);
  if (isPlain(path)) return path;
  return path
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}

/**
 * Throws ARCHIVE_UNSAFE unless `path` is already an entry path: relative, "/"-separated, with no empty part,
 * ".", "..", NUL or lone surrogate (which has no UTF-8 form).
 */
export function assertSafePath(path: string, archive: string): void {
  const problem = unsafePathReason(path);
  if (problem !== undefined) throw unsafe(path, archive, problem);
  if (!isPlain(path)) throw unsafe(path, archive, 'it has an empty part or "."');
  if (/\p{Surrogate}/u.test(path)) throw unsafe(path, archive, "it has no UTF-8 form");
}

/** Why extracting to `path` could write outside of the root, or undefined when it can't. */
function unsafePathReason(path: string): string | undefined {
  if (path === "") return "it is empty";
  if (path.startsWith("/")) return "it is absolute";
  if (path.includes("\0")) return "it holds a NUL byte";
  if (path.includes("..") && path.split("/").includes("..")) return 'it holds ".."';
  return undefined;
}

/** No part is empty or "."; the quick test covers nearly all paths. */
function isPlain(path: string): boolean {
  if (!path.includes("//") && !path.includes(".") && !path.endsWith("/")) return true;
  return !path.split("/").some((part) => part === "" || part === ".");
}

function unsafe(path: string, archive: string, why: string): AnyarchError {
  return new AnyarchError("ARCHIVE_UNSAFE", `${archive} has the path ${JSON.stringify(path)}: ${why}.`, {
    details: { path },
  });
}
