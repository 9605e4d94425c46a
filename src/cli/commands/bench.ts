import { bench } from "../../index.ts";
import { partCommand } from "../command-words.ts";
import type { CommandModule } from "../commands.ts";
import { defaultImage, givenImage } from "../default-image.ts";
import { engineFlags, engineOptions } from "../engine-flags.ts";
import { collect, countFromOne, outputFlags } from "../flags.ts";
import { withProgress } from "../render/renderer.ts";

export const command: CommandModule = {
  configure: (cli) =>
    engineFlags(cli)
      .usage("[options] [image or directory] [--] [command...]")
      .argument("[image]", "an image, or a directory with a Dockerfile; dist/image by default")
      .argument("[command...]", "in place of the image's own; it has to end by itself")
      .option("-p, --platform <list>", "all, or only these", collect)
      .option("--runs <number>", "measured runs per platform (5, for builds 1)", countFromOne),
  words: (words, cli) => partCommand(words, cli, defaultImage),
  async run([image, words], flags, io) {
    const output = outputFlags(flags);
    const { platform, runs } = flags;
    const commandLine = (words ?? []) as readonly string[];
    const options = {
      ...engineOptions(flags),
      ...(platform !== undefined && { platforms: platform as readonly string[] }),
      ...(typeof runs === "number" && { runs }),
      ...(commandLine.length > 0 && { command: commandLine }),
    };
    const location = givenImage(image);
    const report = await withProgress(io.terminal, output, (emit) =>
      bench(location, options, { signal: io.signal, emit }),
    );
    if (output.format === "json") {
      io.terminal.out(`${JSON.stringify(report)}\n`);
      return 0;
    }
    (await import("../render/bench-report.ts")).showBenchReport(io.terminal, report);
    return 0;
  },
};
