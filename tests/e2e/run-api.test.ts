import { afterAll, beforeAll, expect, it } from "vitest";
import { createNodeHost } from "../../src/host/node-host.ts";
import { AnyarchError, run, test } from "../../src/index.ts";
import { ensureEngines } from "../engines/install.ts";
import { registerQemu } from "../engines/qemu.ts";
import { describeWith } from "../engines/suites.ts";
import { openTrialScene, type TrialScene } from "./trial/scene.ts";

const engines = await ensureEngines(["runc", "busybox", "qemu"]);
let scene: TrialScene;

describeWith(engines, ["runc", "busybox", "qemu"], "run() and test() of the library", () => {
  beforeAll(async () => {
    await registerQemu();
    scene = await openTrialScene();
  });
  afterAll(() => scene[Symbol.dispose]());

  it("captures output, pipes bytes in, limits the time, and ends with its signal", async () => {
    const host = createNodeHost({ env: { ...process.env, ...scene.env } });
    try {
      const messages: string[] = [];
      const settings = {
        host,
        emit: (event: { type: string; message?: string }) =>
          void (event.message && messages.push(event.message)),
      };
      const piped = await run(
        scene.image,
        {
          platform: "linux/arm64",
          command: ["sh", "-c", "cat; uname -m >&2; exit 3"],
          stdin: Buffer.from("in"),
        },
        settings,
      );
      expect(piped).toMatchObject({
        schema: "anyarch.run/v1",
        platform: "linux/arm64",
        engine: "runc",
        execution: "emulated",
        exitCode: 3,
        stdout: "in",
        stderr: "aarch64\n",
      });
      expect(messages.some((message) => message.includes("runs emulated by"))).toBe(true);
      const late = await run(scene.image, { command: ["sleep", "60"], timeoutMs: 300 }, settings);
      expect(late).toMatchObject({ exitCode: 124, execution: "native" });
      const abort = new AbortController();
      const running = run(
        scene.image,
        {
          command: ["sleep", "60"],
          onStart: () => void setTimeout(() => abort.abort(new AnyarchError("CANCELLED", "Enough.")), 300),
        },
        { ...settings, signal: abort.signal },
      );
      await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
      const report = await test(scene.image, { platforms: ["linux/arm/v7"], files: ["/bin/sh"] }, settings);
      expect(report).toMatchObject({
        ok: true,
        platforms: [{ platform: "linux/arm/v7", execution: "emulated" }],
      });
      expect(scene.leftovers()).toEqual([]);
    } finally {
      await host.close();
    }
  });
});
