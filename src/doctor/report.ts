import { isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import {
  type Check,
  checkGroups,
  type Examination,
  type Finding,
  type Fix,
  makeExamination,
} from "./check.ts";
import { checks } from "./checks.ts";
import type { HostProbe } from "./probe.ts";
import type { Repair } from "./repair.ts";

/** One finding with all that its check says of it. */
export interface CheckResult extends Required<
  Pick<Finding, "status" | "found" | "expected" | "why" | "measured">
> {
  readonly id: string;
  readonly title: string;
  readonly group: Check["group"];
  readonly subject?: string;
  readonly fix?: Fix;
}

/** What `anyarch doctor --format json` prints. */
export interface DoctorReport {
  readonly schema: "anyarch.doctor/v1";
  /** "this machine" or "ssh://…". */
  readonly target: string;
  readonly platforms: readonly string[];
  /** Whether nothing failed that the platforms need. */
  readonly ok: boolean;
  readonly checks: readonly CheckResult[];
  /** What `--fix` did, or with `--dry-run` would do; the checks are then those after it. */
  readonly repairs?: readonly Repair[];
}

/** What is examined. */
export interface Patient {
  readonly probe: HostProbe;
  readonly platforms: readonly Platform[];
  readonly registries: readonly string[];
}

/** Makes every check on the machine as it is now; nothing is changed on it. Throws only when cancelled. */
export async function examine(patient: Patient, ctx: Context): Promise<DoctorReport> {
  const examination = makeExamination({ ...patient, ctx });
  const results = await Promise.all(checks.map((check) => runCheck(check, examination)));
  const found = checkGroups.flatMap((group) => results.flat().filter((result) => result.group === group));
  return {
    schema: "anyarch.doctor/v1",
    target: patient.probe.name,
    platforms: patient.platforms.map(formatPlatform),
    ok: found.every(({ status }) => status !== "fail"),
    checks: found,
  };
}

async function runCheck(check: Check, x: Examination): Promise<readonly CheckResult[]> {
  let findings: Finding | readonly Finding[];
  try {
    findings = await check.examine(x);
  } catch (error) {
    if (isAbort(error) || x.ctx.signal.aborted) throw error;
    const why = error instanceof Error ? error.message : String(error);
    findings = { status: "skip", found: `it couldn't be examined: ${why}` };
  }
  const { id, title, group, expected, why, measured } = check;
  return [findings].flat().map((finding) => ({ id, title, group, expected, why, measured, ...finding }));
}
