import type { CopyReport } from "../../index.ts";
import type { OutputFlags } from "../flags.ts";
import type { Terminal } from "../terminal.ts";
import { formatBytes } from "./units.ts";

/** One line per destination, or the report as JSON. */
export function showCopyResult(terminal: Terminal, report: CopyReport, output: OutputFlags): void {
  if (output.format === "json") {
    terminal.out(`${JSON.stringify(report)}\n`);
    return;
  }
  if (output.quiet) {
    terminal.out(`${report.digest}\n`);
    return;
  }
  terminal.out(`${terminal.paint("out", "bold", report.digest)}\n`);
  for (const { location, pushed, mounted, existing, bytes } of report.published) {
    terminal.out(
      `  ${location}  ${pushed} sent (${formatBytes(bytes)}), ${mounted} mounted, ${existing} there already\n`,
    );
  }
}
