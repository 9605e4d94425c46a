import type { Diagnosis, Fix, Rule } from "../../index.ts";
import type { Terminal } from "../terminal.ts";

const labelWidth = 11;
const widest = 110;
/** Lines of evidence that are shown without --verbose. */
const shownEvidence = 3;
const longestEvidence = 240;

/** What is the matter, at a glance: the first diagnosis in full, the others by name (all in full with `verbose`). */
export function showDiagnoses(terminal: Terminal, diagnoses: readonly Diagnosis[], verbose: boolean): void {
  const [first, ...others] = diagnoses;
  if (first === undefined) {
    terminal.out(
      "Nothing in this log is a fault that anyarch knows: neither of architecture and emulation nor of builder, registry\nor network. Most likely it is a fault of the Dockerfile or the project itself; the first error of the failing step\nsays which. (anyarch rules lists what is known; --platform and --emulated tell what the log doesn't.)\n",
    );
    return;
  }
  showOne(terminal, first, verbose);
  if (others.length === 0) return;
  if (verbose) {
    for (const other of others) {
      terminal.out("\n");
      showOne(terminal, other, verbose);
    }
    return;
  }
  terminal.out(
    `\n${terminal.paint("out", "dim", "Also in this log, mostly as a consequence (--verbose tells more):")}\n`,
  );
  for (const { code, title, evidence } of others) {
    terminal.out(
      `  ${title} ${terminal.paint("out", "dim", `[${code}, line ${evidence[0]?.line ?? "?"}]`)}\n`,
    );
  }
}

function showOne(terminal: Terminal, diagnosis: Diagnosis, verbose: boolean): void {
  const { code, title, confidence, architecture, evidence, why, fixes, references } = diagnosis;
  terminal.out(`${terminal.paint("out", "red", "✗")} ${terminal.paint("out", "bold", title)}\n`);
  const kind = architecture ? "" : ", nothing to do with the CPU architecture";
  block(terminal, "", terminal.paint("out", "dim", `[${code}] ${confidence}${kind}`));
  const where = whereOf(diagnosis);
  if (where !== "") block(terminal, "where", where);
  if (diagnosis.step?.command !== undefined) block(terminal, "command", cut(diagnosis.step.command));
  const shown = evidence.slice(0, verbose ? evidence.length : shownEvidence);
  block(terminal, "evidence", shown.map(({ line, text }) => `line ${line}: ${cut(text)}`).join("\n"));
  block(terminal, "why", why);
  showFixes(terminal, fixes);
  if (references.length > 0) block(terminal, "read more", references.join("\n"));
}

function whereOf({ platform, emulated, step }: Diagnosis): string {
  const parts: string[] = [];
  if (platform !== undefined) parts.push(platform);
  if (emulated !== undefined) parts.push(emulated ? "emulated" : "not emulated");
  if (step?.stage !== undefined) parts.push(`stage ${step.stage}`);
  if (step?.index !== undefined) {
    parts.push(`step ${step.index}${step.total === undefined ? "" : `/${step.total}`}`);
  }
  return parts.join(", ");
}

function showFixes(terminal: Terminal, fixes: readonly Fix[]): void {
  for (const [index, { title, detail, workaround }] of fixes.entries()) {
    const hides =
      workaround === true ? terminal.paint("out", "yellow", " (hides the fault, doesn't cure it)") : "";
    block(
      terminal,
      index === 0 ? "fixes" : "",
      `${index + 1}. ${terminal.paint("out", "bold", title)}${hides}`,
    );
    block(terminal, "", detail, 3);
  }
}

/** A rule by itself, as anyarch explain CODE shows it. */
export function showRule(terminal: Terminal, rule: Rule): void {
  const { source, id, title, architecture, severity, examples, why, fixes, references } = rule;
  terminal.out(`${terminal.paint("out", "bold", title)}\n`);
  const kind =
    source === "dockerfile"
      ? `a hazard in Dockerfiles, ${severity ?? "warning"}`
      : architecture === true
        ? "a fault of architecture or emulation"
        : "nothing to do with the CPU architecture";
  block(terminal, "", terminal.paint("out", "dim", `[${id}] ${kind}`));
  for (const [at, example] of examples.slice(0, 2).entries()) {
    const lines = example.trim().split("\n").map(cut).join("\n");
    block(terminal, at === 0 ? "looks like" : "or", lines, 0, true);
  }
  block(terminal, "why", why);
  showFixes(terminal, fixes);
  if (references.length > 0) block(terminal, "read more", references.join("\n"));
}

function cut(text: string): string {
  return text.length > longestEvidence ? `${text.slice(0, longestEvidence - 2)} …` : text;
}

/** Text beside its label, wrapped where it is prose; lines that are code keep their breaks. */
function block(terminal: Terminal, label: string, text: string, indent = 0, whole = false): void {
  const width = Math.min(terminal.columns, widest) - labelWidth - 2 - indent;
  let name = label;
  for (const line of text.split("\n")) {
    for (const row of whole ? [line] : wrap(line, width)) {
      const head = terminal.paint("out", "cyan", name.padEnd(labelWidth));
      terminal.out(`  ${head}${" ".repeat(indent)}${row}\n`);
      name = "";
    }
  }
}

/** Commands, patches and addresses stay whole, so that they can be copied. */
const code =
  /^(?:[+\-@ ]|FROM |RUN |COPY |ARG |ENV |docker |anyarch |npm |apt|echo |deb |\[|\{|https?:|line \d+: )/;

function wrap(line: string, width: number): readonly string[] {
  if (line.length <= width || code.test(line)) return [line];
  const rows: string[] = [];
  let row = "";
  for (const word of line.split(" ")) {
    if (row !== "" && row.length + 1 + word.length > width) {
      rows.push(row);
      row = word;
    } else row = row === "" ? word : `${row} ${word}`;
  }
  return [...rows, row];
}
