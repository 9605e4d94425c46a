import { InvalidArgumentError } from "commander";
import { AnyarchError, cacheReport, pruneCache } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { outputFlags } from "../flags.ts";
import { formatBytes } from "../render/units.ts";

export const command: CommandModule = {
  configure: (cli) =>
    cli
      .argument("[action]", "prune removes what was not used lately; without it the cache is only shown")
      .option("--older-than <days>", "with prune: not used for so many days; 0 for everything", days, 30),
  async run([action], flags, io) {
    const output = outputFlags(flags);
    if (action !== undefined && action !== "prune") {
      throw new AnyarchError("USAGE", `"cache ${String(action)}" is no command.`, {
        hint: "anyarch cache, anyarch cache prune",
      });
    }
    const settings = { signal: io.signal };
    const report =
      action === "prune"
        ? await pruneCache({ olderThanDays: Number(flags["olderThan"]) }, settings)
        : await cacheReport(settings);
    if (output.format === "json") {
      io.terminal.out(`${JSON.stringify(report)}\n`);
      return 0;
    }
    io.terminal.out(`${io.terminal.paint("out", "bold", report.directory)}\n`);
    const { formatTable } = await import("../render/table.ts");
    io.terminal.out(
      formatTable(
        report.parts.map(({ name, files, bytes }) => [`  ${name}`, formatBytes(bytes), `${files} files`]),
        { right: [1] },
      ),
    );
    if (report.removed !== undefined) {
      io.terminal.out(`removed ${report.removed.files} files, ${formatBytes(report.removed.bytes)}\n`);
    }
    return 0;
  },
};

function days(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("It must be a whole number of days.");
  return Number(text);
}
