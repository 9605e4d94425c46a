import { median, type Sample } from "./measure.ts";

/** What one part of the benchmark found: a table of cases, each with the medians of its samples. */
export interface Table {
  readonly title: string;
  /** The case that the ratios compare with. */
  readonly baseline: string;
  readonly rows: readonly Row[];
  /** Said below the table. */
  readonly notes?: readonly string[];
}

interface Row {
  readonly name: string;
  readonly runs: number;
  readonly wallMs: number;
  readonly cpuMs?: number;
  readonly peakMiB?: number;
  /** Of the wall times' medians: this one by the baseline's. */
  readonly ratio: number;
  /** Median share of the cores that other programs took meanwhile. */
  readonly foreign?: number;
}

export function makeTable(
  title: string,
  baseline: string,
  samples: Readonly<Record<string, readonly Sample[]>>,
  notes: readonly string[] = [],
): Table {
  const of = (list: readonly Sample[], key: keyof Sample): number =>
    median(list.flatMap((sample) => sample[key] ?? []));
  const base = of(samples[baseline] ?? [], "wallMs");
  const rows = Object.entries(samples).map(([name, list]): Row => {
    const measured = list.every(({ cpuMs }) => cpuMs !== undefined);
    return {
      name,
      runs: list.length,
      wallMs: of(list, "wallMs"),
      ...(measured && {
        cpuMs: of(list, "cpuMs"),
        peakMiB: of(list, "peakMiB"),
        foreign: of(list, "foreign"),
      }),
      ratio: of(list, "wallMs") / base,
    };
  });
  return { title, baseline, rows, notes };
}

/** As Markdown, which is a table for eyes, too. */
export function formatTable({ title, baseline, rows, notes = [] }: Table): string {
  const round = (value: number | undefined): string => {
    if (value === undefined || Number.isNaN(value)) return "–";
    return value >= 100 ? value.toFixed(0) : value.toFixed(1);
  };
  const header = ["", "wall ms", `× ${baseline}`, "CPU ms", "peak MiB", "runs"];
  const lines = rows.map(({ name, wallMs, ratio, cpuMs, peakMiB, runs }) => [
    name,
    round(wallMs),
    ratio.toFixed(2),
    round(cpuMs),
    round(peakMiB),
    String(runs),
  ]);
  const widths = header.map((text, at) =>
    Math.max(text.length, ...lines.map((line) => line[at]?.length ?? 0)),
  );
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(" | ")} |`;
  const rule = `| ${widths.map((width, at) => (at === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  const foreign = Math.max(0, ...rows.map((one) => one.foreign ?? 0));
  const noise =
    foreign > 0.15 ? [`Other programs took up to ${(foreign * 100).toFixed(0)} % of the cores: repeat.`] : [];
  return [
    `### ${title}`,
    "",
    row(header),
    rule,
    ...lines.map(row),
    "",
    ...[...notes, ...noise].flatMap((note) => [note, ""]),
  ].join("\n");
}
