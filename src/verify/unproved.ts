import { AnyarchError } from "../errors/error.ts";
import type { PlatformReport } from "./finding.ts";

/** How many findings an error spells out; the rest are counted. */
const shown = 5;

/** The error of an image that holds what its platform can't run: VERIFY_FAILED, with all findings in its details. */
export function unproved(
  report: PlatformReport,
  wrong: PlatformReport["findings"],
  /** How to leave such files out. */
  hint: string,
): AnyarchError {
  const lines = wrong.slice(0, shown).map(({ message }) => `  ${message}`);
  const more = wrong.length > shown ? [`  and ${wrong.length - shown} more`] : [];
  return new AnyarchError(
    "VERIFY_FAILED",
    [
      `The image for ${report.platform} holds what doesn't run there; nothing was published.`,
      ...lines,
      ...more,
    ].join("\n"),
    {
      hint,
      details: { platform: report.platform, findings: wrong },
    },
  );
}
