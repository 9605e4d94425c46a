import type { TestedPlatform, TestReport } from "../../index.ts";
import type { Terminal } from "../terminal.ts";
import { formatTable } from "./table.ts";
import { formatSeconds } from "./units.ts";

/** A row per check, a column per platform; below, what failed and why. */
export function showTestReport(terminal: Terminal, { platforms }: TestReport): void {
  const bold = (text: string): string => terminal.paint("out", "bold", text);
  const names = new Set(platforms.flatMap(({ checks }) => checks.map(({ name }) => name)));
  terminal.out(
    formatTable([
      ["", ...platforms.map(({ platform }) => bold(platform))],
      ["runs", ...platforms.map(({ execution }) => execution ?? "not")],
      ...[...names].map((name) => [short(name), ...platforms.map((tested) => cell(terminal, tested, name))]),
      ["time", ...platforms.map(({ durationMs }) => formatSeconds(durationMs))],
    ]),
  );
  for (const { platform, checks, error } of platforms) {
    if (error !== undefined) {
      terminal.out(`\n${terminal.paint("out", "red", "✗")} ${bold(platform)}  ${indent(error.message)}\n`);
      if (error.hint !== undefined) terminal.out(`  ${indent(error.hint)}\n`);
    }
    for (const { status, name, message = "" } of checks) {
      if (status === "ok") continue;
      terminal.out(
        `\n${terminal.paint("out", "red", "✗")} ${bold(platform)}  ${name}\n  ${indent(message)}\n`,
      );
    }
  }
}

function cell(terminal: Terminal, { checks }: TestedPlatform, name: string): string {
  const check = checks.find((candidate) => candidate.name === name);
  if (check === undefined) return terminal.paint("out", "dim", "–");
  const mark =
    check.status === "ok" ? terminal.paint("out", "green", "✓") : terminal.paint("out", "red", "✗");
  return check.durationMs === 0 ? mark : `${mark} ${formatSeconds(check.durationMs)}`;
}

function short(name: string): string {
  const line = name.replaceAll(/\s+/g, " ");
  return line.length > 50 ? `${line.slice(0, 49)}…` : line;
}

function indent(text: string): string {
  return text.replaceAll("\n", "\n  ");
}
