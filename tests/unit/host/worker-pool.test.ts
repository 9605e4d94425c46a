import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { WorkerPool } from "../../../src/host/worker-pool.ts";

type Job = "double" | "fail" | "full" | "die" | number;

/** The thread's side in JavaScript, as the compiled library has it: it answers with its own id, or as asked. */
const program = `
  import { parentPort, threadId } from "node:worker_threads";
  parentPort.on("message", (job) => {
    if (job === "die") process.exit(1);
    const details = { file: "x" };
    if (job === "fail") parentPort.postMessage({ failure: { message: "bad", anyarch: { code: "ARCHIVE_INVALID", hint: "h", details } } });
    else if (job === "full") parentPort.postMessage({ failure: { message: "no space", system: "ENOSPC" } });
    else parentPort.postMessage({ result: { job, threadId } });
  });
`;

interface Result {
  readonly job: Job;
  readonly threadId: number;
}

function pool(module: string = program): WorkerPool<Job, Result> {
  const url = new URL(`data:text/javascript,${encodeURIComponent(module)}`);
  return new WorkerPool(url, (job) => Promise.resolve({ job, threadId: 0 }));
}

const never = new AbortController().signal;

describe("a pool of threads", () => {
  it("does many jobs on few threads, and starts new ones after a rest", async () => {
    const workers = pool();
    const results = await Promise.all(Array.from({ length: 40 }, (_, n) => workers.run(n, never)));
    expect(results.map(({ job }) => job)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    const threads = new Set(results.map(({ threadId }) => threadId));
    expect(threads.size).toBeLessThanOrEqual(4);
    expect(threads).not.toContain(0);
    await sleep(400);
    expect(threads).not.toContain((await workers.run(1, never)).threadId);
  });

  it("hands on what a job throws, and goes on", async () => {
    const workers = pool();
    await expect(workers.run("fail", never)).rejects.toMatchObject({
      name: "AnyarchError",
      code: "ARCHIVE_INVALID",
      hint: "h",
      details: { file: "x" },
    });
    await expect(workers.run("full", never)).rejects.toMatchObject({ message: "no space", code: "ENOSPC" });
    expect((await workers.run(1, never)).threadId).toBeGreaterThan(0);
  });

  it("does the job on this thread where another dies or can't be had", async () => {
    for (const broken of [pool(), pool("not JavaScript")]) {
      expect(await broken.run("die", never)).toEqual({ job: "die", threadId: 0 });
      expect(await broken.run(1, never)).toEqual({ job: 1, threadId: 0 });
    }
  });

  it("begins nothing once it is cancelled", async () => {
    await expect(pool().run(1, AbortSignal.abort(new Error("stop")))).rejects.toThrow("stop");
  });
});
