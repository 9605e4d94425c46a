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
    const before = this.#state(signal);
    this.#send(signal);
    if (!fatal.has(signal)) return;
    if (before === "deaf") {
      this.#end(signal);
      return;
    }
    if (signal === "SIGINT" && ++this.#interrupts >= impatient) this.#end(signal);
    else if (signal !== "SIGINT") this.#later(graceMs, () => this.#end(signal));
    // QEMU handles each signal, then resets it and sends it to itself: in vain, as process 1.
    if (before === "starting" || this.#emulated) this.#watch(signal, pollFor);
  };

  /** The exit code, where it was this that ended the container; and no more timers. */
  finish(code: number): number {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    if (this.#endedBy === undefined || code !== 128 + constants.signals.SIGKILL) return code;
    return 128 + constants.signals[this.#endedBy];
  }

  #watch(signal: NodeJS.Signals, left: number): void {
    this.#later(pollMs, () => {
      const state = this.#state(signal);
      if (state === "deaf") this.#end(signal);
      else if (left > 0 && (state === "starting" || this.#emulated)) this.#watch(signal, left - 1);
    });
  }

  #state(signal: NodeJS.Signals): "starting" | "deaf" | "hears" {
    const pid = this.#pid();
    return pid === undefined ? "starting" : signalState(pid, signal);
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

/**
 * Whether a process handles, ignores or blocks a signal (proc(5), /proc/PID/status), does nothing about it, or isn't
 * the container's yet, but still runc preparing it.
 */
function signalState(pid: number, signal: NodeJS.Signals): "starting" | "deaf" | "hears" {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, "latin1");
  } catch {
    return "hears"; // It has ended.
  }
  if (/^Name:\s*runc/m.test(status)) return "starting";
  const bit = 1n << BigInt(constants.signals[signal] - 1);
  const inMask = (name: string): boolean => {
    const mask = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0";
    return (BigInt(`0x${mask}`) & bit) !== 0n;
  };
  return ["SigCgt", "SigIgn", "SigBlk"].some(inMask) ? "hears" : "deaf";
}
