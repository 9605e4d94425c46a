import type {
  PlatformReport,
  VerifyCheck,
  VerifyCheckName,
  VerifyFinding,
  VerifyReport,
} from "../../index.ts";
import type { Style, Terminal } from "../terminal.ts";
import { formatTable } from "./table.ts";

const cells: Readonly<Record<VerifyCheck["status"], readonly [Style, string]>> = {
  ok: ["green", "✓"],
  error: ["red", "✗"],
  warning: ["yellow", "!"],
  info: ["dim", "·"],
  unproved: ["dim", "–"],
};

/** Platforms × checks, then each platform's findings; `verbose` spells all of them out. */
export function showVerifyReport(terminal: Terminal, report: VerifyReport, verbose: boolean): void {
  terminal.out(formatTable(matrixOf(terminal, report)));
  for (const platform of report.platforms) showPlatform(terminal, platform, verbose);
}

function matrixOf(terminal: Terminal, { platforms }: VerifyReport): readonly (readonly string[])[] {
  // In the report's own order; every platform has all of them.
  const columns = Object.keys(platforms[0]?.checks ?? {}) as VerifyCheckName[];
  const head = ["", ...columns].map((name) => terminal.paint("out", "dim", name));
  const rows = platforms.map(({ platform, checks }) => [
    platform,
    ...columns.map((name) => {
      const { status, count } = checks[name];
      const [style, sign] = cells[status];
      return terminal.paint("out", style, count > 0 ? `${sign} ${count}` : sign);
    }),
  ]);
  return [head, ...rows];
}

/** How many of a kind are spelled out; --verbose prints all. */
const shown = { error: 10, warning: 3, info: 0 } as const;

function showPlatform(terminal: Terminal, report: PlatformReport, verbose: boolean): void {
  const { platform, ok, files, elf, findings } = report;
  const mark = ok ? terminal.paint("out", "green", "✓") : terminal.paint("out", "red", "✗");
  terminal.out(`${mark} ${terminal.paint("out", "bold", platform)}  ${elf} ELF of ${files} files\n`);
  for (const severity of ["error", "warning", "info"] as const) {
    const kinds = groupsOf(findings.filter((finding) => finding.severity === severity));
    let hidden = 0;
    for (const group of kinds) {
      // An error is what one came for; remarks about a base's own files would drown it.
      const limit = verbose ? group.length : shown[severity];
      for (const finding of group.slice(0, limit)) terminal.out(lineOf(terminal, finding));
      const more = group.length - Math.min(limit, group.length);
      if (severity === "info") hidden += more;
      else if (more > 0) terminal.out(dim(terminal, `and ${more} more ${nounOf(severity, more)} like these`));
    }
    if (hidden > 0) {
      const them = hidden === 1 ? "it" : "them";
      terminal.out(dim(terminal, `and ${hidden} ${nounOf(severity, hidden)}: --verbose shows ${them}`));
    }
  }
}

/** Findings of one cause: the same code and layer, and the same package where one is known. */
function groupsOf(findings: readonly VerifyFinding[]): readonly (readonly VerifyFinding[])[] {
  const groups = new Map<string, VerifyFinding[]>();
  for (const finding of findings) {
    const { kind, name } = finding.origin?.package ?? {};
    const key = [finding.code, finding.layerIndex, kind, name].join(" ");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return [...groups.values()];
}

function lineOf(terminal: Terminal, { severity, code, message }: VerifyFinding): string {
  const [style, sign] = cells[severity];
  const label = terminal.paint("out", "dim", `[${code}]`);
  return `  ${terminal.paint("out", style, sign)} ${message} ${label}\n`;
}

function dim(terminal: Terminal, text: string): string {
  return terminal.paint("out", "dim", `  ${text}\n`);
}

function nounOf(severity: VerifyFinding["severity"], count: number): string {
  const noun = severity === "info" ? "remark" : severity;
  return count === 1 ? noun : `${noun}s`;
}
