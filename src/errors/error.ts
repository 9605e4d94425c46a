import { type ErrorCode, errorCodes } from "./codes.ts";
import { printable } from "./printable.ts";
import { redact } from "./redact.ts";
import { isWriteError, systemReason, writtenPlace } from "./system-error.ts";

export interface AnyarchErrorOptions {
  /** What to do next; the code's own hint where this is absent. One sentence or several lines. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** Facts for programs (and for --format json): never text to parse, never a secret. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Every failure that anyarch foresees. The message says what failed, on what and why in one or a few lines;
 * the hint says what to do next; the code is stable.
 */
export class AnyarchError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: AnyarchErrorOptions = {}) {
    super(printable(redact(message)), options.cause === undefined ? {} : { cause: options.cause });
    this.name = "AnyarchError";
    this.code = code;
    const hint = options.hint ?? errorCodes[code].hint;
    this.hint = hint === undefined ? undefined : printable(redact(hint));
    this.details = options.details ?? {};
  }

  get exitCode(): number {
    return errorCodes[this.code].exit;
  }
}

/** The system error code (`ENOENT`, `ECONNRESET`, …) of an error or of one of its causes, if any. */
export function systemCode(error: unknown): string | undefined {
  for (
    let current = error, depth = 0;
    current instanceof Error && depth < 8;
    current = current.cause, depth++
  ) {
    const code = (current as NodeJS.ErrnoException).code;
    if (typeof code === "string" && !(current instanceof AnyarchError)) return code;
  }
  return undefined;
}

/** True for what an aborted AbortSignal makes functions throw. */
export function isAbort(error: unknown): boolean {
  if (error instanceof AnyarchError) return error.code === "CANCELLED";
  return error instanceof Error && (error.name === "AbortError" || systemCode(error) === "ABORT_ERR");
}

/**
 * Turns any thrown value into an AnyarchError: those pass through, system errors become readable ones,
 * everything else is a defect of ours (INTERNAL) and keeps the original as its cause.
 */
export function toAnyarchError(error: unknown): AnyarchError {
  if (error instanceof AnyarchError) return error;
  // What failed is of interest, not that cleaning up after it failed too.
  if (error instanceof Error && "suppressed" in error) return toAnyarchError(error.suppressed);
  if (isAbort(error)) return new AnyarchError("CANCELLED", "Cancelled.", { cause: error });
  return fromSystemError(error) ?? new AnyarchError("INTERNAL", messageOf(error), { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

type SystemError = NodeJS.ErrnoException & { readonly dest?: string };

/** Errors of the file system, of the thrown error itself or of its cause. */
function fromSystemError(error: unknown): AnyarchError | undefined {
  const code = systemCode(error);
  let origin: SystemError | undefined;
  for (let at = error; at instanceof Error && origin === undefined; at = at.cause) {
    if ((at as NodeJS.ErrnoException).code === code) origin = at;
  }
  if (code === undefined || origin === undefined) return undefined;
  // A copy that fails has both paths; where it was going to is what counts.
  const { dest: path = origin.path } = origin;
  switch (code) {
    case "ENOSPC":
    case "EDQUOT": {
      const where = path === undefined ? "to write" : `in ${writtenPlace(path)}`;
      return new AnyarchError("DISK_FULL", `No space is left ${where}.`, { cause: error });
    }
    case "EACCES":
    case "EPERM":
    case "ENOENT":
    case "EISDIR":
    case "ENOTDIR":
    case "EEXIST":
    case "ELOOP":
    case "ENAMETOOLONG":
    case "EROFS": {
      if (path === undefined) return new AnyarchError("INPUT_UNREADABLE", messageOf(error), { cause: error });
      const why = systemReason(origin);
      return isWriteError(origin)
        ? new AnyarchError("OUTPUT_UNWRITABLE", `${writtenPlace(path)} can't be written: ${why}.`, {
            cause: error,
          })
        : new AnyarchError("INPUT_UNREADABLE", `${path} can't be read: ${why}.`, { cause: error });
    }
    default:
      return undefined;
  }
}
