import type { BenchedPlatform, BenchReport } from "../../index.ts";
import type { Terminal } from "../terminal.ts";
import { formatTable } from "./table.ts";

/** A row per platform, and what the numbers are worth. */
export function showBenchReport(terminal: Terminal, { platforms, measured }: BenchReport): void {
  terminal.out(formatTable([["", "", "median", "from – to", "against native"], ...platforms.map(row)]));
  terminal.out(`\n${remark(platforms, measured)}\n`);
}

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
