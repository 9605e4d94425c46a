import { verify, type VerifyFinding, type VerifyReport } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { collect, outputFlags } from "../flags.ts";
import { withProgress } from "../render/renderer.ts";
import type { Terminal } from "../terminal.ts";

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument(
        "<location>",
        "registry reference, oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, or a layout's directory",
      )
      .option("-p, --platform <list>", "only these platforms", collect)
      .option("--deep", "read every byte again: digests, sizes, diffIDs")
      .option("--allow <glob>", "files that may be for any machine; repeatable", collect),
  async run([location], flags, io) {
    const output = outputFlags(flags);
    const options = {
      deep: flags["deep"] === true,
      ...(flags["platform"] !== undefined && { platforms: flags["platform"] as readonly string[] }),
      ...(flags["allow"] !== undefined && { allow: flags["allow"] as readonly string[] }),
    };
    const result = await withProgress(io.terminal, output, (emit) =>
      verify(String(location), options, { signal: io.signal, emit }),
    );
    if (output.format === "json") io.terminal.out(`${JSON.stringify(result)}\n`);
    else show(io.terminal, result, output.verbose);
    return result.platforms.every(({ ok }) => ok) ? 0 : 1;
  },
};

const marks = { error: ["red", "✗"], warning: ["yellow", "!"], info: ["dim", "·"] } as const;

/** How many of a kind are spelled out; --verbose prints all. */
const shown = 3;

function show(terminal: Terminal, result: VerifyReport, verbose: boolean): void {
  for (const { platform, ok, files, elf, findings } of result.platforms) {
    const mark = ok ? terminal.paint("out", "green", "✓") : terminal.paint("out", "red", "✗");
    terminal.out(`${mark} ${terminal.paint("out", "bold", platform)}  ${elf} ELF of ${files} files\n`);
    for (const severity of ["error", "warning", "info"] as const) {
      const all = findings.filter((finding) => finding.severity === severity);
      // An error is what one came for; remarks about a base's own files would drown it.
      const limit = verbose || severity === "error" ? all.length : severity === "warning" ? shown : 0;
      for (const finding of all.slice(0, limit)) terminal.out(lineOf(terminal, finding));
      const more = all.length - limit;
      if (more > 0) terminal.out(terminal.paint("out", "dim", `  ${moreText(severity, more)}\n`));
    }
  }
}

function lineOf(terminal: Terminal, { severity, code, message }: VerifyFinding): string {
  const [style, sign] = marks[severity];
  const label = terminal.paint("out", "dim", `[${code}]`);
  return `  ${terminal.paint("out", style, sign)} ${message} ${label}\n`;
}

function moreText(severity: "error" | "warning" | "info", count: number): string {
  const kind = severity === "info" ? "remark" : severity;
  const which = severity === "info" ? "" : "more ";
  return `and ${count} ${which}${kind}${count === 1 ? "" : "s"}: --verbose shows ${count === 1 ? "it" : "them"}`;
}
