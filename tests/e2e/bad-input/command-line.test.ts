import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anyarch, root, type Run } from "../anyarch.ts";
import { expectFailure, expectFailureText, makeStage, openScene, type Scene, type Stage } from "./scene.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await makeStage();
});
afterAll(() => stage[Symbol.dispose]());

const escape = "\u001b";

/** A command line of bash, in which "$@" is anyarch with its arguments. */
function inShell(scene: Scene, command: string, args: readonly string[], env = {}): Promise<Run> {
  const node = ["bash", "-c", command, "bash", process.execPath];
  return anyarch(args, { cwd: scene.app, env: { ...scene.env, ...env }, node });
}

/** Runs in a terminal of util-linux's `script`; what a person would see, escapes and all. */
function inTerminal(scene: Scene, args: readonly string[], env: Record<string, string>): Promise<Run> {
  const line = [process.execPath, join(root, "lib/cli/main.js"), ...args]
    .map((word) => `'${word}'`)
    .join(" ");
  return inShell(scene, `exec /usr/bin/script --quiet --return --command "${line}" /dev/null`, [], env);
}

const hasScript = spawnSync("/usr/bin/script", ["--version"]).status === 0;

describe("a wrong command line", () => {
  it.each([
    [["biuld"], "Unknown command 'biuld'", "Did you mean build?"],
    [["buidl", "--help"], "Unknown command 'buidl'", "Did you mean build?"],
    [["help", "inspekt"], "Unknown command 'inspekt'", "Did you mean inspect?"],
    [["xyz"], "Unknown command 'xyz'", "anyarch --help lists the commands"],
    [["build", "--platfrom", "linux/amd64"], "--platfrom", "Did you mean --platform?"],
    [["build", "--bogus"], "--bogus", "anyarch build --help"],
    [["--platform", "linux/amd64"], "--platform", "anyarch --help"],
    [["build", "--platform"], "--platform lacks its value", "--platform <list>"],
    [["build", "--jobs", "0"], '--jobs "0"', "from 1 up"],
    [["build", "--jobs", "many"], '--jobs "many"', "whole number"],
    [["copy", "a", "b", "--jobs", "-1"], '--jobs "-1"', "whole number"],
    [["build", "--format", "xml"], '--format is "xml"', "text or json"],
    [["build", "--progress", "loud"], '--progress is "loud"', "plain"],
    [["build", "--color", "sometimes"], '--color is "sometimes"', "never"],
    [["build", "--compression", "lzma"], '"lzma"', "gzip, zstd"],
    [["build", "--fallback", "maybe"], '"maybe"', "none, available"],
    [["build", "--env", "=x"], '--env "=x"', "KEY=VALUE"],
    [["build", "--env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE", "no value"],
    [["build", "--port", "http"], '"http" is not a port', "8000"],
    [["build", "--workdir", "app"], "--workdir app", "/app"],
    [["build", "--entrypoint", "python 'app.py"], "--entrypoint", "quote"],
    [["build", "--entrypoint", '["python", 1]'], "--entrypoint", "JSON array of strings"],
    [["build", "--healthcheck-cmd", "true", "--healthcheck-interval", "often"], '"often"', "30s"],
    [["build", "--push"], "no tag was given", "--tag registry.example/team/app:1.0 --push"],
    [["build", "--username", "anna"], "--password-stdin", "--username NAME --password-stdin"],
    [["build", ".", "other"], "Too many arguments", "anyarch build"],
    [["inspect"], "argument 'location'", "anyarch inspect [options] <location>"],
    [["copy", "oci:dist/image"], "argument 'to'", "anyarch copy"],
    [["index", "destroy", "x", "y"], '"index destroy"', "anyarch index create TARGET SOURCE…"],
  ])("%j is answered with what is wrong and what is right", async (args, what, way) => {
    using scene = openScene(stage);
    const failure = { code: "USAGE", says: [what, way] } as const;
    const before = scene.state();
    expectFailureText(await scene.run(args), failure);
    // What follows would be taken for the value.
    if (args.includes("--format") || args.at(-1) === "--platform") return;
    await expectFailure(scene, args, failure);
    expect(scene.state()).toEqual(before);
    scene.expectTidy();
  });

  it.each([
    [["--output", "image"], "--output image doesn't say", "oci:image"],
    [["--output", "type=oci,dest=out.tar"], "type=oci", "oci-archive:out.tar"],
    [["--output", "docker-daemon:x:1"], "docker-daemon:x:1", "oci:"],
    [["--output", "oci:"], "names no path", "oci:DIRECTORY"],
  ])("%j names no place: said before anything is done", async (args, what, way) => {
    using scene = openScene(stage);
    const all = ["build", ".", "--base-image", "registry.invalid/never/asked:1", ...args];
    await expectFailure(scene, all, { code: "LOCATION_INVALID", says: [what, way] });
  });

  it.each(["inspect", "verify"])(
    "%s of dist/image, where nothing was built, asks no registry",
    async (command) => {
      using scene = openScene(stage);
      rmSync(join(scene.app, "dist"), { recursive: true });
      const failure = {
        code: "LOCATION_INVALID",
        says: ["dist/image", "no OCI layout at this path"],
      } as const;
      await expectFailure(scene, [command, "dist/image"], failure);
      await expectFailure(scene, [command, "dist/image:1.0"], failure);
    },
  );

  it("with --progress json the error is the last event", async () => {
    using scene = openScene(stage);
    const args = [
      "build",
      ".",
      "--base-image",
      scene.base,
      "--platform",
      "linux/s390x",
      "--progress",
      "json",
    ];
    const run = await scene.run(args);
    expect(run.code).toBe(1);
    const events = run.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events.length).toBeGreaterThan(2);
    expect(events.every(({ schema }) => schema === "anyarch.event/v1")).toBe(true);
    const error = { schema: "anyarch.error/v1", code: "BASE_PLATFORM_MISSING" };
    expect(events.at(-1)).toMatchObject({ type: "error", error });
    expect(run.stderr).toContain("[BASE_PLATFORM_MISSING]");
  });

  it("none at all shows the help, on stderr, and is no success", async () => {
    using scene = openScene(stage);
    const run = await scene.run([]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toMatch(/^Usage: anyarch/);
    expect(run.stderr).toContain("build");
    const help = await scene.run(["--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toBe(run.stderr);
  });
});

describe("standard streams", () => {
  it("a reader that goes away early is no failure, and the build is done to its end", async () => {
    using scene = openScene(stage);
    rmSync(join(scene.app, "dist"), { recursive: true });
    const args = ["build", ".", "--base-image", scene.base, "--progress", "json"];
    const run = await inShell(scene, '"$@" | head -n 1; exit ${PIPESTATUS[0]}', args);
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout.split("\n")).toHaveLength(2);
    expect(run.stderr).toBe("");
    expect((await scene.run(["verify", "dist/image"])).code).toBe(0);
    const both = await inShell(scene, '"$@" 2>&1 | true; exit ${PIPESTATUS[0]}', [
      "build",
      ".",
      "--base-image",
      scene.base,
    ]);
    expect(both).toMatchObject({ code: 0, stdout: "", stderr: "" });
    const help = await inShell(scene, '"$@" | head -c 1; exit ${PIPESTATUS[0]}', ["build", "--help"]);
    expect(help).toMatchObject({ code: 0, stdout: "U", stderr: "" });
    scene.expectTidy();
  });

  it.each(["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])("closed ones (%s) change nothing", async (redirection) => {
    using scene = openScene(stage);
    rmSync(join(scene.app, "dist"), { recursive: true });
    const args = ["build", ".", "--base-image", scene.base];
    const run = await inShell(scene, `exec "$@" ${redirection}`, args);
    expect(run.code, run.stderr).toBe(0);
    expect(existsSync(join(scene.app, "dist/image/index.json"))).toBe(true);
    const bad = await inShell(scene, `exec "$@" ${redirection}`, [...args, "--platform", "amd64"]);
    expect(bad.code).toBe(2);
    scene.expectTidy();
  });

  it("a password that can't come is said", async () => {
    using scene = openScene(stage);
    const args = ["push", "localhost:9/team/demo:1.0", "--username", "anna", "--password-stdin"];
    for (const redirection of ["<&-", "</dev/null", "<."]) {
      const run = await inShell(scene, `exec "$@" ${redirection}`, args);
      expectFailureText(run, { code: "USAGE", says: ["--password-stdin found nothing on standard input"] });
    }
  });

  it("a result that can't be written is a failure, without a stack trace", async () => {
    using scene = openScene(stage);
    for (const args of [
      ["build", "--help"],
      ["inspect", scene.base],
      ["inspect", scene.base, "--format", "json"],
    ]) {
      const run = await inShell(scene, 'exec "$@" > /dev/full', args);
      expect(run.code).toBe(1);
      expect(run.stderr).toContain("error Standard output can't be written: no space is left.");
      expect(run.stderr).toContain("[DISK_FULL]");
      expect(run.stderr).not.toMatch(/^\s+at /m);
    }
    const silent = await inShell(scene, 'exec "$@" 2> /dev/full', ["inspect", "oci:nowhere"]);
    expect(silent).toMatchObject({ code: 4, stdout: "", stderr: "" });
  });
});

describe("how it looks", () => {
  const args = (scene: Scene): string[] => ["build", ".", "--base-image", scene.base, "--tag", "demo:1.0"];
  const bad = (scene: Scene): string[] => [...args(scene), "--platform", "amd64"];

  it("without a terminal: no escape, one line per task", async () => {
    using scene = openScene(stage);
    for (const env of [{}, { CI: "true" }, { TERM: "dumb" }, { TERM: "xterm-256color" }]) {
      const run = await scene.run(args(scene), { env: { NO_COLOR: undefined, ...env } });
      expect(run.code, run.stderr).toBe(0);
      expect(run.stdout + run.stderr).not.toContain(escape);
      expect(run.stderr).toMatch(/^. layer application/m);
    }
    const forced = await scene.run(bad(scene), { env: { NO_COLOR: undefined, FORCE_COLOR: "1" } });
    expect(forced.stderr).toContain(`${escape}[31merror`);
    const never = await scene.run([...bad(scene), "--color", "never"], { env: { FORCE_COLOR: "1" } });
    expect(never.stderr).not.toContain(escape);
    const always = await scene.run([...bad(scene), "--color=always"], { env: { NO_COLOR: "1" } });
    expect(always.stderr).toContain(`${escape}[31merror`);
  });

  it.skipIf(!hasScript)("in a terminal: colours, unless NO_COLOR or TERM=dumb says otherwise", async () => {
    using scene = openScene(stage);
    const xterm = { TERM: "xterm-256color" };
    const plain = await inTerminal(scene, bad(scene), { ...xterm, NO_COLOR: "" });
    expect(plain.code).toBe(2);
    expect(plain.stdout).toContain(`${escape}[31merror`);
    for (const env of [
      { ...xterm, NO_COLOR: "1" },
      { TERM: "dumb", NO_COLOR: "" },
    ]) {
      const run = await inTerminal(scene, bad(scene), env);
      expect(run.code).toBe(2);
      expect(run.stdout).toContain("[PLATFORM_INVALID]");
      expect(run.stdout).not.toContain(escape);
    }
    const live = await inTerminal(scene, args(scene), { ...xterm, NO_COLOR: "1" });
    expect(live.code).toBe(0);
    expect(live.stdout).not.toContain(`${escape}[3`);
    const dumb = await inTerminal(scene, args(scene), { TERM: "dumb", NO_COLOR: "" });
    expect(dumb.code).toBe(0);
    expect(dumb.stdout).not.toContain(escape);
    const ci = await inTerminal(scene, args(scene), { ...xterm, CI: "true", NO_COLOR: "1" });
    expect(ci.code).toBe(0);
    expect(ci.stdout).not.toContain(escape);
  });
});
