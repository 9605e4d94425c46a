import { describe } from "vitest";
import type { EngineName, Engines } from "./install.ts";

/**
 * `describe` for tests that need engines: skipped with the reason in its name, which the summary of `npm test` prints,
 * when one of them is missing.
 */
export function describeWith(
  engines: Engines,
  names: readonly EngineName[],
  title: string,
  body: () => void,
): void {
  const reason = engines.without(...names);
  if (reason === undefined) describe(title, body);
  else describe.skip(`${title} (without ${reason})`, body);
}
