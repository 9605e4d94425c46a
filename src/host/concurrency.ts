import { setMaxListeners } from "node:events";
import { isAbort } from "../errors/error.ts";
import type { Context } from "./context.ts";

/** Lets at most `limit` pieces of work run at a time, the others wait in order. */
export class Limiter {
  readonly #limit: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#limit = Math.max(limit, 1);
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

/**
 * Works on items, `limit` at a time. Nothing new starts after a failure, and what runs already is waited for, so
 * that nothing writes after the error is thrown.
 */
export async function forEachConcurrently<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true && failure === undefined; next = queue.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(limit, 1) }, worker));
  if (failure !== undefined) throw failure.error;
}

/**
 * Runs pieces of work side by side. The first failure cancels the others through the context that they get, and is
 * thrown once all have ended: nothing goes on in the background.
 */
export async function runTogether<T>(
  ctx: Context,
  pieces: readonly ((ctx: Context) => Promise<T>)[],
): Promise<T[]> {
  const stop = new AbortController();
  const shared: Context = { ...ctx, signal: AbortSignal.any([ctx.signal, stop.signal]) };
  setMaxListeners(0, shared.signal);
  let failure: { readonly error: unknown } | undefined;
  const results = await Promise.all(
    pieces.map(async (piece) => {
      try {
        return await piece(shared);
      } catch (error) {
        // What was cancelled because of a failure isn't the failure.
        if (failure === undefined || isAbort(failure.error)) failure = { error };
        stop.abort(error);
        return undefined;
      }
    }),
  );
  if (failure !== undefined) throw failure.error;
  return results as T[];
}
