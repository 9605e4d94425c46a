import type { Severity } from "./rule.ts";

/** The shape of a plan's hazards; diagnose/ may not import buildkit/. */
export interface PlannedHazardLike {
  readonly rule: string;
  readonly severity: Severity;
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly platforms: readonly string[];
}
