import type { Context } from "../host/context.ts";
import type { Fix } from "./check.ts";
import { type CheckResult, type DoctorReport, examine, type Patient } from "./report.ts";

/** What became of a fix. */
export interface Repair extends Pick<Fix, "key" | "title" | "why" | "commands" | "undo"> {
  /** "planned" with `--dry-run`; "repaired" only after an examination that doesn't find the fault any more. */
  readonly status: "planned" | "declined" | "repaired" | "failed";
  /** What the commands said, where it failed. */
  readonly output?: string;
}

/** Asked before something is changed, with all that would be; `false` leaves everything as it is. */
export type Agree = (plan: readonly Fix[]) => boolean | Promise<boolean>;

/** A round makes the next visible: only a mounted table shows its entries. */
const mostRounds = 6;
const limitMs = 300_000;

/** The fixes that `--fix` may run, each once, in the order in which they run; pure. */
export function planRepairs(results: readonly CheckResult[]): readonly Fix[] {
  const fixes = new Map<string, Fix>();
  for (const { status, fix } of results) {
    if (fix?.automatic === true && (status === "fail" || status === "warn") && !fixes.has(fix.key))
      fixes.set(fix.key, fix);
  }
  return [...fixes.values()].toSorted((a, b) => a.order - b.order);
}

/** The report with what would be repaired; nothing is changed. */
export function withPlan(report: DoctorReport): DoctorReport {
  return {
    ...report,
    repairs: planRepairs(report.checks).map((fix) => ({ ...summary(fix), status: "planned" })),
  };
}

/**
 * Repairs what can be, examines the machine again after each round, and gives the report of the last examination: a
 * fix counts as done when its fault isn't found any more, whatever its commands said. Nothing is run twice; where
 * nothing is to repair nothing is changed.
 */
export async function repair(
  patient: Patient,
  report: DoctorReport,
  agree: Agree,
  ctx: Context,
): Promise<DoctorReport> {
  let current = report;
  const done = new Map<string, Repair>();
  const agreed = new Set<string>();
  for (let round = 0; round < mostRounds; round++) {
    const plan = planRepairs(current.checks).filter(({ key }) => !done.has(key));
    const unasked = plan.filter(({ key }) => !agreed.has(key));
    if (unasked.length > 0 && !(await agree(unasked))) {
      for (const fix of unasked) done.set(fix.key, { ...summary(fix), status: "declined" });
      break;
    }
    for (const { key } of unasked) agreed.add(key);
    const [first] = plan;
    if (first === undefined) break;
    for (const fix of plan.filter(({ order }) => order === first.order))
      done.set(fix.key, await apply(fix, patient, ctx));
    current = await examine(patient, ctx);
  }
  const left = new Set(planRepairs(current.checks).map(({ key }) => key));
  const repairs = [...done.values()].map((each): Repair => {
    if (each.status === "repaired" && left.has(each.key))
      return {
        ...each,
        status: "failed",
        output: each.output ?? "The commands ended well, and the fault is still there.",
      };
    return each;
  });
  return { ...current, repairs };
}

async function apply(fix: Fix, { probe }: Patient, ctx: Context): Promise<Repair> {
  const said: string[] = [];
  for (const command of fix.commands) {
    ctx.emit({ type: "log", level: "info", message: `$ ${command}` });
    const { code, stdout, stderr, timedOut } = await probe.shell(command, { timeoutMs: limitMs });
    const output = (stderr + stdout).trim();
    if (output !== "") said.push(output);
    if (code === 0) continue;
    const why = timedOut ? `it didn't end within ${limitMs / 1000} s` : `it ended with ${code}`;
    return { ...summary(fix), status: "failed", output: [`${command}: ${why}`, ...said].join("\n") };
  }
  const output = said.join("\n");
  return { ...summary(fix), status: "repaired", ...(output !== "" && { output }) };
}

function summary({ key, title, why, commands, undo }: Fix): Omit<Repair, "status"> {
  return { key, title, why, commands, undo };
}
