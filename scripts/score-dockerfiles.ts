/**
 * Scores `check` on labelled Dockerfiles: recall and precision over errors and warnings, findings on traps and on
 * clean files. `tsx scripts/score-dockerfiles.ts [CORPUS] [--list]`; the corpus holds dev.jsonl and dev/*.Dockerfile.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { checkDockerfile } from "../src/diagnose/check-dockerfile.ts";

interface Label {
  readonly rule: string;
  readonly line: number;
  readonly instr_line: number;
  readonly severity: "error" | "warning" | "info";
  readonly also?: readonly string[];
}

interface LabelledFile {
  readonly file: string;
  readonly findings: readonly Label[];
  readonly traps?: readonly ({ readonly line: number } | number)[];
  readonly neutral_lines?: readonly number[];
}

interface RuleCounts {
  hit: number;
  missed: number;
  wrong: number;
}

export interface DockerfileScore {
  readonly files: number;
  readonly recall: number;
  readonly precision: number;
  /** Errors and warnings on files without any label of an error or warning. */
  readonly onClean: number;
  readonly onTraps: number;
  readonly rules: Readonly<Record<string, RuleCounts>>;
  /** What was missed or is wrong, one line each. */
  readonly misses: readonly string[];
}

/** Scores the files of CORPUS/dockerfiles. A finding is right on its label's line ±1 or on the instruction's first line. */
export function scoreDockerfiles(corpus: string): DockerfileScore {
  const folder = join(corpus, "dockerfiles");
  const rows = readFileSync(join(folder, "dev.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as LabelledFile);
  const rules: Record<string, RuleCounts> = {};
  const countsOf = (rule: string): RuleCounts => (rules[rule] ??= { hit: 0, missed: 0, wrong: 0 });
  const misses: string[] = [];
  let onClean = 0;
  let onTraps = 0;
  for (const row of rows) {
    const scored = scoreFile(row, readFileSync(pathOf(folder, row.file), "utf8"));
    for (const label of scored.hit) countsOf(label.rule).hit++;
    for (const label of scored.missed) {
      countsOf(label.rule).missed++;
      misses.push(`missed ${row.file}:${label.line} ${label.severity} ${label.rule}`);
    }
    for (const { rule, line, severity, message } of scored.wrong) {
      countsOf(rule).wrong++;
      misses.push(`wrong  ${row.file}:${line} ${severity} ${rule}: ${message}`);
      if (scored.clean) onClean++;
      if (
        row.traps?.some((trap) => Math.abs((typeof trap === "number" ? trap : trap.line) - line) <= 0) ===
        true
      )
        onTraps++;
    }
  }
  const sum = (key: keyof RuleCounts): number =>
    Object.values(rules).reduce((total, counts) => total + counts[key], 0);
  const hit = sum("hit");
  return {
    files: rows.length,
    recall: hit / Math.max(1, hit + sum("missed")),
    precision: hit / Math.max(1, hit + sum("wrong")),
    onClean,
    onTraps,
    rules,
    misses,
  };
}

function pathOf(folder: string, file: string): string {
  return join(folder, file.includes("/") ? file : `dev/${file}`);
}

function scoreFile(row: LabelledFile, text: string) {
  const labels = row.findings.filter(({ severity }) => severity !== "info");
  const found = checkDockerfile(row.file, text).findings.filter(({ severity }) => severity !== "info");
  const fits = (label: Label, finding: (typeof found)[number]): boolean =>
    (finding.rule === label.rule || label.also?.includes(finding.rule) === true) &&
    (Math.abs(finding.line - label.line) <= 1 || finding.line === label.instr_line);
  const hit = labels.filter((label) => found.some((finding) => fits(label, finding)));
  const missed = labels.filter((label) => !hit.includes(label));
  const wrong = found.filter(
    (finding) =>
      !row.findings.some((label) => fits(label, finding)) &&
      row.neutral_lines?.includes(finding.line) !== true,
  );
  return { hit, missed, wrong, clean: labels.length === 0 };
}

/** The score as lines for a person; with `list`, every miss. */
export function dockerfileReport(corpus: string, list = false): string {
  const score = scoreDockerfiles(corpus);
  const percent = (value: number): string => `${(value * 100).toFixed(1)} %`;
  const rules = Object.entries(score.rules)
    .sort(([a], [b]) => a.localeCompare(b))
    .filter(([, { missed, wrong }]) => list || missed + wrong > 0)
    .map(([rule, { hit, missed, wrong }]) => `  ${rule}: ${hit} hit, ${missed} missed, ${wrong} wrong`);
  return [
    `check: ${score.files} Dockerfiles, recall ${percent(score.recall)}, precision ${percent(score.precision)}, ${score.onClean} findings on clean files, ${score.onTraps} on traps`,
    ...rules,
    ...(list ? score.misses : []),
  ].join("\n");
}

const isMain = process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href;
if (isMain) {
  const corpus = process.argv.slice(2).find((word) => !word.startsWith("-"));
  const folder = resolve(corpus ?? join(import.meta.dirname, "../../shared/corpus"));
  process.stdout.write(`${dockerfileReport(folder, process.argv.includes("--list"))}\n`);
}
