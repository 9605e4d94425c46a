import { Command, CommanderError } from "commander";
import { AnyarchError } from "../index.ts";
import { type CommandIO, type CommandModule, commands } from "./commands.ts";
import { showError } from "./render/error.ts";
import { type ColorMode, createTerminal } from "./terminal.ts";

/** Exit code of a process that a second Ctrl-C ended at once. */
const interrupted = 130;

/** Runs one command line; returns the exit code. Everything that goes wrong is shown here and nowhere else. */
export async function runProgram(argv: readonly string[], version: string): Promise<number> {
  const terminal = createTerminal(colorMode(argv));
  const abort = new AbortController();
  const onSignal = (): void => {
    if (abort.signal.aborted) process.exit(interrupted);
    abort.abort(new AnyarchError("CANCELLED", "Cancelled. Nothing was published."));
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  process.stdout.on("error", exitOnBrokenPipe);
  const io: CommandIO = { terminal, signal: abort.signal, readStdin };
  const json = argv.includes("--format=json") || argv[argv.indexOf("--format") + 1] === "json";
  try {
    return await dispatch(argv, version, io);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return showError(terminal, error, { verbose: argv.includes("--verbose") || argv.includes("-v"), json });
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

async function dispatch(argv: readonly string[], version: string, io: CommandIO): Promise<number> {
  let exitCode = 0;
  const program = new Command("anyarch")
    .description("Container images for every CPU architecture, from any machine.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .showHelpAfterError("Run the command with --help to see what it takes.")
    .exitOverride();
  const asked = argv.find((word) => Object.hasOwn(commands, word));
  for (const [name, entry] of Object.entries(commands)) {
    const command = program.command(name).description(entry.summary).exitOverride();
    // Only the command that is called is loaded; the others are a line in the help.
    if (name !== asked) continue;
    const module = await entry.load();
    configure(module, command, (code) => (exitCode = code), io);
  }
  if (argv.length === 0) {
    program.outputHelp();
    return 2;
  }
  await program.parseAsync(argv, { from: "user" });
  return exitCode;
}

function configure(
  module: CommandModule,
  command: Command,
  finish: (code: number) => void,
  io: CommandIO,
): void {
  module
    .configure(command)
    .option("--format <format>", "how results are printed: text or json", "text")
    .option("--progress <mode>", "how progress is shown: auto, tty, plain, json or quiet", "auto")
    .option("-q, --quiet", "no progress, results only")
    .option("-v, --verbose", "say more")
    .option("--color <when>", "auto, always or never", "auto")
    .action(async (...all: unknown[]) => {
      const flags = command.opts<Record<string, unknown>>();
      const args = all.slice(0, -2) as (string | string[] | undefined)[];
      finish(await module.run(args, flags, io));
    });
}

function colorMode(argv: readonly string[]): ColorMode {
  const at = argv.indexOf("--color");
  const value = at >= 0 ? argv[at + 1] : argv.find((word) => word.startsWith("--color="))?.slice(8);
  return value === "always" || value === "never" ? value : "auto";
}

/** `anyarch … | head` closes the pipe early; that is no failure of ours. */
function exitOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
}

async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
