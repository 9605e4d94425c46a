/** Time for the watchdog; tests bring their own. */
export interface WatchClock {
  /** Milliseconds that only ever grow. */
  now(): number;
  /** Calls `action` once after `ms`; returns what takes that back. */
  after(ms: number, action: () => void): () => void;
}

const monotonicClock: WatchClock = {
  now: () => performance.now(),
  after(ms, action) {
    const timer = setTimeout(action, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
};

export interface WatchLimits {
  /** Milliseconds for the whole; undefined: no limit. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds without a sign of life; undefined: no limit. */
  readonly silenceMs?: number | undefined;
  /** Milliseconds of silence of a step in which an emulator crashed. */
  readonly crashSilenceMs: number;
}

/** Why the watchdog ended a build, after how many milliseconds. */
export type WatchEnd =
  | { readonly reason: "timeout"; readonly afterMs: number }
  | { readonly reason: "silence"; readonly afterMs: number }
  /** The node doesn't answer any more, and its client hasn't noticed. */
  | { readonly reason: "lost"; readonly afterMs: number }
  | {
      readonly reason: "crash";
      readonly afterMs: number;
      readonly vertex: string;
      /** What the emulator said. */
      readonly line: string;
    };

/** What arrived while this process was kept from reading is read before a build is given up. */
const secondLookMs = 50;

/**
 * Watches one build of one platform. After an emulator's crash the step that it happened in is given
 * `crashSilenceMs` from each sign of life of its own: what other stages do doesn't hide that it hangs. Signs of life
 * are cheap: no timer is moved, a timer that goes off too early goes on.
 */
export class Watchdog implements Disposable {
  readonly #limits: WatchLimits;
  readonly #onEnd: (end: WatchEnd) => void;
  readonly #clock: WatchClock;
  readonly #started: number;
  #alive: number;
  /** Steps with a crash, by vertex, and when they last said something. */
  readonly #crashes = new Map<string, { readonly line: string; alive: number }>();
  #cancelTimer: (() => void) | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #suspicious = false;
  #done = false;

  constructor(limits: WatchLimits, onEnd: (end: WatchEnd) => void, clock: WatchClock = monotonicClock) {
    this.#limits = limits;
    this.#onEnd = onEnd;
    this.#clock = clock;
    this.#started = clock.now();
    this.#alive = this.#started;
    this.#schedule();
  }

  /** Anything was heard; `vertex` is the step that it is about. */
  alive(vertex?: string): void {
    this.#alive = this.#clock.now();
    const crash = vertex === undefined ? undefined : this.#crashes.get(vertex);
    if (crash !== undefined) crash.alive = this.#alive;
  }

  /** Milliseconds since the last sign of life. */
  get silentMs(): number {
    return this.#clock.now() - this.#alive;
  }

  /** An emulator said in `line` that a program of the step crashed. */
  crashed(vertex: string, line: string): void {
    this.#crashes.set(vertex, { line, alive: this.#clock.now() });
    this.#schedule();
  }

  /** The step ended: it doesn't hang. */
  completed(vertex: string): void {
    this.#crashes.delete(vertex);
  }

  [Symbol.dispose](): void {
    this.#done = true;
    this.#cancelTimer?.();
  }

  /** What ends first, and when. */
  #next(): { readonly at: number; readonly end: WatchEnd } | undefined {
    const { timeoutMs, silenceMs, crashSilenceMs } = this.#limits;
    const ends: { at: number; end: WatchEnd }[] = [];
    if (timeoutMs !== undefined)
      ends.push({ at: this.#started + timeoutMs, end: { reason: "timeout", afterMs: timeoutMs } });
    if (silenceMs !== undefined)
      ends.push({ at: this.#alive + silenceMs, end: { reason: "silence", afterMs: silenceMs } });
    for (const [vertex, { line, alive }] of this.#crashes) {
      ends.push({
        at: alive + crashSilenceMs,
        end: { reason: "crash", afterMs: crashSilenceMs, vertex, line },
      });
    }
    return ends.reduce<(typeof ends)[number] | undefined>(
      (first, end) => (first === undefined || end.at < first.at ? end : first),
      undefined,
    );
  }

  #schedule(): void {
    const next = this.#next();
    if (this.#done || next === undefined || next.at >= this.#timerAt) return;
    this.#setTimer(next.at);
  }

  #setTimer(at: number): void {
    this.#cancelTimer?.();
    this.#timerAt = at;
    this.#cancelTimer = this.#clock.after(Math.max(at - this.#clock.now(), 0), () => this.#look());
  }

  #look(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const next = this.#next();
    if (this.#done || next === undefined) return;
    if (next.at > this.#clock.now()) {
      this.#suspicious = false;
      this.#setTimer(next.at);
    } else if (this.#suspicious) {
      this.#done = true;
      this.#onEnd(next.end);
    } else {
      this.#suspicious = true;
      this.#setTimer(this.#clock.now() + secondLookMs);
    }
  }
}
