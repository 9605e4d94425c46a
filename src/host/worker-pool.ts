import { availableParallelism } from "node:os";
import { parentPort, Worker } from "node:worker_threads";
import { AnyarchError, systemCode } from "../errors/error.ts";
import type { ErrorCode } from "../errors/codes.ts";
import { Limiter } from "./concurrency.ts";

/** What a thread answers to a job. */
type Answer<Result> = { readonly result: Result } | { readonly failure: Failure };

/** An error on its way between threads, which would lose its class. */
interface Failure {
  readonly message: string;
  readonly anyarch?: Pick<AnyarchError, "code" | "hint" | "details">;
  /** ENOSPC, … */
  readonly system?: string | undefined;
}

/** Threads beyond these bring little for work that reads and writes files too. */
const maxThreads = 4;

/** An idle thread holds tens of MiB: it ends after this time, in milliseconds. */
const idleMs = 250;

/**
 * Does jobs on other threads, at most one per core. A job and its result are plain data, and a job may be done
 * twice. Threads start with the first job and end when there is none. Where they can't be had (this file being
 * run from source on Node.js 20, a host that forbids them) or die, `inline` does the job on this thread.
 */
export class WorkerPool<Job, Result> {
  readonly #module: URL;
  readonly #inline: (job: Job) => Promise<Result>;
  readonly #limiter = new Limiter(Math.min(availableParallelism(), maxThreads));
  #idle: Worker[] = [];
  #usable = true;
  #timer: NodeJS.Timeout | undefined;

  /** `module` calls {@link serveJobs}. */
  constructor(module: URL, inline: (job: Job) => Promise<Result>) {
    this.#module = module;
    this.#inline = inline;
  }

  /** Throws what the job throws; the signal's reason where the job had not begun. */
  run(job: Job, signal: AbortSignal): Promise<Result> {
    return this.#limiter.run(async () => {
      signal.throwIfAborted();
      const worker = this.#usable ? (this.#idle.pop() ?? new Worker(this.#module)) : undefined;
      if (worker === undefined) return this.#inline(job);
      const answer = await ask<Result>(worker, job);
      if (answer === undefined) {
        this.#usable = false;
        return this.#inline(job);
      }
      this.#rest(worker);
      if ("result" in answer) return answer.result;
      throw restored(answer.failure);
    });
  }

  #rest(worker: Worker): void {
    this.#idle.push(worker);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      for (const one of this.#idle.splice(0)) void one.terminate();
    }, idleMs);
    // Neither the timer nor idle threads keep a program from ending.
    this.#timer.unref();
  }
}

/** Undefined where the thread died without an answer. */
function ask<Result>(worker: Worker, job: unknown): Promise<Answer<Result> | undefined> {
  return new Promise((resolve) => {
    const settle = (answer: Answer<Result> | undefined): void => {
      // By name: without, Node.js's own listeners would go too, and no answer would come any more.
      for (const event of ["message", "error", "exit"]) worker.removeAllListeners(event);
      // An error that comes later, while it ends, concerns nobody.
      worker.on("error", () => {});
      worker.unref();
      resolve(answer);
    };
    worker.on("message", (answer: Answer<Result>) => settle(answer));
    worker.on("error", () => settle(undefined));
    worker.on("exit", () => settle(undefined));
    worker.ref();
    worker.postMessage(job, []);
  });
}

function restored({ message, anyarch, system }: Failure): Error {
  if (anyarch !== undefined) return new AnyarchError(anyarch.code, message, anyarch);
  return Object.assign(new Error(message), system === undefined ? {} : { code: system });
}

/** The thread's side: answers every job with what `work` makes of it. Bytes are handed over, not copied. */
export function serveJobs(work: (job: unknown) => Promise<unknown>): void {
  const port = parentPort;
  if (port === null) throw new AnyarchError("INTERNAL", "Jobs are served on threads only.");
  port.on("message", (job: unknown) => {
    void work(job).then(
      (result) => port.postMessage({ result } satisfies Answer<unknown>, memoryOf(result)),
      (error: unknown) => port.postMessage({ failure: failureOf(error) } satisfies Answer<unknown>, []),
    );
  });
}

/** The memory behind bytes that fill it: what else shares it must stay here. */
function memoryOf(result: unknown): ArrayBuffer[] {
  if (!(result instanceof Uint8Array) || !(result.buffer instanceof ArrayBuffer)) return [];
  return result.byteLength === result.buffer.byteLength ? [result.buffer] : [];
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof AnyarchError)) return { message, system: systemCode(error) };
  const { hint, details } = error;
  const code: ErrorCode = error.code;
  return { message, anyarch: { code, hint, details } };
}
