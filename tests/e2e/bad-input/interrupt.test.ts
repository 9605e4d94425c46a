import { randomBytes } from "node:crypto";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IndexServer } from "../../unit/packages/python/index-server.ts";
import { ensureEngines } from "../../engines/install.ts";
import { startRegistry } from "../../engines/registry.ts";
import { describeWith } from "../../engines/suites.ts";
import type { Run } from "../anyarch.ts";
import { snapshot } from "./leftovers.ts";
import { makeStage, openScene, type Scene, type Stage } from "./scene.ts";
import { startWeakProxy } from "./weak-proxy.ts";
import { type MadeWheel, makeWheels, pinned } from "./wheels.ts";

const engines = await ensureEngines(["docker-registry"]);

/** Generous: it takes a tenth of a second, on a machine that has nothing else to do. */
const soonMs = 5000;

let stage: Stage;
let wheels: readonly MadeWheel[];
let index: IndexServer;
beforeAll(async () => {
  stage = await makeStage();
  using scene = openScene(stage);
  wheels = await makeWheels(scene.root, [
    { name: "alpha", noise: 1 << 20 },
    { name: "beta", noise: 1 << 20 },
    { name: "gamma" },
  ]);
  index = await IndexServer.start(wheels, { intercept: answerSlowly });
});
afterAll(async () => {
  await index[Symbol.asyncDispose]();
  stage[Symbol.dispose]();
});

/** Wheels come in pieces of 64 KiB, every 20 ms. */
function answerSlowly({ url }: IncomingMessage, response: ServerResponse): boolean {
  const wheel = wheels.find(({ filename }) => url === `/files/${filename}`);
  if (wheel === undefined) return false;
  response.writeHead(200, { "content-length": wheel.bytes.length });
  const send = (from: number): void => {
    if (response.destroyed) return;
    if (from >= wheel.bytes.length) response.end();
    else {
      response.write(wheel.bytes.subarray(from, from + (64 << 10)));
      setTimeout(() => send(from + (64 << 10)), 20);
    }
  };
  send(0);
  return true;
}

function openBusyScene(): Scene {
  const scene = openScene(stage);
  scene.write("requirements.txt", pinned(wheels));
  scene.write("noise.bin", randomBytes(8 << 20));
  return scene;
}

interface Interrupted extends Run {
  /** From the signal to the end, in milliseconds; undefined where it had ended before. */
  readonly afterMs: number | undefined;
}

/** Runs a build and sends it signals, `delay` milliseconds after its start. */
async function interrupted(
  scene: Scene,
  args: readonly string[],
  delay: number,
  signals: readonly NodeJS.Signals[],
): Promise<Interrupted> {
  let sent: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  const run = await scene.build(args, {
    env: { PIP_INDEX_URL: index.url },
    onStart: (kill) => {
      timer = setTimeout(() => {
        sent = Date.now();
        for (const signal of signals) kill(signal);
      }, delay);
    },
  });
  clearTimeout(timer);
  return { ...run, afterMs: sent === undefined ? undefined : Date.now() - sent };
}

/** As `interrupted`, later where the signal came while Node.js was starting: on a busy machine that takes a while. */
async function interruptedInBuild(
  ...[scene, args, delay, signals]: Parameters<typeof interrupted>
): Promise<Interrupted> {
  const run = await interrupted(scene, args, delay, signals);
  const isTooEarly = !wasCancelled(run) && run.code !== 0 && run.stdout === "" && delay < 5000;
  return isTooEarly ? interruptedInBuild(scene, args, delay * 1.5, signals) : run;
}

/** The signal came after Node.js had started, and before the build was done. */
function wasCancelled({ code, stderr }: Run): boolean {
  return code === 130 || stderr.includes("Cancelled");
}

function expectCancelled(scene: Scene, run: Interrupted, before: Record<string, string>): void {
  expect(run.code, run.stderr).toBe(130);
  expect(run.afterMs).toBeLessThan(soonMs);
  expect(run.stderr).toMatch(/^Cancelled\./m);
  expect(run.stderr).not.toMatch(/^\s+at /m);
  expect(run.stdout).toBe("");
  scene.expectTidy();
  expect(scene.state()).toEqual(before);
}

function digestOf({ stdout }: Run): string {
  return (JSON.parse(stdout) as { digest: string }).digest;
}

const platforms = ["--platform", "linux/amd64,linux/arm64"];

/** How long a build from nothing takes, and what it makes. */
async function measure(scene: Scene, args: readonly string[]): Promise<{ ms: number; digest: string }> {
  const started = Date.now();
  const env = { PIP_INDEX_URL: index.url };
  const run = await scene.build([...args, "--format", "json"], { env });
  expect(run.code, run.stderr).toBe(0);
  const ms = Date.now() - started;
  rmSync(scene.cache, { recursive: true });
  return { ms, digest: digestOf(run) };
}

describe("Ctrl-C during a build", () => {
  it("ends it with 130 at any point, and nothing is left but the image that was there", async () => {
    using scene = openBusyScene();
    const output = ["--output", `oci:${join(scene.root, "reference")}`];
    const { ms, digest } = await measure(scene, [...platforms, ...output]);
    const before = scene.state();
    let cancelled = 0;
    const rounds = 24;
    for (let round = 0; round < rounds || (cancelled < 20 && round < 2 * rounds); round++) {
      // From an empty cache, and from what the one before it left.
      if (round % 2 === 0) rmSync(scene.cache, { recursive: true, force: true });
      const delay = 150 + Math.random() * (round % 2 === 0 ? ms : ms / 2);
      const run = await interrupted(scene, [...platforms, "--tag", "demo:1.0"], delay, ["SIGINT"]);
      if (wasCancelled(run)) {
        cancelled++;
        expectCancelled(scene, run, before);
      } else if (run.code === 0 || run.stdout !== "") {
        // It was done before the signal came, or already leaving: the old image is put back for the next.
        rmSync(join(scene.app, "dist"), { recursive: true });
        cpSync(stage.goodImage, join(scene.app, "dist/image"), { recursive: true });
      } else expect(scene.state(), "killed while Node.js was starting").toEqual(before);
    }
    expect(cancelled).toBeGreaterThanOrEqual(20);
    const env = { PIP_INDEX_URL: index.url };
    const last = await scene.build([...platforms, "--format", "json"], { env });
    expect(digestOf(last)).toBe(digest);
  });

  it("ends it with SIGTERM and SIGHUP alike, and says so as JSON", async () => {
    using scene = openBusyScene();
    const before = scene.state();
    for (const signal of ["SIGTERM", "SIGHUP"] as const) {
      const run = await interruptedInBuild(scene, ["--format", "json"], 600, [signal]);
      expect(run.code, run.stderr).toBe(130);
      expect(JSON.parse(run.stdout)).toMatchObject({ schema: "anyarch.error/v1", code: "CANCELLED" });
      scene.expectTidy();
      expect(scene.state()).toEqual(before);
    }
  });

  it("ends the resolver with it, and what that has in TMPDIR", async () => {
    using scene = openScene(stage);
    scene.write("requirements.txt", "alpha\nbeta\n");
    const before = scene.state();
    for (const delay of [700, 1000, 1400]) {
      const run = await interruptedInBuild(scene, [], delay, ["SIGINT"]);
      expectCancelled(scene, run, before);
    }
  });

  it("a second one ends it at once", async () => {
    using scene = openBusyScene();
    const before = scene.state();
    const run = await interruptedInBuild(scene, [], 600, ["SIGINT", "SIGINT"]);
    expect(run.code, run.stderr).toBe(130);
    expect(run.afterMs).toBeLessThan(soonMs);
    expect(scene.state()).toEqual(before);
  });

  it("SIGKILL at any point: the next build succeeds and gives the same digest", async () => {
    using scene = openBusyScene();
    const output = ["--output", `oci:${join(scene.root, "reference")}`];
    const { ms, digest } = await measure(scene, [...platforms, ...output]);
    const env = { PIP_INDEX_URL: index.url };
    let killed = 0;
    for (let round = 0; round < 12; round++) {
      rmSync(scene.cache, { recursive: true, force: true });
      const run = await interrupted(scene, platforms, 150 + Math.random() * ms, ["SIGKILL"]);
      if (run.code !== 0) killed++;
      // What is in dist/image is whole, whichever image it is.
      const verified = await scene.run(["verify", "--deep", "dist/image"]);
      expect(verified.code, verified.stdout + verified.stderr).toBe(0);
      const next = await scene.build([...platforms, "--format", "json"], { env });
      expect(next.code, next.stderr).toBe(0);
      expect(digestOf(next)).toBe(digest);
      expect(existsSync(join(scene.app, "dist/image/.anyarch.lock"))).toBe(false);
      expect(
        Object.keys(snapshot(join(scene.app, "dist"))).filter((path) => /\.anyarch-.*\//.test(path)),
      ).toEqual([]);
    }
    expect(killed).toBeGreaterThan(6);
  });
});

describeWith(engines, ["docker-registry"], "Ctrl-C during a push", () => {
  it("leaves no tag in the registry; the next push completes it", async () => {
    using scene = openBusyScene();
    await using registry = await startRegistry();
    await using proxy = await startWeakProxy(registry.host);
    const tags = (): readonly string[] =>
      Object.keys(snapshot(registry.storage)).filter((path) => /_manifests\/tags\/[^/]+$/.test(path));
    const reference = await measure(scene, platforms);
    const env = { PIP_INDEX_URL: index.url };
    const warm = await scene.build([...platforms, "--format", "json"], { env });
    expect(digestOf(warm)).toBe(reference.digest);
    const before = scene.state();
    proxy.limit(4 << 20);
    let cancelled = 0;
    for (let round = 0; round < 10; round++) {
      const target = `${proxy.host}/team/demo-${round}:1.0`;
      const signal = round % 5 === 4 ? "SIGKILL" : "SIGINT";
      const args = [...platforms, "--tag", target, "--push"];
      const run = await interrupted(scene, args, 500 + Math.random() * 2000, [signal]);
      if (run.code === 0 || run.stdout !== "") continue;
      const tag = tags().find((path) => path.includes(`demo-${round}/`));
      if (tag !== undefined) {
        // It was all there before the signal came: the tag is the last that is pushed.
        const link = readFileSync(join(registry.storage, tag, "current/link"), "utf8");
        expect(link).toBe(reference.digest);
        continue;
      }
      if (signal === "SIGKILL" || !wasCancelled(run)) continue;
      cancelled++;
      expectCancelled(scene, run, before);
    }
    expect(cancelled).toBeGreaterThanOrEqual(6);
    const args = [...platforms, "--tag", `${registry.host}/team/demo-0:1.0`, "--push", "--format", "json"];
    const last = await scene.build(args, { env });
    expect(last.code, last.stderr).toBe(0);
    expect(digestOf(last)).toBe(reference.digest);
  });
});

describe("Ctrl-C while a password is awaited", () => {
  it("ends it, although standard input is still open", async () => {
    using scene = openScene(stage);
    const args = ["push", "localhost:9/team/demo:1.0", "--username", "anna", "--password-stdin"];
    let sent = 0;
    const run = await scene.run(args, {
      stdin: "open",
      onStart: (kill) => {
        setTimeout(() => {
          sent = Date.now();
          kill("SIGINT");
        }, 800);
      },
    });
    expect(run.code, run.stderr).toBe(130);
    expect(Date.now() - sent).toBeLessThan(soonMs);
  });
});
