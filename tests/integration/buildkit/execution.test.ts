import { afterEach, beforeEach, expect, it } from "vitest";
import { buildPlatforms } from "../../../src/buildkit/build-platforms.ts";
import type { Node } from "../../../src/buildkit/node.ts";
import type { PlatformOutcome } from "../../../src/buildkit/outcome.ts";
import type { AnyarchError } from "../../../src/errors/error.ts";
import { startBuildkitd } from "../../engines/buildkitd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { registerQemu } from "../../engines/qemu.ts";
import { run } from "../../engines/process.ts";
import { describeWith } from "../../engines/suites.ts";
import { type BuildSite, buildOne, limits, makeBuildSite, planFor, untilLogged } from "./build-site.ts";

const nodes = ["buildkit", "busybox", "qemu"] as const;
const engines = await ensureEngines([...nodes]);

let site: BuildSite;

function errorOf(outcome: PlatformOutcome): AnyarchError {
  if (outcome.ok) throw new Error("The build succeeded.");
  return outcome.error;
}

/** Clients that still run: their arguments name the site's directory. */
async function clients(): Promise<string> {
  return (await run("pgrep", ["-f", `metadata-file ${site.directory}`], { anyExit: true })).stdout.trim();
}

describeWith(engines, nodes, "Builds on BuildKit nodes", () => {
  beforeEach(async () => {
    site = await makeBuildSite();
  });
  afterEach(async () => {
    await site[Symbol.asyncDispose]();
  });

  it("report steps and logs by platform, and end with the image", async () => {
    await using daemon = await startBuildkitd();
    await using farm = await site.farm(daemon);
    const file = await site.dockerfile("RUN echo built for $(uname -m); echo aside >&2");
    const outcome = await buildOne(site, farm, file, { platform: "linux/amd64", on: ["native"] });
    expect(outcome).toMatchObject({ ok: true, placement: "native", attempts: [{ placement: "native" }] });
    if (!outcome.ok) return;
    expect((await outcome.result.store.resolve("", site.ctx)).digest).toBe(outcome.result.descriptor.digest);
    expect(site.events).toContainEqual(
      expect.objectContaining({
        type: "log",
        message: "built for x86_64",
        platform: "linux/amd64",
        node: daemon.address,
        stream: "stdout",
        step: expect.objectContaining({ stage: "builder", index: 1, total: 1 }) as unknown,
      }),
    );
    const begun = site.events.filter(({ type }) => type === "task.started").length;
    expect(site.events.filter(({ type }) => type === "task.finished").length).toBe(begun);
  });

  it("000-08 name platform, stage, step and command of a failed instruction, with its last lines", async () => {
    await using daemon = await startBuildkitd();
    await using farm = await site.farm(daemon);
    const file = await site.dockerfile("RUN true", "RUN echo npm ERR! missing script >&2; exit 7");
    const error = errorOf(await buildOne(site, farm, file, { platform: "linux/amd64", on: ["native"] }));
    expect(error.code).toBe("BUILD_FAILED");
    expect(error.message).toContain("linux/amd64 failed");
    expect(error.message).toContain("[builder 2/2] RUN echo npm ERR!");
    expect(error.message).toContain("| npm ERR! missing script");
    expect(error.details).toMatchObject({
      exitCode: 7,
      emulated: false,
      step: { stage: "builder", index: 2, total: 2, command: "RUN echo npm ERR! missing script >&2; exit 7" },
    });
  });

  it("000-07 read exit codes of 128 and more as the signals that they stand for", async () => {
    await using daemon = await startBuildkitd();
    await using farm = await site.farm(daemon);
    const signals = { 139: "SIGSEGV", 132: "SIGILL", 137: "SIGKILL: probably out of memory" };
    for (const [code, meaning] of Object.entries(signals)) {
      const file = await site.dockerfile(`RUN exit ${code}`);
      const error = errorOf(await buildOne(site, farm, file, { platform: "linux/amd64", on: ["native"] }));
      expect(error.details).toMatchObject({ exitCode: Number(code), signal: meaning.replace(/:.*/, "") });
      expect(error.message).toContain(`exit code ${code} (${meaning})`);
    }
  });

  it("002-18 000-09 end a step that hangs after its emulator crashed, and say so", async () => {
    await registerQemu();
    await using daemon = await startBuildkitd();
    await using farm = await site.farm(daemon);
    // PID 1 of a container doesn't die of its own signal: QEMU says that it crashed, and stays.
    const file = await site.dockerfile("RUN echo going; kill -SEGV $$");
    const outcome = await buildOne(site, farm, file, {
      platform: "linux/arm64",
      on: ["emulated"],
      crashSilenceMs: 700,
    });
    const error = errorOf(outcome);
    expect(error.code).toBe("BUILD_STALLED");
    expect(error.message).toContain("uncaught target signal 11");
    expect(error.hint).toMatch(/native|BUILDPLATFORM/);
    expect(error.details).toMatchObject({ emulated: true, signal: "SIGSEGV", watchdog: "crash" });
    expect(outcome).toMatchObject({ diagnoses: [expect.objectContaining({ emulated: true }) as unknown] });
    expect(site.events).toContainEqual(
      expect.objectContaining({ type: "diagnostic", platform: "linux/arm64" }),
    );
    expect(await clients()).toBe("");
  });

  it("stop within moments when they are cancelled, without a process left", async () => {
    await using daemon = await startBuildkitd();
    await using farm = await site.farm(daemon);
    const file = await site.dockerfile("RUN echo waiting; sleep 600");
    const building = buildOne(site, farm, file, { platform: "linux/amd64", on: ["native"] });
    await untilLogged(site, "waiting");
    expect(await clients()).not.toBe("");
    site.stop.abort(new DOMException("Interrupted", "AbortError"));
    await expect(building).rejects.toThrow("Interrupted");
    expect(await clients()).toBe("");
  });

  it("notice that a node was killed, and go on with the next", async () => {
    await using first = await startBuildkitd();
    await using second = await startBuildkitd();
    await using farm = await site.farm(first, second);
    const file = await site.dockerfile("RUN echo waiting; sleep 4; echo done");
    const building = buildOne(site, farm, file, { platform: "linux/amd64", on: ["native", "native"] });
    await untilLogged(site, "waiting");
    await first.kill();
    const outcome = await building;
    expect(outcome).toMatchObject({
      ok: true,
      node: second.address,
      attempts: [{ node: first.address, failure: { code: "BUILDER_LOST" } }, { node: second.address }],
    });
  });

  it("say that the only node was lost", async () => {
    await using daemon = await startBuildkitd();
    await using farm = await site.farm(daemon);
    const file = await site.dockerfile("RUN echo waiting; sleep 600");
    const building = buildOne(site, farm, file, { platform: "linux/amd64", on: ["native"], retries: 2 });
    await untilLogged(site, "waiting");
    await daemon.kill();
    const error = errorOf(await building);
    expect(error.code).toBe("BUILDER_LOST");
    expect(error.message).toContain("RUN echo waiting");
  });

  it("notice a node that hangs, which its client waits for without end", async () => {
    await using daemon = await startBuildkitd();
    await using farm = await site.farm(daemon);
    const file = await site.dockerfile("RUN echo waiting; sleep 600");
    const how = { platform: "linux/amd64", on: ["native"], askAfterMs: 300 } as const;
    const building = buildOne(site, farm, file, how);
    await untilLogged(site, "waiting");
    process.kill(daemon.pid, "SIGSTOP");
    const error = errorOf(await building.finally(() => process.kill(daemon.pid, "SIGCONT")));
    expect(error.code).toBe("BUILDER_LOST");
    expect(error.message).toContain("gives no answer any more");
    expect(await clients()).toBe("");
  });

  it("go on where a silent node answers", async () => {
    await using daemon = await startBuildkitd();
    await using farm = await site.farm(daemon);
    const file = await site.dockerfile("RUN sleep 2");
    const how = { platform: "linux/amd64", on: ["native"], askAfterMs: 100 } as const;
    expect(await buildOne(site, farm, file, how)).toMatchObject({ ok: true });
  });

  it("cancel the others when a required platform fails, unless a partial result is wanted", async () => {
    await registerQemu();
    await using daemon = await startBuildkitd();
    await using farm = await site.farm(daemon);
    const file = await site.dockerfile('RUN test "$(uname -m)" = x86_64 && sleep 5 || exit 3');
    const node = farm.nodes[0] as Node;
    const plan = planFor(farm, [
      { platform: "linux/amd64", on: [[node, "native"]] },
      { platform: "linux/arm64", on: [[node, "emulated"]] },
    ]);
    const strict = await buildPlatforms(plan, farm, limits, site.prepare(file), site.ctx);
    expect(strict.map((one) => !one.ok && one.error.code)).toEqual(["CANCELLED", "BUILD_FAILED"]);
    expect(site.events).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining("linux/amd64 is cancelled") as unknown }),
    );
    const lenient = await buildPlatforms(
      plan,
      farm,
      { ...limits, fallback: "available" },
      site.prepare(file),
      site.ctx,
    );
    expect(lenient.map(({ ok }) => ok)).toEqual([true, false]);
  });
});
