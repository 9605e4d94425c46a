import { printable } from "../../errors/printable.ts";
import type { BuildEvent } from "../../index.ts";
import type { Terminal } from "../terminal.ts";
import { formatBytes, formatSeconds } from "./units.ts";
import { LogOrigins } from "./log-origins.ts";
import type { Renderer, RendererOptions } from "./renderer.ts";

/** Seconds between lines about a task that takes long, so that a CI log shows life without drowning. */
const heartbeatMs = 10_000;

interface Running {
  readonly name: string;
  readonly started: number;
  /** A part of another task: what it did is in that task's line. */
  readonly part: boolean;
  lastLine: number;
}

/** Plain lines on stderr for logs: one when a task ends, and a sign of life from long ones. */
export function createPlainRenderer(terminal: Terminal, options: RendererOptions): Renderer {
  const running = new Map<string, Running>();
  const label = (name: string, platform?: string): string =>
    platform === undefined ? name : `${platform}  ${name}`;
  const origins = new LogOrigins();
  const line = (text: string): void => terminal.err(`${text}\n`);
  const emit = (event: BuildEvent): void => {
    const now = performance.now();
    switch (event.type) {
      case "task.started":
        origins.see(event);
        running.set(event.id, {
          name: label(event.name, event.platform),
          started: now,
          part: event.parent !== undefined,
          lastLine: now,
        });
        if (options.verbose && event.parent === undefined) line(`… ${label(event.name, event.platform)}`);
        return;
      case "task.progress": {
        const task = running.get(event.id);
        if (task === undefined || now - task.lastLine < heartbeatMs) return;
        task.lastLine = now;
        line(`… ${task.name}  ${formatProgress(event)}`);
        return;
      }
      case "task.finished": {
        const task = running.get(event.id);
        running.delete(event.id);
        if (task === undefined || (task.part && event.status !== "failed" && !options.verbose)) return;
        line(finishedLine(terminal, task, event, now));
        return;
      }
      case "log":
        if (event.level !== "debug" || options.verbose) {
          const text = origins.label(event, printable(event.message));
          line(event.level === "warning" ? `${terminal.paint("err", "yellow", "warning")} ${text}` : text);
        }
        return;
      case "diagnostic":
        if (event.reported !== true)
          line(`${event.severity} ${event.code}: ${label(printable(event.message), event.platform)}`);
    }
  };
  return { emit, close: () => {} };
}

/** "13.1 MB / 22.0 MB", "7 / 42 packages". */
export function formatProgress(event: Extract<BuildEvent, { type: "task.progress" }>): string {
  const { current, total, unit } = event;
  if (unit === "bytes")
    return total === undefined ? formatBytes(current) : `${formatBytes(current)} / ${formatBytes(total)}`;
  return total === undefined ? `${current} ${unit}` : `${current} / ${total} ${unit}`;
}

const marks = {
  done: ["green", "✓"],
  cached: ["dim", "="],
  failed: ["red", "✗"],
  cancelled: ["yellow", "−"],
} as const;

/** "✓ linux/arm64  fetch packages  22.0 MB  1.2s". */
export function finishedLine(
  terminal: Terminal,
  task: { readonly name: string; readonly started: number },
  event: Extract<BuildEvent, { type: "task.finished" }>,
  now: number,
): string {
  const [style, mark] = marks[event.status];
  const time = terminal.paint(
    "err",
    "dim",
    event.status === "cached" ? "cached" : formatSeconds(event.durationMs ?? now - task.started),
  );
  const detail = event.detail === undefined ? "" : `  ${terminal.paint("err", "dim", event.detail)}`;
  return `${terminal.paint("err", style, mark)} ${task.name}${detail}  ${time}`;
}
