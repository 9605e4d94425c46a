import type { ErrorCode } from "../errors/codes.ts";

/**
 * The one typed stream through which every part of a build reports. Renderers turn it into a live
 * terminal, plain lines or JSON; nothing else writes to the terminal. Task ids are unique in one build.
 */
export type BuildEvent = TaskStarted | TaskProgress | TaskFinished | LogEvent | DiagnosticEvent;

export interface TaskStarted {
  readonly type: "task.started";
  readonly id: string;
  readonly parent?: string;
  /** What is done, as a person would say it: "pull base python:3.11-slim". */
  readonly name: string;
  /** Normalised platform string ("linux/arm/v7") when the task concerns one platform only. */
  readonly platform?: string;
}

export interface TaskProgress {
  readonly type: "task.progress";
  readonly id: string;
  readonly current: number;
  /** Absent while it isn't known. May grow. */
  readonly total?: number;
  readonly unit: "bytes" | "files" | "packages";
}

export interface TaskFinished {
  readonly type: "task.finished";
  readonly id: string;
  readonly status: "done" | "cached" | "failed" | "cancelled";
  /** A short result: "13.1 MB", "mounted from library/python". */
  readonly detail?: string;
  /** Milliseconds that it took, where it didn't run all the time between its two events. */
  readonly durationMs?: number;
}

export interface LogEvent {
  readonly type: "log";
  readonly level: "debug" | "info" | "warning";
  readonly message: string;
  readonly platform?: string;
  /** Id of the task that wrote it, where it is a running program's output. */
  readonly task?: string;
  /** What wrote it, where that is an instruction of a Dockerfile. */
  readonly step?: LogStep;
  /** The builder that it runs on. */
  readonly node?: string;
  readonly stream?: "stdout" | "stderr";
}

/** "[builder 4/7] RUN npm ci": stage "builder", index 4, total 7, command "RUN npm ci". */
export interface LogStep {
  readonly stage?: string;
  readonly index?: number;
  readonly total?: number;
  readonly command?: string;
}

export interface DiagnosticEvent {
  readonly type: "diagnostic";
  readonly severity: "error" | "warning" | "info";
  readonly code: ErrorCode | (string & {});
  readonly message: string;
  readonly hint?: string;
  readonly platform?: string;
  /** The error or the result at the end says the same in full: whoever shows both may leave this away. */
  readonly reported?: boolean;
}

export type Emit = (event: BuildEvent) => void;
