import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { crane } from "../../engines/clients.ts";
import { ensureEngines } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import { describeWith } from "../../engines/suites.ts";
import { root } from "../anyarch.ts";
import { prepareExample, sharedCacheDir } from "../example-service.ts";
import { farmEngines, startFarm, type TestFarm } from "./farm.ts";
import { type JobEnd, WorkflowRunner } from "./workflow-runner.ts";

const engines = await ensureEngines(farmEngines);
const version = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;
let farm: TestFarm;
let bin: string;

beforeAll(async () => {
  if (engines.without(...farmEngines) !== undefined) return;
  farm = await startFarm();
  bin = runnerPrograms(join(dirname(farm.workspace.path), "bin"));
  execFileSync("git", ["init", "--quiet", farm.workspace.path]);
});

afterAll(async () => {
  await farm?.[Symbol.asyncDispose]();
});

/** What a runner has after `npm install --global`; that this version is not yet published is all that npm is spared. */
function runnerPrograms(directory: string): string {
  mkdirSync(directory);
  const program = (name: string, lines: readonly string[]): void => {
    writeFileSync(join(directory, name), `${["#!/bin/sh", ...lines].join("\n")}\n`);
    chmodSync(join(directory, name), 0o755);
  };
  program("anyarch", [`exec "${process.execPath}" "${join(root, "lib/cli/main.js")}" "$@"`]);
  program("npm", [`test "$*" = "install --global anyarch@${version}"`]);
  return directory;
}

async function workflow(...args: readonly string[]): Promise<WorkflowRunner> {
  const made = await farm.anyarch(["ci", "github", ...args]);
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const text = readFileSync(join(farm.workspace.path, ".github/workflows/anyarch.yml"), "utf8");
  const env = { ...farm.env, ANYARCH_CACHE_DIR: sharedCacheDir(), PATH: `${bin}:${farm.env["PATH"] ?? ""}` };
  return new WorkflowRunner(text, {
    cwd: farm.workspace.path,
    env,
    temp: dirname(farm.workspace.path),
  });
}

async function runAll(
  runner: WorkflowRunner,
): Promise<{ build: JobEnd; rows: readonly JobEnd[]; publish: JobEnd }> {
  const { end: check } = await runner.run("check");
  expect(check.result, JSON.stringify(check.steps)).toBe("success");
  const { end: build, rows } = await runner.run("build");
  expect(build.result, JSON.stringify(build.steps)).toBe("success");
  const { end: publish } = await runner.run("publish", { build });
  expect(publish.result, JSON.stringify(publish.steps)).toBe("success");
  return { build, rows, publish };
}

interface Index {
  readonly manifests: readonly { readonly platform: { readonly architecture: string } }[];
}

async function platformsOf(reference: string): Promise<readonly string[]> {
  const { stdout } = await crane(["manifest", reference], { registry: farm.registry });
  const { manifests } = JSON.parse(stdout) as Index;
  return manifests.map(({ platform }) => platform.architecture).filter((name) => name !== "unknown");
}

type Pipeline = Readonly<
  Record<
    string,
    { readonly script?: readonly string[]; readonly variables?: Readonly<Record<string, string>> }
  >
>;

/** Runs a GitLab job's script in sh, as its runner does; returns the variables that it hands on. */
async function runGitlab(
  pipeline: Pipeline,
  name: string,
  handedOn: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, string>>> {
  const cwd = farm.workspace.path;
  const job = pipeline[name];
  const script = job?.script ?? pipeline[".build"]?.script ?? [];
  const given = { ...(pipeline["variables"] as Readonly<Record<string, string>>), ...job?.variables };
  const expanded = Object.entries(given).map(
    ([key, value]) => [key, value.replace("$CI_PROJECT_DIR", cwd)] as const,
  );
  const { stdout, stderr, code } = await run("sh", ["-e", "-c", script.join("\n")], {
    cwd,
    env: {
      ...farm.env,
      PATH: `${bin}:${farm.env["PATH"] ?? ""}`,
      ...Object.fromEntries(expanded),
      ...handedOn,
    },
  });
  expect(code, stdout + stderr).toBe(0);
  if (name === "publish") return {};
  const [key = "", value = ""] = readFileSync(join(cwd, "anyarch.env"), "utf8").trim().split("=");
  return { [key]: value };
}

async function runPipeline(context: string): Promise<void> {
  const made = await farm.anyarch(["ci", "gitlab", context, "--no-test", "--output", "-"]);
  const pipeline = parse(made.stdout, { version: "1.1" }) as Pipeline;
  const first = await runGitlab(pipeline, "build:linux_amd64");
  const second = await runGitlab(pipeline, "build:linux_arm64");
  await runGitlab(pipeline, "publish", { ...first, ...second });
}

const dockerfile = [
  "FROM busybox:stable",
  "ARG TARGETARCH",
  'RUN test "$TARGETARCH" != arm && uname -m > /machine',
];

/** The builders of the farm, as a configuration names them. */
function config(repository: string, tags: readonly string[]): string {
  const { amd64, arm64 } = farm.endpoints;
  return [
    "[build]",
    `tag = ${JSON.stringify(tags.map((tag) => `${repository}:${tag}`))}`,
    "[builders]",
    `"linux/amd64" = ${JSON.stringify(amd64)}`,
    `"linux/arm64" = ${JSON.stringify(arm64)}`,
    "[test]",
    'commands = ["test -s /machine"]',
    "",
  ].join("\n");
}

describeWith(engines, farmEngines, "a generated workflow, executed", () => {
  it("002-11 002-12 002-17 003-28 003-32 004-36 builds, tests and merges a Dockerfile's platforms", async () => {
    const repository = `${farm.registry.host}/team/flow`;
    farm.write({ Dockerfile: dockerfile, "anyarch.toml": config(repository, ["1.0", "latest"]) });
    const { build, rows, publish } = await runAll(await workflow());
    expect(rows).toHaveLength(2);
    expect(build.outputs).toMatchObject({
      linux_amd64: expect.stringMatching(/^sha256:/) as string,
      linux_arm64: expect.stringMatching(/^sha256:/) as string,
    });
    expect(build.steps.filter(({ name }) => name.startsWith("Test"))).toHaveLength(2);
    for (const tag of ["1.0", "latest"])
      expect(await platformsOf(`${repository}:${tag}`)).toEqual(["amd64", "arm64"]);
    const digest = (await crane(["digest", `${repository}:1.0`], { registry: farm.registry })).stdout.trim();
    expect(publish.summary).toContain(digest);
    expect(rows[1]?.summary).toMatch(/\| linux\/arm64 \| sha256:\w+ \| native on ssh:/);
  });

  it("003-30 publishes without an optional platform that fails, and not without a required one", async () => {
    const repository = `${farm.registry.host}/team/partial`;
    farm.write({ Dockerfile: dockerfile, "anyarch.toml": config(repository, ["1.0"]) });
    const platforms = ["--platform", "linux/amd64,linux/arm64,linux/arm/v7"];
    const runner = await workflow(...platforms, "--no-test", "--optional", "linux/arm/v7");
    const { build, rows, publish } = await runAll(runner);
    expect(rows.map(({ result }) => result)).toEqual(["success", "success", "failure"]);
    expect(build.outputs["linux_arm_v7"]).toBeUndefined();
    expect(rows[2]?.summary).toMatch(/\*\*[A-Z_]+\*\*: /);
    expect(publish.steps.map(({ output }) => output).join("\n")).toContain(
      "::warning::The optional platform linux/arm/v7 failed and is left out.",
    );
    expect(await platformsOf(`${repository}:1.0`)).toEqual(["amd64", "arm64"]);
    const strict = await workflow(...platforms);
    const { end } = await strict.run("publish", { build });
    expect(end.result).toBe("failure");
    expect(end.steps.at(-2)?.output).toContain("linux/arm/v7 is required, and there is no image of it.");
  });

  it("003-32 004-36 builds all in one job, and with a GitLab pipeline", async () => {
    const [lab, together] = ["lab", "together"].map((name) => `${farm.registry.host}/team/${name}`);
    for (const [directory, repository] of [
      ["lab", String(lab)],
      ["together", String(together)],
    ] as const)
      farm.write({
        [`${directory}/Dockerfile`]: dockerfile,
        [`${directory}/anyarch.toml`]: config(repository, ["1.0", "latest"]),
      });
    const runner = await workflow("together", "--mode", "qemu");
    const [{ end }] = await Promise.all([runner.run("build"), runPipeline("lab")]);
    expect(end.result, JSON.stringify(end.steps)).toBe("success");
    for (const name of [`${lab}:1.0`, `${lab}:latest`, `${together}:1.0`, `${together}:latest`])
      expect(await platformsOf(name)).toEqual(["amd64", "arm64"]);
    expect(end.summary).toMatch(/linux\/amd64 .*\n.*linux\/arm64 /);
  });

  it("004-17 assembles an application per architecture and merges its images", async () => {
    const repository = `${farm.registry.host}/team/assembled`;
    prepareExample("hello-python", join(farm.workspace.path, "service"));
    const platforms = ["--platform", "linux/amd64,linux/arm64"];
    const runner = await workflow("service", "--tag", `${repository}:1.0`, "--no-test", ...platforms);
    const { build } = await runAll(runner);
    for (const arch of ["amd64", "arm64"]) {
      const found = await crane(["digest", `${repository}:1.0-${arch}`], { registry: farm.registry });
      expect(found.stdout.trim()).toBe(build.outputs[`linux_${arch}`]);
    }
    expect(await platformsOf(`${repository}:1.0`)).toEqual(["amd64", "arm64"]);
  });
});
