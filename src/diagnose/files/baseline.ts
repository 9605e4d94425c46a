import { createHash } from "node:crypto";
import { AnyarchError } from "../../errors/error.ts";
import type { CheckFinding } from "../check-dockerfile.ts";

/** Findings that were there before and are put up with: by rule, file and the line's text, not by its number. */
export interface Baseline {
  readonly schema: "anyarch.baseline/v1";
  readonly findings: readonly BaselineEntry[];
}

interface BaselineEntry {
  readonly rule: string;
  readonly file: string;
  /** SHA-256 of the line without surrounding white space, shortened. */
  readonly line: string;
  /** How many such there are. */
  readonly count: number;
}

/** Throws INPUT_INVALID for what isn't a baseline. */
export function parseBaseline(path: string, text: string): Baseline {
  try {
    const value = JSON.parse(text) as Baseline;
    if (value.schema === "anyarch.baseline/v1" && Array.isArray(value.findings)) return value;
  } catch {
    // Said below.
  }
  throw new AnyarchError("INPUT_INVALID", `${path} is no baseline of anyarch.`, {
    hint: "Write one with --update-baseline.",
  });
}

type LineOf = (finding: CheckFinding) => string;

export function baselineOf(findings: readonly CheckFinding[], lineOf: LineOf): Baseline {
  const counts = new Map<string, BaselineEntry>();
  for (const finding of findings) {
    const key = keyOf(finding, lineOf);
    const known = counts.get(key);
    counts.set(key, {
      rule: finding.rule,
      file: finding.file,
      line: hashOf(lineOf(finding)),
      count: (known?.count ?? 0) + 1,
    });
  }
  const entries = [...counts.values()].sort(
    (a, b) => a.file.localeCompare(b.file) || a.rule.localeCompare(b.rule) || a.line.localeCompare(b.line),
  );
  return { schema: "anyarch.baseline/v1", findings: entries };
}

/** The findings that the baseline doesn't have. */
export function withoutBaseline(
  findings: readonly CheckFinding[],
  baseline: Baseline,
  lineOf: LineOf,
): CheckFinding[] {
  const left = new Map(
    baseline.findings.map(({ rule, file, line, count }) => [`${rule}\0${file}\0${line}`, count]),
  );
  return findings.filter((finding) => {
    const key = keyOf(finding, lineOf);
    const count = left.get(key) ?? 0;
    if (count > 0) left.set(key, count - 1);
    return count === 0;
  });
}

function keyOf(finding: CheckFinding, lineOf: LineOf): string {
  return `${finding.rule}\0${finding.file}\0${hashOf(lineOf(finding))}`;
}

function hashOf(line: string): string {
  return createHash("sha256").update(line.trim()).digest("hex").slice(0, 16);
}
