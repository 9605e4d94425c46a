import { describe, expect, it } from "vitest";
import {
  type WatchClock,
  Watchdog,
  type WatchEnd,
  type WatchLimits,
} from "../../../src/buildkit/watchdog.ts";

/** Time that passes when it is told to, timers included. */
class TestClock implements WatchClock {
  #now = 1000;
  #timers: { readonly at: number; readonly action: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.#now + ms, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.at);
      this.#timers = this.#timers.filter((other) => other !== next);
      next.action();
    }
    this.#now = end;
  }

  get pending(): number {
    return this.#timers.length;
  }
}

function watch(limits: Partial<WatchLimits>): { clock: TestClock; dog: Watchdog; ends: WatchEnd[] } {
  const clock = new TestClock();
  const ends: WatchEnd[] = [];
  const dog = new Watchdog({ crashSilenceMs: 30_000, ...limits }, (end) => ends.push(end), clock);
  return { clock, dog, ends };
}

describe("Watchdog", () => {
  it("ends a build that took too long, once, however lively it is", () => {
    const { clock, dog, ends } = watch({ timeoutMs: 5000, silenceMs: 1000 });
    for (let second = 0; second < 20; second++) {
      clock.pass(500);
      dog.alive();
    }
    expect(ends).toEqual([{ reason: "timeout", afterMs: 5000 }]);
  });

  it("ends a build that says nothing, and not one that says something in time", () => {
    const { clock, dog, ends } = watch({ silenceMs: 1000 });
    for (let time = 0; time < 50; time++) {
      clock.pass(900);
      dog.alive();
    }
    expect(ends).toEqual([]);
    clock.pass(1100);
    expect(ends).toEqual([{ reason: "silence", afterMs: 1000 }]);
  });

  it("gives a step 30 s after a crash in it, whatever other steps do", () => {
    const { clock, dog, ends } = watch({});
    dog.alive("a");
    dog.crashed("a", "qemu: uncaught target signal 11");
    for (let second = 0; second < 29; second++) {
      clock.pass(1000);
      dog.alive("b");
    }
    expect(ends).toEqual([]);
    clock.pass(1500);
    expect(ends).toEqual([
      { reason: "crash", afterMs: 30_000, vertex: "a", line: "qemu: uncaught target signal 11" },
    ]);
  });

  it("lets a step go on that talks after a crash, and forgets one that ended", () => {
    const { clock, dog, ends } = watch({});
    dog.crashed("a", "crash");
    for (let second = 0; second < 100; second++) {
      clock.pass(1000);
      dog.alive("a");
    }
    dog.completed("a");
    clock.pass(1_000_000);
    expect(ends).toEqual([]);
  });

  it("looks twice: what waited to be read while the process was busy counts", () => {
    const { clock, dog, ends } = watch({ silenceMs: 1000 });
    clock.pass(1010);
    dog.alive();
    clock.pass(900);
    expect(ends).toEqual([]);
  });

  it("leaves no timer behind", () => {
    const { clock, dog } = watch({ silenceMs: 1000, timeoutMs: 10 });
    dog.crashed("a", "crash");
    dog[Symbol.dispose]();
    expect(clock.pending).toBe(0);
  });
});
