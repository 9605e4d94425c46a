import { bench, type BenchedPlatform } from "../../index.ts";
import { partCommand } from "../command-words.ts";
import type { CommandModule } from "../commands.ts";
import { engineFlags, engineOptions } from "../engine-flags.ts";
import { collect, countFromOne, outputFlags } from "../flags.ts";
import { withProgress } from "../render/renderer.ts";
import { formatTable } from "../render/table.ts";

export const command: CommandModule = {
  configure: (cli) =>
    engineFlags(cli)
      .usage("[options] [image or directory] [--] [command...]")
      .argument("[image]", "an image, or a directory with a Dockerfile; dist/image by default")
      .argument("[command...]", "in place of the image's own; it has to end by itself")
      .option("-p, --platform <list>", "all, or only these", collect)
      .option("--runs <number>", "measured runs per platform (5, for builds 1)", countFromOne),
  words: (words, cli) => partCommand(words, cli, "dist/image"),
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
    const report = await withProgress(io.terminal, output, (emit) =>
      bench(typeof image === "string" ? image : "dist/image", options, { signal: io.signal, emit }),
    );
    if (output.format === "json") {
      io.terminal.out(`${JSON.stringify(report)}\n`);
      return 0;
    }
    const rows = report.platforms.map(row);
    io.terminal.out(formatTable([["", "", "median", "from – to", "against native"], ...rows]));
    io.terminal.out(`\n${remark(report.platforms, report.measured)}\n`);
    return 0;
  },
};

function row({ platform, execution, times, slower }: BenchedPlatform): readonly string[] {
  const { median, min, max } = times;
  const against =
    slower === undefined
      ? ""
      : `× ${factor(slower.median)} (${factor(slower.atLeast)} to ${factor(slower.atMost)})`;
  return [platform, execution, milliseconds(median), `${milliseconds(min)} – ${milliseconds(max)}`, against];
}

function milliseconds(time: number): string {
  return time < 10_000 ? `${Math.round(time)} ms` : `${(time / 1000).toFixed(1)} s`;
}

function factor(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(1) : String(Math.round(ratio));
}

/** What the numbers are worth. */
function remark(platforms: readonly BenchedPlatform[], measured: "run" | "build"): string {
  const runs = platforms[0]?.times.runs ?? 0;
  const widest = Math.max(0, ...platforms.map(({ times }) => times.relative));
  const what =
    measured === "run" ? "A container's start is part of each time." : "Builds are made without a cache.";
  if (runs < 3) return `${what} ${runs} measured: nothing is known about noise; --runs 5 tells more.`;
  const percent = Math.round(widest * 100);
  const noise =
    widest > 0.25
      ? "that is much: other things run here, or the command is too short to be measured so"
      : "smaller differences say nothing";
  return `${what} Runs of one platform differ by up to ${percent} %: ${noise}.`;
}
