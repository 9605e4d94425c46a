import { addAbortSignal } from "node:stream";
import { Command, CommanderError } from "commander";
import { systemReason } from "../errors/system-error.ts";
import { AnyarchError } from "../index.ts";
import { type CommandIO, type CommandModule, commands } from "./commands.ts";
import { showError } from "./render/error.ts";
import { type ColorMode, createTerminal } from "./terminal.ts";
import { usageError } from "./usage-error.ts";

/** Exit code of a process that a second Ctrl-C ended at once. */
const interrupted = 130;
const wrongUsage = 2;

/** Ctrl-C, a CI system that stops a job, and a terminal that is closed. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Runs one command line; returns the exit code. Everything that goes wrong is shown here and nowhere else. */
export async function runProgram(argv: readonly string[], version: string): Promise<number> {
  const terminal = createTerminal(colorMode(argv));
  const abort = new AbortController();
  let onSignal = (_name: NodeJS.Signals): void => {
    if (abort.signal.aborted) process.exit(interrupted);
    abort.abort(new AnyarchError("CANCELLED", "Cancelled."));
  };
  // To the very end: what is done is not to look cancelled because of a late Ctrl-C.
  for (const name of signals) process.on(name, () => onSignal(name));
  const io: CommandIO = {
    terminal,
    signal: abort.signal,
    readStdin: () => readStdin(abort.signal),
    onSignal: (handler) => (onSignal = handler),
  };
  const verbose = argv.includes("--verbose") || argv.includes("-v");
  const options = {
    verbose,
    json: valueOf("--format", argv) === "json",
    events: valueOf("--progress", argv) === "json",
    version,
  };
  process.once("uncaughtException", (error) => process.exit(showError(terminal, error, options)));
  try {
    return await dispatch(argv, version, io);
  } catch (error) {
    if (error instanceof CommanderError) return 0; // Help was asked for and shown.
    return showError(terminal, error, options);
  }
}

async function dispatch(argv: readonly string[], version: string, io: CommandIO): Promise<number> {
  let exitCode = 0;
  const program = new Command("anyarch")
    .description("Container images for every CPU architecture, from any machine.")
    .version(version, "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .configureOutput({ outputError: () => {} }) // Its errors are shown like all others.
    .exitOverride();
  const asked = argv.find((word) => Object.hasOwn(commands, word));
  let called: Command = program;
  let words = argv;
  for (const [name, entry] of Object.entries(commands)) {
    const command = program.command(name).description(entry.summary).exitOverride();
    // Only the command that is called is loaded; the others are a line in the help.
    if (name !== asked) continue;
    called = command;
    const module = await entry.load();
    configure(module, command, (code) => (exitCode = code), io);
    const at = argv.indexOf(name) + 1;
    if (module.words !== undefined) words = [...argv.slice(0, at), ...module.words(argv.slice(at), command)];
  }
  if (argv.length === 0) {
    program.outputHelp({ error: true });
    return wrongUsage;
  }
  try {
    await program.parseAsync(withoutHelp(words), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError) || error.exitCode === 0) throw error;
    const path = called === program ? "anyarch" : `anyarch ${called.name()}`;
    throw usageError(error, `${path} ${called.usage()}`);
  }
  return exitCode;
}

/** `anyarch biuld --help` and `anyarch help biuld` ask for the help of what isn't there: that has to be said. */
function withoutHelp(argv: readonly string[]): readonly string[] {
  const [name = ""] = argv[0] === "help" ? argv.slice(1) : argv;
  return /^[^-]/.test(name) && !Object.hasOwn(commands, name) ? [name] : argv;
}

function configure(
  module: CommandModule,
  command: Command,
  finish: (code: number) => void,
  io: CommandIO,
): void {
  const configured = module.configure(command);
  const isFree = (short: string): boolean => !configured.options.some((option) => option.short === short);
  configured
    .option("--format <format>", "how results are printed: text or json", "text")
    .option("--progress <mode>", "how progress is shown: auto, tty, plain, json or quiet", "auto")
    .option("--no-progress", "no progress, but the whole result")
    .option("-q, --quiet", "no progress, results only")
    .option(`${isFree("-v") ? "-v, " : ""}--verbose`, "say more")
    .option("--color <when>", "auto, always or never", "auto")
    .action(async (...all: unknown[]) => {
      const flags = command.opts<Record<string, unknown>>();
      const args = all.slice(0, -2) as (string | string[] | undefined)[];
      finish(await module.run(args, flags, io));
    });
}

function colorMode(argv: readonly string[]): ColorMode {
  const value = valueOf("--color", argv);
  return value === "always" || value === "never" ? value : "auto";
}

/** A flag's value, the last as ever, for what has to be known before the command line is parsed, or although it can't be. */
function valueOf(flag: string, argv: readonly string[]): string | undefined {
  const at = argv.findLastIndex((word) => word === flag || word.startsWith(`${flag}=`));
  const word = argv[at];
  if (word === undefined) return undefined;
  return word === flag ? argv[at + 1] : word.slice(flag.length + 1);
}

/** Somebody may sit before it and press Ctrl-C instead of Ctrl-D. */
async function readStdin(signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of addAbortSignal(signal, process.stdin) as AsyncIterable<Buffer>)
      chunks.push(chunk);
  } catch (error) {
    signal.throwIfAborted();
    throw new AnyarchError("INPUT_UNREADABLE", `Standard input can't be read: ${systemReason(error)}.`, {
      cause: error,
      hint: "Give it a file or a pipe: --password-stdin < FILE",
    });
  }
  return Buffer.concat(chunks).toString("utf8");
}
