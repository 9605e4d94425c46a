import type { PlatformRequirements, RequirementsReport } from "../../index.ts";
import type { Terminal } from "../terminal.ts";
import { formatTable } from "./table.ts";
import { formatBytes } from "./units.ts";

/** What each platform needs, then where it runs, then what to build for the places that it doesn't run on. */
export function showRequirements(terminal: Terminal, report: RequirementsReport): void {
  const bold = (text: string): string => terminal.paint("out", "bold", text);
  terminal.out(`${bold(report.name ?? report.location)}  ${report.digest}\n`);
  for (const platform of report.platforms) showPlatform(terminal, platform);
  terminal.out(`\n${bold("Where it runs")}  as of ${report.asOf}\n`);
  const rows = report.places.flatMap(({ name, runs }) =>
    runs.map(({ platform, machines, setting = "" }) => [`  ${name}`, platform, machines, setting]),
  );
  terminal.out(formatTable(rows));
  for (const { name, note, runs } of report.places)
    if (note !== undefined && runs.length > 0) terminal.out(`  ${name}: ${note}\n`);
  showMissing(terminal, report);
}

function showPlatform(terminal: Terminal, each: PlatformRequirements): void {
  const { platform, words, start, base, ok, errors, elf } = each;
  const bad = `verify finds ${errors === 1 ? "an error" : `${errors} errors`}`;
  const proof = ok ? `${elf} ELF files for it` : terminal.paint("out", "red", bad);
  terminal.out(`\n${terminal.paint("out", "bold", platform)}  ${proof}\n`);
  const rows = [
    ["  processor", words.processor],
    ["  C library", words.libc],
    ["  Linux", words.kernel],
    ["  size", `${formatBytes(each.compressed)} to download, ${formatBytes(each.unpacked)} on disk`],
    ["  starts", start === undefined ? "" : `/${start.path} (${start.linking})`],
    ["  base", base?.name ?? ""],
  ];
  terminal.out(formatTable(rows.filter(([, value]) => value !== "")));
}

function showMissing(terminal: Terminal, { places }: RequirementsReport): void {
  const rows = places.flatMap(({ name, lacks }) =>
    lacks.map(({ platform, machines, build }) => [`  ${name}`, platform, machines, build]),
  );
  if (rows.length === 0) return;
  terminal.out(`\n${terminal.paint("out", "bold", "Platforms that it lacks")}\n`);
  terminal.out(formatTable(rows));
}
