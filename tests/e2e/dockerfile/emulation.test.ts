import { afterAll, beforeAll, expect, it } from "vitest";
import type { Buildkitd } from "../../engines/buildkitd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { describeWith } from "../../engines/suites.ts";
import type { Run } from "../anyarch.ts";
import {
  emulatingEngines,
  type EmulatingSite,
  expectError,
  expectIdle,
  type Site,
  startEmulatingSite,
} from "./site.ts";

const engines = await ensureEngines(emulatingEngines);

let place: EmulatingSite;
let node: Buildkitd;
let site: Site;

beforeAll(async () => {
  if (engines.without(...emulatingEngines) !== undefined) return;
  place = await startEmulatingSite();
  ({ node, site } = place);
});

afterAll(async () => {
  await place?.[Symbol.asyncDispose]();
});

/** Builds a stage "backend" with this step for linux/arm64, on the amd64 node. */
async function emulate(step: string, ...args: readonly string[]): Promise<Run> {
  site.write([
    "FROM busybox:stable AS backend",
    `RUN ${step}`,
    "FROM busybox:stable",
    "COPY --from=backend /bin/sh /out",
  ]);
  const run = await site.build([
    "--platform",
    "linux/arm64",
    "--builder",
    node.address,
    "--no-cache",
    ...args,
  ]);
  await site.expectTidy();
  await expectIdle(node);
  return run;
}

const advice = [
  /machine of its own CPU\n[^]*--builder linux\/arm64=ssh:\/\//,
  /FROM --platform=\$BUILDPLATFORM/,
];

describeWith(engines, emulatingEngines, "a step under QEMU", () => {
  it.each([
    ["SIGSEGV", "SEGV", 139, "qemu-sigsegv-signal-11"],
    ["SIGILL", "ILL", 132, "qemu-sigill-signal-4"],
  ])(
    "000-07 000-08 000-09 crashes with %s: what, where, how it ran, what to do",
    async (signal, name, exit, code) => {
      const step = `echo compiling; sh -c 'kill -${name} $$'; exit $?`;
      const run = await emulate(step);
      const where = `linux/arm64 failed on ${node.address} (emulated), in [backend 2/2] RUN ${step}`;
      expectError(run, "BUILD_FAILED", 1, `[${code}]`, ...advice);
      expect(run.stderr).toContain(`${where}: exit code ${exit} (${signal}).`);
      expect(run.stderr).toContain(`linux/arm64, emulated, stage backend, step 2/2: RUN ${step}`);
      expect(run.stderr).toContain("Nothing was published.");
      expect(run.stderr.split(`[${code}]`), "the diagnosis is printed once").toHaveLength(2);
      expect(run.stderr.split("machine of its own CPU"), "so is the advice").toHaveLength(2);
    },
  );

  it.each([
    ["SEGV", "qemu-sigsegv-signal-11"],
    ["ILL", "qemu-sigill-signal-4"],
  ])("002-18 000-09 hangs after SIG%s: the watchdog ends it, here and on the node", async (name, code) => {
    const started = Date.now();
    const run = await emulate(`echo compiling; kill -${name} $$`, "--crash-silence", "1500ms");
    expect(Date.now() - started).toBeLessThan(15_000);
    expectError(run, "BUILD_STALLED", 1, `[${code}]`, ...advice);
    expect(run.stderr).toContain(`[backend 2/2] RUN echo compiling; kill -${name} $$: `);
    expect(run.stderr).toMatch(/the emulator crashed \(signal \d+\), then it was silent for 1\.5 s\./);
    expect(run.stderr).toContain(`linux/arm64, emulated, stage backend, step 2/2`);
  });

  it("000-07 is killed with 137: memory, and no other machine's CPU", async () => {
    const run = await emulate("sh -c 'kill -KILL $$'; exit $?");
    expectError(run, "BUILD_FAILED", 1, "exit code 137 (SIGKILL: probably out of memory)", /memory/);
  });

  it("000-05 000-06 is .NET's crossgen2: the fault is named, and all versions that matter", async () => {
    const line =
      '/usr/share/dotnet/sdk/Microsoft.NET.Publish.targets(498,5): error MSB6006: "crossgen2" exited with code 139.\n';
    // Encoded: what a command only echoes is no tool's complaint.
    const encoded = Buffer.from(line).toString("base64");
    const run = await emulate(`echo ${encoded} | base64 -d; exit 1`);
    expectError(run, "BUILD_FAILED", 1, /PublishReadyToRun/, /crossgen/);
    const report = run.stderr.slice(run.stderr.indexOf("\nbuilt with\n"));
    expect(report).toMatch(/anyarch \d+\.\d+\.\d+, Node\.js v\d+\S+, linux x64, kernel \d/);
    expect(report).toMatch(/On the host itself|In a container/);
    expect(report).toMatch(/buildctl \d+\.\d+/);
    expect(report).toContain(`builder ${node.address}: linux/amd64, buildkitd, BuildKit v0.26.3`);
    expect(report).toMatch(/emulator qemu-aarch64, \d+\.\d+\S*, flags \S*F/);
  });
});
