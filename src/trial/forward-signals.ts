import { readFileSync } from "node:fs";
import { constants } from "node:os";

/** Signals that end a process which does nothing about them. */
const fatal: ReadonlySet<NodeJS.Signals> = new Set([
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTERM",
  "SIGUSR1",
  "SIGUSR2",
]);

/** A container that is told to end gets so long to tidy up. */
const graceMs = 10_000;
/** Docker's number, too. */
const impatient = 3;
const pollMs = 50;
const pollFor = 40;

/**
 * Passes signals on to a container's first process. The kernel keeps from process 1 of a PID namespace the signals that
 * it doesn't handle: where another process would have ended, this ends the container, as if the signal had.
 */
export class SignalForwarder {
  readonly #send: (signal: NodeJS.Signals) => void;
  readonly #kill: () => void;
  readonly #pid: () => number | undefined;
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #emulated: boolean;
  #interrupts = 0;
  #endedBy: NodeJS.Signals | undefined;

  /** `send` signals through the engine, `kill` ends the container, `pid` is its first process as the host sees it. */
  constructor(options: {
    readonly send: (signal: NodeJS.Signals) => void;
    readonly kill: () => void;
    readonly pid: () => number | undefined;
    readonly emulated: boolean;
  }) {
    this.#send = options.send;
    this.#kill = options.kill;
    this.#pid = options.pid;
    this.#emulated = options.emulated;
  }

  readonly forward = (signal: NodeJS.Signals): void => {
    const before = this.#look(signal);
    this.#send(signal);
    if (!fatal.has(signal)) return;
    if (before.deaf) {
      this.#end(signal);
      return;
    }
    if (signal === "SIGINT" && ++this.#interrupts >= impatient) this.#end(signal);
    else if (signal !== "SIGINT") this.#later(graceMs, () => this.#end(signal));
    this.#watch(signal, before.program, pollFor);
  };

  /** The exit code, where it was this that ended the container; and no more timers. */
  finish(code: number): number {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    if (this.#endedBy === undefined || code !== 128 + constants.signals.SIGKILL) return code;
    return 128 + constants.signals[this.#endedBy];
  }

  /**
   * A signal that comes while the container starts, or its process becomes another program, is lost: it is sent again.
   * QEMU handles each signal, then resets it and sends it to itself: in vain, as process 1.
   */
  #watch(signal: NodeJS.Signals, program: string | undefined, left: number): void {
    this.#later(pollMs, () => {
      const now = this.#look(signal);
      const isAnother = now.program !== program && now.program !== undefined;
      if (now.deaf && (isAnother || this.#emulated)) {
        this.#end(signal);
        return;
      }
      if (isAnother) this.#send(signal);
      if (left > 0) this.#watch(signal, now.program, left - 1);
    });
  }

  #look(signal: NodeJS.Signals): Look {
    const pid = this.#pid();
    return pid === undefined ? { deaf: false } : lookAt(pid, signal);
  }

  #end(signal: NodeJS.Signals): void {
    this.#endedBy ??= signal;
    this.#kill();
  }

  #later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }
}

/** What a process is and whether it neither handles nor ignores nor blocks a signal. */
interface Look {
  readonly deaf: boolean;
  /** Its command line; absent before the container has one, and after its end. */
  readonly program?: string;
}

/** proc(5): /proc/PID/status, /proc/PID/cmdline. */
function lookAt(pid: number, signal: NodeJS.Signals): Look {
  let status: string;
  let program: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, "latin1");
    program = readFileSync(`/proc/${pid}/cmdline`, "latin1");
  } catch {
    return { deaf: false }; // It has ended.
  }
  // Not the container's yet, but still runc preparing it; a program without a line has just ended.
  if (/^Name:\s*runc/m.test(status) || program === "") return { deaf: false };
  const bit = 1n << BigInt(constants.signals[signal] - 1);
  const inMask = (name: string): boolean => {
    const mask = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0";
    return (BigInt(`0x${mask}`) & bit) !== 0n;
  };
  return { deaf: !["SigCgt", "SigIgn", "SigBlk"].some(inMask), program };
}
