import { faults } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { outputFlags } from "../flags.ts";

export const command: CommandModule = {
  configure: (cli) => cli,
  async run(_args, flags, io) {
    const output = outputFlags(flags);
    const rules = (await faults()).map(({ code, title, architecture }) => ({
      source: "log",
      code,
      title,
      architecture,
    }));
    if (output.format === "json") {
      io.terminal.out(`${JSON.stringify({ schema: "anyarch.rules/v1", rules })}\n`);
      return 0;
    }
    io.terminal.out(`${io.terminal.paint("out", "bold", "Faults that anyarch explain finds in logs")}\n`);
    const { formatTable } = await import("../render/table.ts");
    io.terminal.out(formatTable(rules.map(({ code, title }) => [`  ${code}`, title])));
    io.terminal.out("anyarch explain CODE tells more of one.\n");
    return 0;
  },
};
