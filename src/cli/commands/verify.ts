import { verify, type VerifyReport } from "../../index.ts";
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

/** Findings of one code that are spelled out; the rest are counted. */
const shown = 10;

function show(terminal: Terminal, result: VerifyReport, verbose: boolean): void {
  for (const { platform, ok, files, elf, findings } of result.platforms) {
    const mark = ok ? terminal.paint("out", "green", "✓") : terminal.paint("out", "red", "✗");
    terminal.out(`${mark} ${terminal.paint("out", "bold", platform)}  ${elf} ELF of ${files} files\n`);
    const counts = new Map<string, number>();
    for (const { severity, code, message } of findings) {
      if (severity === "info" && !verbose) continue;
      const count = (counts.get(code) ?? 0) + 1;
      counts.set(code, count);
      if (count > shown && !verbose) continue;
      const [style, sign] = marks[severity];
      terminal.out(
        `  ${terminal.paint("out", style, sign)} ${message} ${terminal.paint("out", "dim", `[${code}]`)}\n`,
      );
    }
    const hidden =
      findings.length - [...counts.values()].reduce((sum, count) => sum + Math.min(count, shown), 0);
    if (hidden > 0 && !verbose)
      terminal.out(terminal.paint("out", "dim", `  ${hidden} more notes with --verbose\n`));
  }
}
