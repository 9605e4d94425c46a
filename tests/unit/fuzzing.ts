/** How much a test with mutated input does. */
export interface Fuzzing {
  readonly inputs: number;
  readonly seed: number;
  /** Milliseconds that all inputs may take on a slow machine. */
  readonly timeout: number;
  /** True where somebody asked for more than the suite's own. */
  readonly isLong: boolean;
}

/**
 * `inputs` in the suite. By hand as many as wanted, and from another seed:
 *
 *     ANYARCH_FUZZ_INPUTS=1000000 ANYARCH_FUZZ_SEED=7 npx vitest run tests/unit/verify/hostile-elf.test.ts
 *
 * `share` is for inputs that take longer than others: a hundredth of the number that is asked for, say.
 */
export function fuzzing(inputs: number, seed = 1, share = 1): Fuzzing {
  const asked = process.env["ANYARCH_FUZZ_INPUTS"];
  const count = asked === undefined ? inputs : Math.ceil(Number(asked) * share);
  return {
    inputs: count,
    seed: Number(process.env["ANYARCH_FUZZ_SEED"] ?? seed),
    timeout: 60_000 + Math.ceil((10 * count) / share),
    isLong: asked !== undefined,
  };
}
