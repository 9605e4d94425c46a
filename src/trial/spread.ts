/** What repeated measurements of one thing say. All in milliseconds. */
export interface Spread {
  readonly runs: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** (max − min) / median: 0.1 means that runs lie within a tenth of the median of each other. */
  readonly relative: number;
}

/** Throws nothing; of no runs everything is NaN. */
export function spreadOf(times: readonly number[]): Spread {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
  const [min, max] = [at(0), at(sorted.length - 1)];
  return { runs: times.length, median, min, max, relative: (max - min) / median };
}

/** How much longer `slow` takes than `fast`: by the medians, and at least and at most as far as the runs tell. */
export interface Ratio {
  readonly median: number;
  readonly atLeast: number;
  readonly atMost: number;
}

export function ratioOf(slow: Spread, fast: Spread): Ratio {
  return { median: slow.median / fast.median, atLeast: slow.min / fast.max, atMost: slow.max / fast.min };
}
