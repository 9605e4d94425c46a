import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Buildkitd } from "../../engines/buildkitd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import { describeWith } from "../../engines/suites.ts";
import { root } from "../anyarch.ts";
import { screenOf } from "./screen.ts";
import { emulatingEngines, type EmulatingSite, type Site, startEmulatingSite } from "./site.ts";

const engines = await ensureEngines(emulatingEngines);

let place: EmulatingSite;
let node: Buildkitd;
let site: Site;
let args: readonly string[];

beforeAll(async () => {
  if (engines.without(...emulatingEngines) !== undefined) return;
  place = await startEmulatingSite();
  ({ node, site } = place);
  site.write([
    "FROM busybox:stable AS builder",
    "ARG FAIL",
    'RUN for i in $(seq 40); do echo line $i of $(uname -m); done; test -z "$FAIL" && sleep 0.3',
    "FROM busybox:stable",
    "COPY --from=builder /bin/sh /out",
  ]);
  args = ["--platform", "linux/amd64,linux/arm64", "--builder", node.address, "--no-cache"];
});

afterAll(async () => {
  await place?.[Symbol.asyncDispose]();
});

const platforms = [
  ["linux/amd64", "x86_64"],
  ["linux/arm64", "aarch64"],
] as const;
const numbers = Array.from({ length: 40 }, (_, index) => index + 1);

/** How many of the lines are this one, or match it. */
const count = (lines: readonly string[], wanted: string | RegExp): number =>
  lines.filter((line) => (typeof wanted === "string" ? line === wanted : wanted.test(line))).length;

describeWith(engines, emulatingEngines, "progress of a Dockerfile build", () => {
  it("as plain lines: platforms are kept apart, each step is reported once", async () => {
    const { code, stderr } = await site.build(args);
    expect(code, stderr).toBe(0);
    const lines = stderr.split("\n");
    for (const [platform, machine] of platforms) {
      for (const number of numbers)
        expect(count(lines, `${platform} builder 2/2 │ line ${number} of ${machine}`)).toBe(1);
      for (const step of [
        "builder 1/2\\] FROM docker",
        "builder 2/2\\] RUN for",
        "stage-1 2/2\\] COPY --from",
      ])
        expect(count(lines, new RegExp(`^[✓=] ${platform}  \\[${step}`)), step).toBe(1);
    }
    expect(stderr, "a whole digest is for machines").not.toMatch(/@sha256:[0-9a-f]{64}/);
  });

  it("as plain lines: a step that fails has printed its whole log once", async () => {
    const { code, stderr } = await site.build([...args, "--build-arg", "linux/arm64=FAIL=1"]);
    expect(code, stderr).toBe(1);
    const lines = stderr.split("\n");
    for (const number of numbers)
      expect(count(lines, `linux/arm64 builder 2/2 │ line ${number} of aarch64`)).toBe(1);
    expect(count(lines, /^✗ linux\/arm64 {2}\[builder 2\/2\] RUN for/)).toBe(1);
    expect(count(lines, /^error linux\/arm64 failed on /)).toBe(1);
    expect(count(lines, /\[BUILD_FAILED\]$/)).toBe(1);
  });

  it("as JSON: one event per line, with platform, stage and step; the last is the result or the error", async () => {
    for (const [more, last] of [
      [[], { type: "result", result: { platforms: [{}, {}] } }],
      [["--build-arg", "linux/arm64=FAIL=1"], { type: "error", error: { code: "BUILD_FAILED" } }],
    ] as const) {
      const { stdout } = await site.build([...args, ...more, "--progress", "json"]);
      expect(stdout.endsWith("\n")).toBe(true);
      const events = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      for (const event of events)
        expect(event).toMatchObject({
          schema: "anyarch.event/v1",
          type: expect.any(String),
          time: expect.any(Number),
        });
      expect(events.at(-1)).toMatchObject(last);
      const step = { stage: "builder", index: 2, total: 2 };
      for (const [platform, machine] of platforms)
        expect(events).toContainEqual(
          expect.objectContaining({
            type: "log",
            platform,
            message: `line 1 of ${machine}`,
            step: expect.objectContaining(step),
          }),
        );
      const ids = (type: string): readonly unknown[] =>
        events.filter((event) => event["type"] === type).map((event) => event["id"]);
      expect(ids("task.finished"), "what was started ends, once").toHaveLength(ids("task.started").length);
      expect(new Set(ids("task.finished"))).toEqual(new Set(ids("task.started")));
    }
  });

  it.skipIf(!existsSync("/usr/bin/script"))(
    "live, in a terminal: nothing overlaps, nothing comes twice",
    async () => {
      const columns = 100;
      const command = ["build", ".", "--color", "always", ...args, "--build-arg", "linux/arm64=FAIL=1"];
      const words = [process.execPath, join(root, "lib/cli/main.js"), ...command].map((word) => `'${word}'`);
      const { stdout } = await run(
        "script",
        ["-qec", `stty cols ${columns} rows 30; ${words.join(" ")}`, "/dev/null"],
        { cwd: site.work, env: { ...process.env, ...site.env, TERM: "xterm", CI: undefined }, anyExit: true },
      );
      expect(stdout, "it was redrawn").toContain("\u001b[2K");
      const lines = screenOf(stdout, columns);
      expect(lines[0]).toMatch(/^✓ probe builders {2}1 of 1 {2}\d/);
      for (const number of numbers)
        expect(count(lines, `  │ line ${number} of aarch64`), `${number}`).toBe(1);
      expect(count(lines, /^ {2}│ line \d+ of x86_64/), "what succeeds keeps its log to itself").toBe(0);
      expect(count(lines, /^✗ linux\/arm64 {2}\[builder 2\/2\] RUN for/)).toBe(1);
      expect(count(lines, /^error linux\/arm64 failed on /)).toBe(1);
      expect(lines.join("\n"), "a running task is left on the screen").not.toMatch(/^[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/m);
    },
  );
});
