import { isAbort } from "../errors/error.ts";
import type { Emit, TaskProgress } from "./event.ts";

let counter = 0;

export interface TaskOptions {
  readonly platform?: string | undefined;
  readonly parent?: string | undefined;
}

/** What a running task may say. */
export interface Task {
  readonly id: string;
  progress(current: number, total: number | undefined, unit: TaskProgress["unit"]): void;
  /** Finishes as "cached" instead of "done". */
  cached(detail?: string): void;
  /** The detail that the finished event will carry. */
  detail(text: string): void;
}

/** Runs `work` between a task.started and a task.finished event; rethrows what `work` throws. */
export async function runTask<T>(
  emit: Emit,
  name: string,
  options: TaskOptions,
  work: (task: Task) => Promise<T>,
): Promise<T> {
  const id = `t${++counter}`;
  let status: "done" | "cached" = "done";
  let detail: string | undefined;
  const { platform, parent } = options;
  emit({ type: "task.started", id, name, ...(platform && { platform }), ...(parent && { parent }) });
  const task: Task = {
    id,
    progress: (current, total, unit) =>
      emit({ type: "task.progress", id, current, unit, ...(total !== undefined && { total }) }),
    cached: (text) => {
      status = "cached";
      detail = text ?? detail;
    },
    detail: (text) => {
      detail = text;
    },
  };
  try {
    const result = await work(task);
    emit({ type: "task.finished", id, status, ...(detail !== undefined && { detail }) });
    return result;
  } catch (error) {
    emit({ type: "task.finished", id, status: isAbort(error) ? "cancelled" : "failed" });
    throw error;
  }
}
