import type { CommandModule } from "../../../src/cli/commands.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";

/** Runs a command in this process with a plain terminal of 100 columns: its exit code, and what it printed. */
export async function runCommand(
  command: CommandModule,
  positional: Parameters<CommandModule["run"]>[0],
  flags: Readonly<Record<string, unknown>>,
  stdin = "",
): Promise<{ readonly code: number; readonly out: string }> {
  let out = "";
  const terminal: Terminal = {
    columns: 100,
    live: false,
    out: (text) => void (out += text),
    err: () => {},
    paint: (_stream, _style, text) => text,
  };
  const { signal } = new AbortController();
  const io = { terminal, signal, readStdin: () => Promise.resolve(stdin), onSignal: () => {} };
  const code = await command.run(positional, flags, io);
  return { code, out };
}
