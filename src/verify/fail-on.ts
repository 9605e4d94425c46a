import { AnyarchError } from "../errors/error.ts";
import { verifyFindingCodes } from "./checks.ts";
import type { VerifyFinding } from "./finding.ts";

const levels = ["none", "error", "warning", "info"] as const;

/**
 * Which findings count as failure: those of a severity (error by default) and above, "none" for no severity, and those
 * of the codes given. Throws USAGE for what is neither.
 */
export function failureTest(given: readonly string[]): (finding: VerifyFinding) => boolean {
  const codes = new Set<string>();
  let level: number | undefined;
  for (const word of given.flatMap((list) => list.split(",")).map((item) => item.trim())) {
    const known = levels.findIndex((name) => name === word.toLowerCase());
    if (known >= 0) level = Math.max(level ?? 0, known);
    else if (verifyFindingCodes.some((code) => code === word.toUpperCase())) codes.add(word.toUpperCase());
    else {
      throw new AnyarchError(
        "USAGE",
        `--fail-on is "${word}", neither ${levels.join(", ")} nor the code of a finding.`,
        { hint: `The codes are ${verifyFindingCodes.join(", ")}.` },
      );
    }
  }
  const threshold = level ?? levels.indexOf("error");
  return ({ severity, code }) => levels.indexOf(severity) <= threshold || codes.has(code);
}
