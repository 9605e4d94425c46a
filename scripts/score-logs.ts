/** Scores `explain` on labelled logs: ../shared/corpus/failures/dev.jsonl and files of the same form. */
import { readFileSync } from "node:fs";
import type { Diagnosis } from "../src/diagnose/diagnosis.ts";
import { openLogReader } from "../src/diagnose/log-reader.ts";
import { logRules } from "../src/diagnose/log-rules.ts";

interface Sample {
  readonly id: string;
  readonly log: string;
  readonly class: string;
  readonly accept?: readonly string[];
  readonly negative?: boolean;
  readonly arch_any?: boolean;
}

interface Tally {
  right: number;
  samples: number;
  named: number;
}

export interface LogScore {
  readonly samples: number;
  /** Share of samples whose first diagnosis is the labelled code or one that is accepted. */
  readonly top1: number;
  /** Share of samples where having or not having to do with the architecture is right. */
  readonly architecture: number;
  /** Negatives for which the first diagnosis is one of architecture. */
  readonly falseAlarms: number;
  /** What was printed. */
  readonly report: string;
}

/** Reads a corpus (one sample a line) and scores it. `verbose` lists every sample that was missed. */
export function scoreLogs(path: string, verbose = false): LogScore {
  const samples = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as Sample);
  const codes = new Map<string, Tally>();
  const tally = (code: string): Tally => {
    const known = codes.get(code) ?? { right: 0, samples: 0, named: 0 };
    codes.set(code, known);
    return known;
  };
  let top1 = 0;
  let architecture = 0;
  let falseAlarms = 0;
  const missed: string[] = [];
  for (const sample of samples) {
    const found = explain(sample.log);
    const [first] = found;
    const right = isRight(sample, first);
    tally(sample.class).samples++;
    if (first !== undefined) tally(right ? sample.class : first.code).named++;
    if (right) {
      top1++;
      tally(sample.class).right++;
    }
    const sameSide = sample.arch_any === true || isArchitecture(sample) === (first?.architecture ?? false);
    if (sameSide) architecture++;
    if (sample.negative === true && first?.architecture === true) falseAlarms++;
    if (!right || !sameSide) {
      missed.push(
        `  ${sameSide ? " " : "!"} ${sample.id}: ${found.map(({ code }) => code).join(", ") || "nothing"}`,
      );
    }
  }
  const count = samples.length;
  const lines = [
    `logs: ${count} samples, top-1 ${percent(top1, count)}, architecture ${percent(architecture, count)}, false alarms on negatives ${falseAlarms}`,
    ...table(codes),
    ...(verbose && missed.length > 0 ? ["missed (! = architecture wrong):", ...missed] : []),
  ];
  return {
    samples: count,
    top1: top1 / count,
    architecture: architecture / count,
    falseAlarms,
    report: lines.join("\n"),
  };
}

function explain(log: string): readonly Diagnosis[] {
  const reader = openLogReader();
  for (const line of log.split("\n")) reader.line(line);
  return reader.diagnoses();
}

function isRight(sample: Sample, first: Diagnosis | undefined): boolean {
  // A fault of the user's own may be left unnamed.
  if (first === undefined) return sample.class === "generic-user-error";
  return first.code === sample.class || sample.accept?.includes(first.code) === true;
}

function isArchitecture(sample: Sample): boolean {
  if (sample.negative !== undefined) return !sample.negative;
  return logRules.find(({ code }) => code === sample.class)?.architecture ?? false;
}

function table(codes: ReadonlyMap<string, Tally>): string[] {
  return [...codes]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, { right, samples, named }]) =>
        `  ${code.padEnd(44)} recall ${percent(right, samples).padStart(6)}  precision ${percent(right, named).padStart(6)}  n ${samples}`,
    );
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "–" : `${((100 * part) / whole).toFixed(1)}%`;
}
