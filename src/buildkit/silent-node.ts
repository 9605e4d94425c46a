import { setTimeout as sleep } from "node:timers/promises";
import type { AnyarchError } from "../errors/error.ts";
import type { Watchdog } from "./watchdog.ts";

/** How a node is asked whether it is still there while a build on it says nothing. */
export interface SilentNode {
  /** Milliseconds of silence before it is asked; 30 000 by default. */
  readonly askAfterMs?: number | undefined;
  /** Why it is gone; undefined where it answers. */
  lost(signal: AbortSignal): Promise<AnyarchError | undefined>;
}

/** Answers that must be missing one after the other: a machine that is busy may be late. */
const missed = 3;

/**
 * A client of BuildKit waits for ever for a daemon that hangs or whose network is gone. So a node that says nothing for
 * long is asked, and `onGone` is called when it doesn't answer three times on end. Ends with `signal`; doesn't throw.
 */
export async function askWhenSilent(
  watchdog: Pick<Watchdog, "silentMs">,
  node: SilentNode | undefined,
  onGone: (silentMs: number) => void,
  signal: AbortSignal,
): Promise<void> {
  if (node === undefined) return;
  const { askAfterMs = 30_000 } = node;
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal, ref: false });
  try {
    for (let unanswered = 0; unanswered < missed;) {
      const remaining = askAfterMs - watchdog.silentMs;
      if (remaining > 0) {
        unanswered = 0;
        await pause(remaining);
        continue;
      }
      const answered = (await node.lost(signal)) === undefined;
      signal.throwIfAborted();
      unanswered = answered ? 0 : unanswered + 1;
      if (unanswered < missed) await pause(answered ? askAfterMs : askAfterMs / 10);
    }
    onGone(Math.round(watchdog.silentMs));
  } catch {
    // The build has ended.
  }
}
