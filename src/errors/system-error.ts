/** What error codes of the system and of Node.js mean to a person. */
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
  ENOTFOUND: "the host name isn't known",
  EAI_AGAIN: "the host name can't be looked up at the moment",
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was closed while sending",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "the host can't be reached",
  ENETUNREACH: "the network can't be reached",
  EPROTO: "it doesn't speak TLS",
  ERR_SSL_WRONG_VERSION_NUMBER: "it doesn't speak TLS",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "it doesn't speak TLS",
  ERR_STREAM_PREMATURE_CLOSE: "the connection was closed in the middle of an answer",
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

/**
 * The reason of a system error, or of the one that caused it, in words and without a path or host; the error's own
 * message where it is something else.
 */
export function systemReason(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const known = reasons[(at as NodeJS.ErrnoException).code ?? ""];
    if (known !== undefined) return known;
  }
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, "");
}

const diskCodes: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "EIO"]);

/** True for what goes wrong on this machine's disk, which asking a server again doesn't mend. */
export function isDiskError(error: unknown): boolean {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code !== undefined && diskCodes.has(code);
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
