import { AnyarchError, doctor, type DoctorFix } from "../../index.ts";
import type { CommandIO, CommandModule } from "../commands.ts";
import { collect, outputFlags } from "../flags.ts";

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument("[target]", "ssh://[USER@]HOST[:PORT]; default: this machine")
      .option("-p, --platform <list>", "the platforms that images are built for", collect)
      .option("--registry <host>", "compare the clock with this registry's")
      .option("--fix", "repair what can be repaired; asks before it changes anything")
      .option("--yes", "with --fix: don't ask")
      .option("--dry-run", "with --fix: print the commands and run none"),
  async run([target], flags, io) {
    const output = outputFlags(flags);
    const { withProgress } = await import("../render/renderer.ts");
    const { showCommands, showReport } = await import("../render/doctor.ts");
    const { platform, registry } = flags;
    const options = {
      ...(typeof target === "string" && { target }),
      ...(platform !== undefined && { platforms: platform as readonly string[] }),
      ...(typeof registry === "string" && { registry }),
    };
    const fix = fixOf(flags, io, (plan) => showCommands(io.terminal, plan, "err"));
    const report = await withProgress(io.terminal, output, (emit) =>
      doctor({ ...options, ...(fix !== undefined && { fix }) }, { signal: io.signal, emit }),
    );
    if (output.format === "json") io.terminal.out(`${JSON.stringify(report)}\n`);
    else showReport(io.terminal, report, { verbose: output.verbose, hint: fix === undefined });
    return report.ok ? 0 : 1;
  },
};

type Agree = (plan: readonly DoctorFix[]) => Promise<boolean>;

function fixOf(
  flags: Readonly<Record<string, unknown>>,
  io: CommandIO,
  show: (plan: readonly DoctorFix[]) => void,
): "plan" | Agree | undefined {
  const [wanted, yes, dry] = ["fix", "yes", "dryRun"].map((name) => flags[name] === true);
  if (dry === true) return "plan";
  if (wanted !== true) {
    if (yes === true) throw new AnyarchError("USAGE", "--yes belongs to --fix.");
    return undefined;
  }
  if (yes !== true && !process.stdin.isTTY)
    throw new AnyarchError(
      "USAGE",
      "--fix asks before it changes anything, and there is no terminal to ask at.",
      {
        hint: "Look at anyarch doctor --fix --dry-run, then run it with --yes.",
      },
    );
  return async (plan) => {
    show(plan);
    if (yes === true) return true;
    const { createInterface } = await import("node:readline/promises");
    const asking = createInterface({ input: process.stdin, output: process.stderr });
    try {
      const answer = await asking.question("Run these commands? [y/N] ", { signal: io.signal });
      return /^y(?:es)?$/i.test(answer.trim());
    } finally {
      asking.close();
    }
  };
}
