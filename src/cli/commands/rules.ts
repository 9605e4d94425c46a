import { type Rule, rules } from "../../index.ts";
import type { CommandModule } from "../commands.ts";
import { outputFlags } from "../flags.ts";

export const command: CommandModule = {
  configure: (cli) => cli,
  async run(_args, flags, io) {
    const output = outputFlags(flags);
    const all = await rules();
    if (output.format === "json") {
      io.terminal.out(`${JSON.stringify({ schema: "anyarch.rules/v1", rules: all.map(summary) })}\n`);
      return 0;
    }
    const { formatTable } = await import("../render/table.ts");
    const part = (heading: string, of: readonly Rule[]): void => {
      io.terminal.out(`${io.terminal.paint("out", "bold", heading)}\n`);
      io.terminal.out(formatTable(of.map(({ id, title }) => [`  ${id}`, title])));
    };
    const logs = all.filter(({ source }) => source === "log");
    part("In logs (anyarch explain): architecture and emulation", logs.filter(isArchitecture));
    part(
      "In logs: nothing to do with the architecture",
      logs.filter((rule) => !isArchitecture(rule)),
    );
    part(
      "In Dockerfiles (anyarch check)",
      all.filter(({ source }) => source === "dockerfile"),
    );
    io.terminal.out("anyarch explain NAME tells more of one.\n");
    return 0;
  },
};

function isArchitecture({ architecture }: Rule): boolean {
  return architecture === true;
}

function summary({ source, id, title, architecture, severity }: Rule): Partial<Rule> {
  return {
    source,
    id,
    title,
    ...(architecture !== undefined && { architecture }),
    ...(severity !== undefined && { severity }),
  };
}
