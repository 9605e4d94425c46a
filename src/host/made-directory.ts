import { mkdir, rmdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes a directory with its parents. What is returned takes back those that were made here, as far as nothing is in
 * them: for work that failed before it had anything to show.
 */
export async function makeDirectory(path: string): Promise<() => Promise<void>> {
  const first = await mkdir(path, { recursive: true });
  return async () => {
    if (first === undefined) return;
    try {
      for (let at = path; at.length >= first.length; at = dirname(at)) await rmdir(at);
    } catch {
      // Somebody else put something there meanwhile.
    }
  };
}
