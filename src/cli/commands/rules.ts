import { checkRules, faults } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { outputFlags } from "../flags.ts";

export const command: CommandModule = {
  configure: (cli) => cli,
  async run(_args, flags, io) {
    const output = outputFlags(flags);
    const logs = (await faults()).map(({ code, title, architecture }) => ({
      source: "log",
      code,
      title,
      architecture,
    }));
    const files = (await checkRules()).map(({ id, title, severity }) => ({
      source: "dockerfile",
      code: id,
      title,
      severity,
    }));
    if (output.format === "json") {
      io.terminal.out(`${JSON.stringify({ schema: "anyarch.rules/v1", rules: [...logs, ...files] })}\n`);
      return 0;
    }
    const { formatTable } = await import("../render/table.ts");
    const bold = (text: string): string => io.terminal.paint("out", "bold", text);
    io.terminal.out(`${bold("What anyarch check finds in Dockerfiles")}\n`);
    io.terminal.out(formatTable(files.map(({ code, severity, title }) => [`  ${code}`, severity, title])));
    io.terminal.out(`${bold("Faults that anyarch explain finds in logs")}\n`);
    io.terminal.out(formatTable(logs.map(({ code, title }) => [`  ${code}`, title])));
    io.terminal.out("anyarch explain CODE tells more of a fault, docs/rules/ of a rule.\n");
    return 0;
  },
};
