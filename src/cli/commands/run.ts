import { AnyarchError, type BuildEvent, run, type RunOptions } from "../../index.ts";
import { partCommand } from "../command-words.ts";
import type { CommandIO, CommandModule } from "../commands.ts";
import { defaultImage, givenImage } from "../default-image.ts";
import { givenEnvironment } from "../env-file.ts";
import { engineFlags, engineOptions } from "../engine-flags.ts";
import { collect, keyValue, outputFlags } from "../flags.ts";
import { createPlainRenderer } from "../render/plain.ts";
import type { Terminal } from "../terminal.ts";

/** Beside those that end anyarch where there is no container to pass them on to. */
const moreSignals = ["SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const;

export const command: CommandModule = {
  configure: (cli) =>
    engineFlags(cli)
      .usage("[options] [image] [--] [command...]")
      .argument("[image]", "registry reference, oci:DIR[:TAG], archive or layout; dist/image by default")
      .argument("[command...]", "in place of the image's own")
      .option("--platform <platform>", "which of the image's platforms; this machine's own by default")
      .option("-e, --env <K=V>", "environment variable; repeatable", keyValue)
      .option("--env-file <file>", "environment variables, KEY=VALUE on each line; repeatable", collect)
      .option("-w, --workdir <dir>", "working directory in the container")
      .option("-u, --user <user>", "user[:group], by name or number")
      .option("-i, --interactive", "standard input is the container's, too")
      .option("-t, --tty", "the container has a terminal")
      .option(
        "-p, --port <[HOST:]CONTAINER>",
        "publish a port; with runc all ports are this machine's",
        collect,
      )
      .option("-v, --volume <SOURCE:TARGET>", "mount a file or directory; :ro for read-only", collect)
      .option("--network <name>", "host or none; with docker and podman, any of theirs")
      .option("--entrypoint <program>", "in place of the image's own")
      .option("--rm", "nothing stays of a container, with or without this"),
  words: (words, cli) => partCommand(words, cli, defaultImage),
  async run([image, words], flags, io) {
    const output = outputFlags(flags);
    if (output.format === "json") {
      throw new AnyarchError("USAGE", "--format json isn't for run: standard output is the container's.", {
        hint: "`anyarch test --format json` runs commands and tells how they ended.",
      });
    }
    const say = output.verbose ? createPlainRenderer(io.terminal, output).emit : messages(io.terminal);
    const { exitCode } = await run(
      givenImage(image),
      {
        ...optionsOf(flags, (words ?? []) as readonly string[]),
        output: "inherit",
        onStart: (send) => passSignals(io, send),
      },
      { signal: io.signal, ...(!output.quiet && { emit: say }) },
    );
    return exitCode;
  },
};

function optionsOf(flags: Readonly<Record<string, unknown>>, words: readonly string[]): RunOptions {
  const { platform, workdir, user, interactive, tty, port, volume, network, entrypoint } = flags;
  if (tty === true && !process.stdin.isTTY) {
    throw new AnyarchError("USAGE", "--tty needs a terminal, and standard input is none.");
  }
  const env = givenEnvironment(flags);
  const text = (key: string, value: unknown): object => (typeof value === "string" ? { [key]: value } : {});
  return {
    ...engineOptions(flags),
    ...text("platform", platform),
    ...text("workdir", workdir),
    ...text("user", user),
    ...text("network", network),
    ...(typeof entrypoint === "string" && { entrypoint: entrypoint === "" ? [] : [entrypoint] }),
    ...(words.length > 0 && { command: words }),
    ...(env !== undefined && { env }),
    ...(port !== undefined && { ports: port as readonly string[] }),
    ...(volume !== undefined && { volumes: volume as readonly string[] }),
    tty: tty === true,
    stdin: interactive === true || tty === true ? "inherit" : "none",
  };
}

/** Standard error is the container's, too: only what matters is said, and no progress is drawn. */
function messages(terminal: Terminal): (event: BuildEvent) => void {
  return (event) => {
    if (event.type !== "log" || event.level === "debug") return;
    const label = event.level === "warning" ? `${terminal.paint("err", "yellow", "warning")} ` : "";
    terminal.err(`${label}${event.message}\n`);
  };
}

/** Signals are the container's from now on: when it ends of one, so does anyarch, after it has tidied up. */
function passSignals(io: CommandIO, send: (signal: NodeJS.Signals) => void): void {
  io.onSignal(send);
  for (const name of moreSignals) process.on(name, send);
}
