import { readFileSync } from "node:fs";
import type { CheckFinding, CheckReport } from "../../index.ts";
import { printable } from "../../errors/printable.ts";
import type { Terminal } from "../terminal.ts";

const marks = { error: ["red", "error"], warning: ["yellow", "warning"], info: ["cyan", "info"] } as const;

/** Lines longer than this are cut in the code frame. */
const widest = 160;

/** Findings with their code frames, what was changed, and one line per file at the end. */
export function showFindings(
  terminal: Terminal,
  report: CheckReport,
  how: { readonly verbose: boolean; readonly quiet: boolean },
): void {
  const texts = new Map<string, readonly string[]>();
  for (const finding of report.findings) {
    if (finding.severity === "info" && how.quiet) continue;
    showFinding(terminal, finding, sourceLine(finding, texts), how.verbose);
  }
  for (const { diff } of report.fixed) terminal.out(`${painted(terminal, diff)}\n`);
  if (how.quiet) return;
  for (const { file, errors, warnings, infos } of report.files) {
    const counts = [plural(errors, "error"), plural(warnings, "warning"), plural(infos, "remark")]
      .filter(Boolean)
      .join(", ");
    const mark =
      errors > 0
        ? terminal.paint("out", "red", "✗")
        : warnings > 0
          ? terminal.paint("out", "yellow", "!")
          : terminal.paint("out", "green", "✓");
    terminal.out(`${mark} ${printable(file)}: ${counts || "nothing found"}\n`);
  }
  if (report.baselined > 0) terminal.out(`${plural(report.baselined, "finding")} of the baseline left out\n`);
}

function showFinding(
  terminal: Terminal,
  finding: CheckFinding,
  source: string | undefined,
  verbose: boolean,
): void {
  const { file, line, rule, severity, message, why, fix, platforms } = finding;
  const [style, word] = marks[severity];
  const where = terminal.paint("out", "bold", `${printable(file)}:${line}`);
  terminal.out(
    `${where} ${terminal.paint("out", style, word)} ${printable(message)} ${terminal.paint("out", "dim", `[${rule}]`)}\n`,
  );
  if (source !== undefined) {
    const number = String(line).padStart(5);
    terminal.out(`${terminal.paint("out", "dim", `${number} |`)} ${printable(source).slice(0, widest)}\n`);
  }
  if (severity === "info" && !verbose) return;
  const on = platforms.length > 0 ? ` (${platforms.join(", ")})` : "";
  terminal.out(`      ${why}${on}\n`);
  const [advice = "", ...patch] = fix.split("\n");
  terminal.out(`      ${terminal.paint("out", "green", "fix")} ${advice}\n`);
  if (patch.length > 0)
    terminal.out(
      `${patch
        .map((text) => `        ${text}`)
        .join("\n")
        .trimEnd()}\n`,
    );
}

/** The text of the finding's line, where its file can still be read. */
function sourceLine({ file, line }: CheckFinding, texts: Map<string, readonly string[]>): string | undefined {
  const path = file.replace(/ \([^()]*\)$/, "");
  let lines = texts.get(path);
  if (lines === undefined) {
    try {
      lines = path === "-" ? [] : readFileSync(path, "utf8").split(/\r?\n/);
    } catch {
      lines = [];
    }
    texts.set(path, lines);
  }
  return lines[line - 1];
}

function painted(terminal: Terminal, diff: string): string {
  return diff
    .trimEnd()
    .split("\n")
    .map((line) => {
      const text = printable(line);
      if (/^(?:---|\+\+\+)/.test(line)) return terminal.paint("out", "bold", text);
      if (line.startsWith("+")) return terminal.paint("out", "green", text);
      return line.startsWith("-") ? terminal.paint("out", "red", text) : text;
    })
    .join("\n");
}

function plural(count: number, word: string): string {
  return count === 0 ? "" : `${count} ${word}${count === 1 ? "" : "s"}`;
}
