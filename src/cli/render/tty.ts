import { createLogUpdate } from "log-update";
import stringWidth from "string-width";
import { printable } from "../../errors/printable.ts";
import type { BuildEvent } from "../../index.ts";
import type { Style, Terminal } from "../terminal.ts";
import { LogOrigins } from "./log-origins.ts";
import { StepOutput } from "./step-output.ts";
import { finishedLine, formatProgress } from "./plain.ts";
import type { Renderer, RendererOptions } from "./renderer.ts";
import { formatSeconds } from "./units.ts";

interface Running {
  readonly name: string;
  readonly platform: string | undefined;
  readonly started: number;
  /** A part of another task: gone from the screen when it is done. */
  readonly part: boolean;
  progress?: Extract<BuildEvent, { type: "task.progress" }>;
  /** What the instruction of a Dockerfile writes that the task stands for. */
  output?: StepOutput;
}

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;
const frameMs = 80;
const barWidth = 20;
const shortestBar = 5;
/** "  1m04s", kept free from the start, so that the bar keeps its length. */
const timeWidth = 7;

/** Finished tasks scroll by; running ones stand below with their bars, redrawn twelve times a second. */
export function createTtyRenderer(terminal: Terminal, options: RendererOptions): Renderer {
  const view = new LiveView(terminal, options.verbose);
  return { emit: (event) => view.show(event), close: () => view.close() };
}

class LiveView {
  readonly #terminal: Terminal;
  readonly #verbose: boolean;
  readonly #update: ReturnType<typeof createLogUpdate> = createLogUpdate(process.stderr);
  readonly #running = new Map<string, Running>();
  readonly #origins = new LogOrigins();
  readonly #timer: NodeJS.Timeout;
  #frame = 0;
  /** False as long as the cursor is where it was. */
  #drawn = false;

  constructor(terminal: Terminal, verbose: boolean) {
    this.#terminal = terminal;
    this.#verbose = verbose;
    this.#timer = setInterval(() => {
      this.#frame++;
      if (this.#running.size > 0) this.#draw();
    }, frameMs);
    this.#timer.unref();
  }

  show(event: BuildEvent): void {
    switch (event.type) {
      case "task.started":
        this.#origins.see(event);
        this.#running.set(event.id, {
          name: event.name,
          platform: event.platform,
          started: performance.now(),
          part: event.parent !== undefined,
        });
        return;
      case "task.progress": {
        const task = this.#running.get(event.id);
        if (task !== undefined) task.progress = event;
        return;
      }
      case "task.finished":
        this.#finish(event);
        return;
      case "log": {
        if (event.level === "debug" && !this.#verbose) return;
        this.#origins.see(event);
        const task = event.step === undefined ? undefined : this.#running.get(event.task ?? "");
        if (task !== undefined && event.level === "info") {
          (task.output ??= new StepOutput()).add(printable(event.message));
          return;
        }
        const text = this.#origins.label(event, printable(event.message));
        this.#above(event.level === "warning" ? `${this.#paint("yellow", "!")} ${text}` : text);
        return;
      }
      case "diagnostic": {
        if (event.reported === true) return;
        const style = event.severity === "error" ? "red" : "yellow";
        this.#above(`${this.#paint(style, event.code)} ${printable(event.message)}`);
      }
    }
  }

  close(): void {
    clearInterval(this.#timer);
    if (!this.#drawn) return;
    this.#update.clear();
    this.#update.done();
  }

  #finish(event: Extract<BuildEvent, { type: "task.finished" }>): void {
    const task = this.#running.get(event.id);
    this.#running.delete(event.id);
    if (task === undefined || (task.part && event.status !== "failed" && !this.#verbose)) return;
    if (event.status === "failed" && task.output !== undefined) {
      this.#above([...task.output.all()].map((text) => `  │ ${text}`).join("\n"));
    }
    const line = { name: labelOf(task), started: task.started };
    this.#above(finishedLine(this.#terminal, line, event, performance.now()));
  }

  #draw(): void {
    this.#drawn = true;
    const room = Math.max(3, (process.stderr.rows ?? 24) - 3);
    const tasks = [...this.#running.values()];
    const spinner = frames[this.#frame % frames.length] ?? "";
    const lines = tasks.slice(0, room).map((task) => runningLine(this.#terminal, task, spinner));
    if (tasks.length > room) lines.push(this.#paint("dim", `  and ${tasks.length - room} more`));
    else lines.push(...this.#lastWords(tasks, room - tasks.length));
    this.#update(lines.join("\n"));
  }

  /** What each running step said last, as far as there is room. */
  #lastWords(tasks: readonly Running[], room: number): readonly string[] {
    const columns = Math.max(20, (process.stderr.columns ?? this.#terminal.columns) - 4);
    const several = tasks.filter(({ output }) => output !== undefined).length > 1;
    return tasks
      .flatMap(({ output, platform }) => {
        const last = output?.last ?? "";
        return last === "" ? [] : [several && platform !== undefined ? `${platform}  ${last}` : last];
      })
      .slice(0, Math.max(room, 0))
      .map((text) => this.#paint("dim", `  │ ${text.replaceAll("\t", " ").slice(0, columns)}`));
  }

  #above(text: string): void {
    this.#update.clear();
    this.#terminal.err(`${text}\n`);
    this.#draw();
  }

  #paint(style: Style, text: string): string {
    return this.#terminal.paint("err", style, text);
  }
}

function labelOf(task: Running): string {
  return task.platform === undefined ? task.name : `${task.platform}  ${task.name}`;
}

/** One line that fits: the bar takes what the texts leave, and goes where that is too little. */
function runningLine(terminal: Terminal, task: Running, spinner: string): string {
  const elapsed = performance.now() - task.started;
  const time = elapsed > 1000 ? `  ${terminal.paint("err", "dim", formatSeconds(elapsed))}` : "";
  const head = `${terminal.paint("err", "cyan", spinner)} ${labelOf(task)}`;
  if (task.progress === undefined) return head + time;
  const { current, total } = task.progress;
  const progress = `  ${formatProgress(task.progress)}`;
  if (total === undefined || total === 0) return head + progress + time;
  const columns = process.stderr.columns ?? terminal.columns;
  const room = columns - 3 - stringWidth(`${head}${progress}`) - timeWidth;
  const bar = room < shortestBar ? "" : `  ${drawBar(terminal, current / total, Math.min(barWidth, room))}`;
  return head + bar + progress + time;
}

function drawBar(terminal: Terminal, fraction: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * width);
  return (
    terminal.paint("err", "green", "━".repeat(filled)) +
    terminal.paint("err", "dim", "─".repeat(width - filled))
  );
}
