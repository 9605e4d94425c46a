import { join, resolve } from "node:path";

export const project: string = resolve(import.meta.dirname, "..");

/** The process under test: plain Node.js with the built library, as users have it. */
export const anyarch: readonly string[] = [process.execPath, join(project, "lib/cli/main.js")];

/** Environment with a cache and a home of its own. */
export function ownEnvironment(directory: string): Record<string, string> {
  return { HOME: join(directory, "home"), ANYARCH_CACHE_DIR: join(directory, "cache") };
}
