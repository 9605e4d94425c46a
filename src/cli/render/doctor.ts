import type { CheckResult, DoctorFix, DoctorReport } from "../../index.ts";
import type { Style, Terminal } from "../terminal.ts";

const marks: Readonly<Record<CheckResult["status"], readonly [Style, string]>> = {
  ok: ["green", "✓"],
  warn: ["yellow", "!"],
  fail: ["red", "✗"],
  skip: ["dim", "-"],
};

const groupTitles: Readonly<Record<CheckResult["group"], string>> = {
  platforms: "Platforms",
  emulation: "Emulation",
  docker: "Docker",
  builders: "Builders",
  machine: "Machine",
  network: "Network and registries",
};

/** What is wrong first, with why and what to do; then everything, a line each. */
export function showReport(
  terminal: Terminal,
  report: DoctorReport,
  { verbose, hint }: { readonly verbose: boolean; readonly hint: boolean },
): void {
  const out = (text: string): void => terminal.out(text);
  const paint = (style: Style, text: string): string => terminal.paint("out", style, text);
  const wrong = [
    ...report.checks.filter(({ status }) => status === "fail"),
    ...report.checks.filter(({ status }) => status === "warn"),
  ];
  const explained = new Set<string>();
  for (const result of wrong) {
    const [style, mark] = marks[result.status];
    out(
      `${paint(style, mark)} ${paint("bold", labelOf(result))}: ${result.found} ${paint("dim", `[${result.id}]`)}\n`,
    );
    // One cause, several findings: why and fix are told once.
    const cause = result.fix?.key ?? result.id;
    if (!explained.has(`${result.id} ${result.why}`))
      out(indented(wrapped(result.why, terminal.columns - 4)));
    explained.add(`${result.id} ${result.why}`);
    if (result.fix !== undefined && !explained.has(cause)) showFix(terminal, result.fix);
    explained.add(cause);
    if (verbose) out(paint("dim", indented(`expected: ${result.expected}\nmeasured: ${result.measured}`)));
    out("\n");
  }
  showGroups(terminal, report, verbose);
  if (report.repairs !== undefined) showRepairs(terminal, report.repairs);
  showVerdict(terminal, report, wrong, hint);
}

function labelOf({ title, subject }: CheckResult): string {
  return subject === undefined ? title : `${title} (${subject})`;
}

function showFix(terminal: Terminal, { title, why, commands, automatic }: DoctorFix): void {
  const label = terminal.paint("out", "cyan", automatic ? "fix" : "to do");
  terminal.out(`  ${label} ${title}\n`);
  for (const command of commands) terminal.out(`      ${command}\n`);
  terminal.out(terminal.paint("out", "dim", indented(indented(wrapped(why, terminal.columns - 6)))));
}

function showGroups(terminal: Terminal, { checks, platforms, target }: DoctorReport, verbose: boolean): void {
  const out = (text: string): void => terminal.out(text);
  out(`${terminal.paint("out", "bold", target)} for ${platforms.join(", ")}\n`);
  for (const [group, title] of Object.entries(groupTitles)) {
    const members = checks.filter((check) => check.group === group && (verbose || check.status !== "skip"));
    if (members.length === 0) continue;
    out(`${terminal.paint("out", "bold", title)}\n`);
    for (const result of members) {
      const [style, mark] = marks[result.status];
      out(`  ${terminal.paint("out", style, mark)} ${labelOf(result)}: ${result.found}\n`);
      if (verbose) out(terminal.paint("out", "dim", `      ${result.id}: ${result.measured}\n`));
    }
  }
}

function showRepairs(terminal: Terminal, repairs: NonNullable<DoctorReport["repairs"]>): void {
  const out = (text: string): void => terminal.out(text);
  const planned = repairs.every(({ status }) => status === "planned");
  if (repairs.length === 0) {
    out("\nThere is nothing to repair that --fix could.\n");
    return;
  }
  out(`\n${terminal.paint("out", "bold", planned ? "--fix would run" : "Repairs")}\n`);
  for (const { title, status, commands, undo, output, why } of repairs) {
    const style: Style = status === "repaired" ? "green" : status === "failed" ? "red" : "cyan";
    out(`  ${terminal.paint("out", style, status)} ${title}\n`);
    if (planned) out(commands.map((command) => `      ${command}\n`).join(""));
    if (planned) out(terminal.paint("out", "dim", indented(indented(wrapped(why, terminal.columns - 6)))));
    if (status === "failed" && output !== undefined) out(indented(indented(indented(output))));
    if (undo.length > 0 && status !== "declined")
      out(
        `    ${terminal.paint("out", "dim", "undo")}\n${undo.map((command) => `      ${command}\n`).join("")}`,
      );
  }
}

function showVerdict(
  terminal: Terminal,
  { ok, platforms }: DoctorReport,
  wrong: readonly CheckResult[],
  hint: boolean,
): void {
  const failed = wrong.filter(({ status }) => status === "fail").length;
  const warned = wrong.length - failed;
  const warnings = warned === 0 ? "" : `, ${warned} warning${warned === 1 ? "" : "s"}`;
  const verdict = ok
    ? `${terminal.paint("out", "green", "✓")} ready to build ${platforms.join(", ")}${warnings}`
    : `${terminal.paint("out", "red", "✗")} ${failed} failed${warnings}`;
  terminal.out(`\n${verdict}\n`);
  if (hint && wrong.some(({ fix }) => fix?.automatic === true))
    terminal.out("anyarch doctor --fix repairs what is marked fix; --fix --dry-run prints the commands.\n");
}

/** What is to be agreed to. */
export function showCommands(terminal: Terminal, plan: readonly DoctorFix[], stream: "err"): void {
  for (const { title, why, commands } of plan) {
    terminal.err(`${terminal.paint(stream, "bold", title)}\n`);
    terminal.err(commands.map((command) => `  ${command}\n`).join(""));
    terminal.err(terminal.paint(stream, "dim", indented(wrapped(why, terminal.columns - 4))));
  }
}

function indented(text: string): string {
  return `${text.replace(/\n+$/, "").replace(/^(?=.)/gm, "  ")}\n`;
}

/** Words of prose on lines of at most `columns`; commands are never broken. */
function wrapped(text: string, columns: number): string {
  const width = Math.max(40, Math.min(columns, 110));
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}
