import { type ErrorCode, errorCodes } from "./codes.ts";
import { redact } from "./redact.ts";

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
    super(redact(message), options.cause === undefined ? {} : { cause: options.cause });
    this.name = "AnyarchError";
    this.code = code;
    const hint = options.hint ?? errorCodes[code].hint;
    this.hint = hint === undefined ? undefined : redact(hint);
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
  if (isAbort(error)) return new AnyarchError("CANCELLED", "Cancelled.", { cause: error });
  const message = error instanceof Error ? error.message : String(error);
  const path = error instanceof Error ? (error as NodeJS.ErrnoException).path : undefined;
  switch (systemCode(error)) {
    case "ENOSPC":
    case "EDQUOT":
      return new AnyarchError("DISK_FULL", `No space is left for ${path ?? "writing"}.`, { cause: error });
    case "EACCES":
    case "EPERM":
    case "ENOENT":
    case "EISDIR":
    case "ENOTDIR":
    case "ELOOP":
    case "EROFS":
      return new AnyarchError("INPUT_UNREADABLE", message, { cause: error });
    default:
      return new AnyarchError("INTERNAL", message, { cause: error });
  }
}
