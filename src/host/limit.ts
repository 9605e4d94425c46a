/** Runs work, never more of it at once than the limit allows, in the order in which it was asked for. */
export type Limit = <T>(work: () => Promise<T>) => Promise<T>;

export function createLimit(count: number): Limit {
  const waiting: (() => void)[] = [];
  let free = count;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
