import type { FailedStep, LogReader } from "../diagnose/diagnosis.ts";
import { redact as redactAny } from "../errors/redact.ts";
import type { BuildEvent, Emit, LogEvent } from "../events/event.ts";
import { LogLines, Tail } from "./log-lines.ts";
import type { LogUpdate, SolveUpdate, StatusUpdate, VertexUpdate } from "./rawjson.ts";
import { stepOfVertex, taskName } from "./vertex-name.ts";
import type { Watchdog } from "./watchdog.ts";

export interface SolveEventsOptions {
  /** Normalised. */
  readonly platform: string;
  readonly node: string;
  /** Task of the platform's build: what BuildKit does for itself is shown as a part of it. */
  readonly parent?: string | undefined;
  readonly emit: Emit;
  readonly reader: LogReader;
  readonly isCrash: (line: string) => boolean;
  /** Takes out of texts what nobody is to read. */
  readonly hide?: ((text: string) => string) | undefined;
  readonly watchdog?: Pick<Watchdog, "alive" | "crashed" | "completed"> | undefined;
}

/** A vertex that ended with an error. */
export interface FailedVertex {
  readonly name: string;
  /** Absent for what BuildKit does for itself. */
  readonly step?: FailedStep;
  /** What BuildKit says of it. */
  readonly error: string;
  /** The last lines that the step wrote, 50 at most. */
  readonly log: readonly string[];
  /** The line in which an emulator said that a program of the step crashed. */
  readonly crash?: string;
}

type Status = Extract<BuildEvent, { type: "task.finished" }>["status"];

interface Running {
  readonly task: string;
  readonly name: string;
  readonly step: FailedStep | undefined;
  readonly streams: Map<LogUpdate["stream"], LogLines>;
  readonly tail: Tail;
  /** What BuildKit said of its own doings: "retrying in 1s" comes once for each layer. */
  readonly said: Set<string>;
  readonly statuses: Map<string, { current: number; total: number }>;
  crash?: string;
  /** False for what was reported as finished already and began anew: only a failure or a log is worth a second report. */
  announced: boolean;
  /** When it began, or began anew. */
  begun: number;
  /** Milliseconds of the times that it ran before. */
  spentMs: number;
  /** How it ended, where it may begin anew: an image is looked up, looked up again, and pulled. */
  held?: Status;
}

let counter = 0;
const keptLines = 50;

/** Turns what one solve tells into events, feeds the log rules and keeps what an error message needs. */
export class SolveEvents {
  readonly #options: SolveEventsOptions;
  readonly #redact: (text: string) => string;
  readonly #running = new Map<string, Running>();
  /** Digests of what has ended well and was reported. */
  readonly #reported = new Set<string>();
  /** Lines that aren't progress: the client's own error is among them. */
  readonly #text = new Tail(60);
  readonly #failed: FailedVertex[] = [];
  /** BuildKit starts a vertex again for each thing that it learns of it: an image is resolved, fetched, unpacked. */

  constructor(options: SolveEventsOptions) {
    this.#options = options;
    const { hide = (text) => text } = options;
    this.#redact = (text) => redactAny(hide(text));
  }

  readonly update = (update: SolveUpdate): void => {
    const { watchdog } = this.#options;
    switch (update.kind) {
      case "vertex":
        watchdog?.alive(update.digest);
        this.#vertex(update);
        return;
      case "status":
        watchdog?.alive(update.vertex);
        this.#status(update);
        return;
      case "log":
        watchdog?.alive(update.vertex);
        this.#log(update);
        return;
      case "warning":
        watchdog?.alive();
        this.#emit({
          type: "log",
          level: "warning",
          message: this.#redact(update.message),
          ...this.#where(),
        });
        return;
      case "text":
        watchdog?.alive();
        this.#text.add(this.#redact(update.text));
        this.#options.reader.line(this.#redact(update.text));
        return;
      case "skipped":
        watchdog?.alive();
    }
  };

  /** The vertices that failed, the decisive one first: a step before what was only cancelled with it. */
  get failed(): readonly FailedVertex[] {
    const rank = ({ error, step }: FailedVertex): number =>
      /context canceled|^canceled/i.test(error) ? 2 : step === undefined ? 1 : 0;
    return [...this.#failed].sort((a, b) => rank(a) - rank(b));
  }

  /** What runs at this moment, with its last lines: what was interrupted. */
  get interrupted(): readonly FailedVertex[] {
    return [...this.#running.values()]
      .filter(({ held }) => held === undefined)
      .map((one) => describe(one, ""));
  }

  /** The running vertex that has this digest. */
  runningVertex(digest: string): FailedVertex | undefined {
    const running = this.#running.get(digest);
    return running && describe(running, "");
  }

  /** The client's lines that aren't progress, the last 60, redacted. */
  get text(): readonly string[] {
    return this.#text.lines;
  }

  /** No more updates come: what runs has ended as told. */
  close(status: "failed" | "cancelled"): void {
    for (const [digest, running] of this.#running) {
      this.#finish(digest, running, running.held ?? (running.announced ? status : "done"));
    }
  }

  #emit(event: BuildEvent): void {
    this.#options.emit(event);
  }

  #where(): Pick<LogEvent, "platform" | "node"> {
    return { platform: this.#options.platform, node: this.#options.node };
  }

  #vertex(update: VertexUpdate): void {
    if (!update.started && !update.completed) return;
    const running = this.#running.get(update.digest) ?? this.#start(update.digest, update.name);
    if (!update.completed) {
      if (running.held !== undefined) running.begun = performance.now();
      delete running.held;
      return;
    }
    if (update.error !== undefined) {
      for (const line of restOf(running)) this.#line(update.digest, running, "stderr", line);
      this.#failed.push(describe(running, this.#redact(update.error)));
      this.#announce(running);
    }
    const cancelled = update.error !== undefined && /context canceled/i.test(update.error);
    const failed = update.error === undefined ? "done" : cancelled ? "cancelled" : "failed";
    const status = update.cached ? "cached" : failed;
    if (update.error === undefined && isSource(running)) this.#hold(update.digest, running, status);
    else this.#finish(update.digest, running, status);
  }

  #start(digest: string, name: string): Running {
    const safe = this.#redact(name);
    const running: Running = {
      task: `b${++counter}`,
      name: safe.replace(/\s+/g, " "),
      step: stepOfVertex(safe),
      streams: new Map(),
      tail: new Tail(keptLines),
      said: new Set(),
      statuses: new Map(),
      announced: false,
      begun: performance.now(),
      spentMs: 0,
    };
    this.#running.set(digest, running);
    if (!this.#reported.has(digest)) this.#announce(running);
    return running;
  }

  #announce(running: Running): void {
    if (running.announced) return;
    running.announced = true;
    const { platform, parent } = this.#options;
    this.#emit({
      type: "task.started",
      id: running.task,
      name: taskName(running.name, platform),
      platform,
      // Instructions are what a person follows; the rest is a part of the build.
      ...(running.step === undefined && parent !== undefined && { parent }),
    });
  }

  /** BuildKit looks a source up several times before it fetches it: all that is one task, until its stage goes on. */
  #hold(digest: string, running: Running, status: Status): void {
    if (running.held !== undefined) return;
    running.held = status;
    running.spentMs += performance.now() - running.begun;
    this.#options.watchdog?.completed(digest);
  }

  /** A step of the stage has something to show: the stage's base is there. */
  #releaseSource({ step }: Running): void {
    if (step === undefined) return;
    for (const [digest, running] of this.#running) {
      if (running.held !== undefined && running.step?.stage === step.stage)
        this.#finish(digest, running, running.held);
    }
  }

  #finish(digest: string, running: Running, status: Status): void {
    for (const line of restOf(running)) this.#line(digest, running, "stdout", line);
    if (!isSource(running)) this.#releaseSource(running);
    this.#running.delete(digest);
    this.#options.watchdog?.completed(digest);
    if (status === "done" || status === "cached") this.#reported.add(digest);
    if (!running.announced) return;
    const now = running.held === undefined ? performance.now() - running.begun : 0;
    const durationMs = Math.round(running.spentMs + now);
    this.#emit({ type: "task.finished", id: running.task, status, durationMs });
  }

  #status({ vertex, id, current, total }: StatusUpdate): void {
    const running = this.#running.get(vertex);
    if (running === undefined) return;
    running.statuses.set(id, { current, total: total ?? 0 });
    let done = 0;
    let all = 0;
    for (const one of running.statuses.values()) {
      done += one.current;
      all += one.total;
    }
    if (done === 0 || !running.announced) return;
    const known = all >= done && { total: all };
    this.#emit({ type: "task.progress", id: running.task, current: done, unit: "bytes", ...known });
  }

  #log({ vertex, stream, data }: LogUpdate): void {
    // A step that nothing was said of yet, or that has ended: its words count nevertheless.
    const running = this.#running.get(vertex) ?? this.#start(vertex, "");
    let lines = running.streams.get(stream);
    if (lines === undefined) running.streams.set(stream, (lines = new LogLines()));
    for (const line of lines.push(data)) this.#line(vertex, running, stream, line);
  }

  #line(vertex: string, running: Running, stream: LogUpdate["stream"], line: string): void {
    const message = this.#redact(line);
    this.#announce(running);
    this.#releaseSource(running);
    running.tail.add(message);
    this.#options.reader.line(message, running.step);
    if (this.#options.isCrash(line)) {
      running.crash = message;
      this.#options.watchdog?.crashed(vertex, message);
    }
    this.#emit({
      type: "log",
      level: running.step === undefined && running.said.has(message) ? "debug" : "info",
      message,
      ...this.#where(),
      task: running.task,
      stream,
      ...(running.step && { step: running.step }),
    });
    if (running.step === undefined && running.said.size < keptLines) running.said.add(message);
  }
}

/** An image that a stage begins with. */
function isSource({ step }: Running): boolean {
  return step !== undefined && /^FROM\s/i.test(step.command ?? "");
}

function restOf(running: Running): readonly string[] {
  return [...running.streams.values()].flatMap((lines) => lines.end());
}

function describe({ name, step, tail, crash }: Running, error: string): FailedVertex {
  return { name, error, log: tail.lines, ...(step && { step }), ...(crash !== undefined && { crash }) };
}
