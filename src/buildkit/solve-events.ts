import type { FailedStep, LogReader } from "../diagnose/diagnosis.ts";
import { redact } from "../errors/redact.ts";
import type { BuildEvent, Emit, LogEvent } from "../events/event.ts";
import { LogLines, Tail } from "./log-lines.ts";
import type { LogUpdate, SolveUpdate, StatusUpdate, VertexUpdate } from "./rawjson.ts";
import { stepOfVertex } from "./vertex-name.ts";
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

interface Running {
  readonly task: string;
  readonly name: string;
  readonly step: FailedStep | undefined;
  readonly streams: Map<LogUpdate["stream"], LogLines>;
  readonly tail: Tail;
  readonly statuses: Map<string, { current: number; total: number }>;
  crash?: string;
}

let counter = 0;
const keptLines = 50;

/** Turns what one solve tells into events, feeds the log rules and keeps what an error message needs. */
export class SolveEvents {
  readonly #options: SolveEventsOptions;
  readonly #running = new Map<string, Running>();
  /** Lines that aren't progress: the client's own error is among them. */
  readonly #text = new Tail(60);
  readonly #failed: FailedVertex[] = [];

  constructor(options: SolveEventsOptions) {
    this.#options = options;
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
        this.#emit({ type: "log", level: "warning", message: redact(update.message), ...this.#where() });
        return;
      case "text":
        watchdog?.alive();
        this.#text.add(redact(update.text));
        this.#options.reader.line(redact(update.text));
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
    return [...this.#running.values()].map((one) => describe(one, ""));
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
    for (const [digest, running] of this.#running) this.#finish(digest, running, status);
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
    if (!update.completed) return;
    if (update.error !== undefined) {
      for (const line of restOf(running)) this.#line(update.digest, running, "stderr", line);
      this.#failed.push(describe(running, redact(update.error)));
    }
    const cancelled = update.error !== undefined && /context canceled/i.test(update.error);
    const failed = update.error === undefined ? "done" : cancelled ? "cancelled" : "failed";
    this.#finish(update.digest, running, update.cached ? "cached" : failed);
  }

  #start(digest: string, name: string): Running {
    const safe = redact(name);
    const step = stepOfVertex(safe);
    const running: Running = {
      task: `b${++counter}`,
      name: safe.replace(/\s+/g, " "),
      step,
      streams: new Map(),
      tail: new Tail(keptLines),
      statuses: new Map(),
    };
    this.#running.set(digest, running);
    const { platform, parent } = this.#options;
    this.#emit({
      type: "task.started",
      id: running.task,
      name: running.name.replace(`[${platform} `, "["),
      platform,
      // Instructions are what a person follows; the rest is a part of the build.
      ...(step === undefined && parent !== undefined && { parent }),
    });
    return running;
  }

  #finish(digest: string, running: Running, status: "done" | "cached" | "failed" | "cancelled"): void {
    for (const line of restOf(running)) this.#line(digest, running, "stdout", line);
    this.#running.delete(digest);
    this.#options.watchdog?.completed(digest);
    this.#emit({ type: "task.finished", id: running.task, status });
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
    if (done === 0) return;
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
    const message = redact(line);
    running.tail.add(message);
    this.#options.reader.line(message, running.step);
    if (this.#options.isCrash(line)) {
      running.crash = message;
      this.#options.watchdog?.crashed(vertex, message);
    }
    this.#emit({
      type: "log",
      level: "info",
      message,
      ...this.#where(),
      task: running.task,
      stream,
      ...(running.step && { step: running.step }),
    });
  }
}

function restOf(running: Running): readonly string[] {
  return [...running.streams.values()].flatMap((lines) => lines.end());
}

function describe({ name, step, tail, crash }: Running, error: string): FailedVertex {
  return { name, error, log: tail.lines, ...(step && { step }), ...(crash !== undefined && { crash }) };
}
