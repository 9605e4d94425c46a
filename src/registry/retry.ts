import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../host/context.ts";
import type { HttpResponse } from "../host/http.ts";

export interface RetryPolicy {
  /** Tries after the first; 4 by default. */
  readonly retries: number;
  /** Milliseconds before the first of them, doubled for each further one up to 10 s, ± a quarter; 500 by default. */
  readonly delayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { retries: 4, delayMs: 500 };

/** Longer waits that a server asks for are not worth waiting: the error says so instead. */
const longestWaitMs = 60_000;

/** True for answers that may be better in a moment (RFC 9110, and 429 of RFC 6585). */
export function isRetryStatus(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501 && status !== 505);
}

/** Milliseconds of a Retry-After header (seconds or a date; RFC 9110, section 10.2.3); undefined without one. */
export function retryAfterMs(response: HttpResponse, now: Date): number | undefined {
  const value = response.headers["retry-after"];
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(date - now.getTime(), 0);
}

/**
 * Waits before try number `attempt` (0 is the first try after a failure) and says so. False, at once, when
 * the tries are used up or the server asks for more than a minute.
 */
export async function waitToRetry(
  policy: RetryPolicy,
  attempt: number,
  why: string,
  ctx: Context,
  serverMs?: number,
): Promise<boolean> {
  if (attempt >= policy.retries || (serverMs ?? 0) > longestWaitMs) return false;
  const backoff = Math.min(policy.delayMs * 2 ** attempt, 10_000) * (0.75 + Math.random() / 2);
  const delay = serverMs ?? backoff;
  ctx.emit({
    type: "log",
    level: "info",
    message: `${why}; trying again in ${(delay / 1000).toFixed(1)} s (${attempt + 1} of ${policy.retries}).`,
  });
  await sleep(delay, undefined, { signal: ctx.signal });
  return true;
}
