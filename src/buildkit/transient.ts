import { setTimeout as sleep } from "node:timers/promises";
import type { Context } from "../host/context.ts";

/**
 * Faults of the network or of a registry that may be gone in a moment, in the words of Go's net packages, containerd
 * and BuildKit. Each with what to call it.
 */
const transient: readonly (readonly [RegExp, string])[] = [
  [/\b429\b|too many requests|toomanyrequests/i, "too many requests"],
  [/(?:unexpected status|status code|status)[^\n]{0,80}\b(5\d\d)\b/i, "the registry answered $1"],
  [
    /\b(50[0234]) (?:Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)/i,
    "the registry answered $1",
  ],
  [/connection reset by peer/i, "the connection was reset"],
  [/TLS handshake timeout/i, "the TLS handshake took too long"],
  [
    /temporary failure in name resolution|server misbehaving|try again/i,
    "the host name couldn't be looked up",
  ],
  [
    /i\/o timeout|context deadline exceeded|Client\.Timeout|connection timed out/i,
    "the connection timed out",
  ],
  [/unexpected EOF|\bEOF$|: EOF\b/i, "the connection was closed"],
  [
    /http2: (?:server sent GOAWAY|client connection lost|stream closed)|stream error:[^\n]*(?:REFUSED_STREAM|INTERNAL_ERROR)/i,
    "the connection was closed",
  ],
  [/broken pipe|use of closed network connection/i, "the connection was closed"],
  [/blob upload unknown|unknown blob/i, "the registry lost an upload"],
];

/** What no second try mends, also where it reads like one of those above. */
const lasting =
  /did not complete successfully|unauthorized|authentication required|authorization failed|insufficient_scope|denied|forbidden|x509|certificate|no space left|not found|manifest unknown|no match for platform|invalid reference|parse error|unknown instruction/i;

/**
 * Why what BuildKit says of a failure is worth another try on the same node; undefined where it isn't. `text` is
 * BuildKit's error, never a step's log: a connection that a step lost is the step's affair.
 */
export function transientReason(text: string): string | undefined {
  if (lasting.test(text)) return undefined;
  for (const [pattern, reason] of transient) {
    const match = pattern.exec(text);
    if (match !== null) return reason.replace("$1", match[1] ?? "an error");
  }
  return undefined;
}

/** Milliseconds before try number `attempt` (0 is the first after a failure): 1, 2, 4 s, 8 s at most, ± a quarter. */
export function backoffMs(attempt: number, random: number = Math.random()): number {
  return Math.min(1000 * 2 ** attempt, 8000) * (0.75 + random / 2);
}

/** Waits before another try, and says so. Throws when `ctx.signal` ends it. */
export async function waitBeforeRetry(
  attempt: number,
  retries: number,
  about: { readonly platform?: string; readonly node: string; readonly reason: string },
  ctx: Context,
): Promise<void> {
  const delay = backoffMs(attempt);
  ctx.emit({
    type: "log",
    level: "warning",
    ...(about.platform !== undefined && { platform: about.platform }),
    node: about.node,
    message: `${about.node}: ${about.reason}; trying again in ${(delay / 1000).toFixed(1)} s (${attempt + 1} of ${retries}).`,
  });
  await sleep(delay, undefined, { signal: ctx.signal });
}
