/** What the operating system's error codes mean to a person. */
const reasons: Readonly<Record<string, string>> = {
  EACCES: "permission is denied",
  EPERM: "the operation isn't permitted",
  ENOENT: "it isn't there",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of its path is no directory",
  EEXIST: "something else is in its place",
  ELOOP: "its links go in a circle",
  ENAMETOOLONG: "its name is too long",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left",
  EDQUOT: "the quota is used up",
  EMFILE: "too many files are open",
  ENFILE: "too many files are open on this machine",
  EIO: "the device reports an error",
  ENXIO: "it is a socket or pipe that nobody serves",
  EBUSY: "it is in use",
};

const writingCalls: ReadonlySet<string> = new Set([
  "mkdir",
  "mkdtemp",
  "rename",
  "link",
  "symlink",
  "unlink",
  "rmdir",
  "rm",
  "write",
  "ftruncate",
  "copyfile",
]);

/** A system error's reason in words, without its path; the error's own message where it is something else. */
export function systemReason(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  const known = code === undefined ? undefined : reasons[code];
  return known ?? (error instanceof Error ? error.message : String(error));
}

/** True where something was to be written: by the call, or by a name that only files in the making have. */
export function isWriteError({ code, syscall, path }: NodeJS.ErrnoException): boolean {
  return (
    code === "EROFS" ||
    (syscall !== undefined && writingCalls.has(syscall)) ||
    /(?:^|[\\/])\.(?:tmp|anyarch)-/.test(path ?? "")
  );
}

/** Files in the making are named after their directory: their own name means nothing to anybody. */
export function writtenPlace(path: string): string {
  return path.replace(/[\\/]\.(?:tmp|anyarch)-.*$/, "");
}

/** The same error, with the path of the file that was being written where it names none: write(2) knows no path. */
export function withPath(error: unknown, path: string): unknown {
  if (error instanceof Error && (error as NodeJS.ErrnoException).syscall === "write")
    (error as NodeJS.ErrnoException).path ??= path;
  return error;
}
