import { readFileSync, statSync } from "node:fs";
import { AnyarchError } from "../errors/error.ts";

/**
 * Reads a small text file that a person wrote. A named pipe or socket in its place is refused instead of waited for
 * without end; only what is named below /dev (`<(command)` of a shell, /dev/null) may be one. Throws INPUT_UNREADABLE
 * for that, and the system's error where the file isn't there or can't be read.
 */
export function readTextFile(path: string): string {
  const info = statSync(path);
  if (!info.isFile() && !info.isDirectory() && !path.startsWith("/dev/")) {
    throw new AnyarchError("INPUT_UNREADABLE", `${path} is no file, but a pipe, socket or device.`, {
      hint: "Remove it, or put the file that is meant in its place.",
    });
  }
  return readFileSync(path, "utf8");
}
