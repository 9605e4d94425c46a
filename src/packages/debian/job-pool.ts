import { WorkerPool } from "../../host/worker-pool.ts";
import { type DebianJob, doJob } from "./jobs.ts";

// Compiled beside this file, or run from source beside it.
const thread = new URL(import.meta.url.endsWith(".ts") ? "job-thread.ts" : "job-thread.js", import.meta.url);

/** Decompressing xz takes most of the time of a first build: all cores of the machine share it. */
export const jobPool: WorkerPool<DebianJob, Uint8Array> = new WorkerPool(thread, doJob);
