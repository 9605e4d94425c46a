import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureEngines } from "../../engines/install.ts";
import { packageSecrets } from "../../engines/package-access.ts";
import { openPodman } from "../../engines/podman.ts";
import { run } from "../../engines/process.ts";
import { describeWith } from "../../engines/suites.ts";
import { copyExample, root } from "../anyarch.ts";
import { farmEngines, startFarm, type TestFarm } from "./farm.ts";

const needed = [...farmEngines, "python", "node24", "node24-arm64", "npm"] as const;
const engines = await ensureEngines([...needed, "podman"]);

/** The commands of the README, as its blocks have them. */
const [onThisMachine = "", onTwoMachines = "", behindMirror = ""] = [
  ...readFileSync(join(root, "examples/dockerfiles/README.md"), "utf8").matchAll(/```sh\n(.*?)```/gs),
].map(([, block = ""]) => block);

let farm: TestFarm;
let env: Readonly<Record<string, string>>;

beforeAll(async () => {
  if (engines.without(...needed) !== undefined) return;
  const debian = ["debian:bookworm-slim", "golang:1-bookworm", "node:24-slim", "python:3.11-slim"] as const;
  farm = await startFarm({ bases: ["busybox:stable", ...debian] });
  copyExample("dockerfiles", join(farm.workspace.path, "examples"));
  const home = farm.env["HOME"] ?? "";
  mkdirSync(join(home, ".config/pip"), { recursive: true });
  const { npmrc = "", "pip.conf": pip = "" } = await packageSecrets(join(home, "secrets"));
  await copyFile(npmrc, join(home, ".npmrc"));
  await copyFile(pip, join(home, ".config/pip/pip.conf"));
  const bin = join(farm.workspace.path, "bin");
  mkdirSync(bin);
  const command = `exec '${process.execPath}' '${join(root, "lib/cli/main.js")}' "$@"`;
  writeFileSync(join(bin, "anyarch"), `#!/bin/sh\n${command}\n`);
  chmodSync(join(bin, "anyarch"), 0o755);
  // "On this machine" is the farm's amd64 one.
  env = {
    ...farm.env,
    PATH: `${bin}:${farm.env["PATH"]}`,
    BUILDKIT_HOST: farm.endpoints.amd64,
    NO_COLOR: "1",
  };
});

afterAll(async () => {
  await farm?.stop();
});

/** Runs a block of the README in a folder of the examples; returns what the commands printed. */
async function follow(block: string, folder: string): Promise<string> {
  const cwd = join(farm.workspace.path, "examples", folder);
  return (await run("sh", ["-e", "-c", block], { cwd, env })).stdout;
}

const proved = /✓ linux\/amd64 {2}\d+ ELF of \d+ files\n(?:.*\n)*✓ linux\/arm64 {2}\d+ ELF of \d+ files/;

describeWith(engines, needed, "The examples of Dockerfiles, by the commands of their README", () => {
  it("go-cross is compiled for both on one machine, without emulation", async () => {
    const said = await follow(onThisMachine, "go-cross");
    expect(said).toMatch(/linux\/amd64 .*native on[\s\S]*linux\/arm64 .*cross on/);
    expect(said).toMatch(proved);
  });

  it("multi-stage makes its assets natively, and runs its step on each platform", async () => {
    const said = await follow(onThisMachine, "multi-stage");
    expect(said).toMatch(/linux\/arm64 .*emulated on/);
    expect(said).toMatch(proved);
  });

  it("dotnet-style is built on two machines", async () => {
    const said = await follow(onTwoMachines, "dotnet-style");
    expect(said).toMatch(/linux\/arm64 .*native on ssh:\/\/arm64\.example/);
    expect(said).toMatch(proved);
  });

  it("node-npm takes the machine's npm configuration and certificates as secrets", async () => {
    expect(await follow(behindMirror, "node-npm")).toMatch(proved);
  });

  it("python-pip takes the machine's pip configuration and certificates as secrets", async () => {
    expect(await follow(behindMirror, "python-pip")).toMatch(proved);
  });
});

describeWith(engines, [...needed, "podman"], "The examples of Dockerfiles, run", () => {
  it("go-cross greets on both platforms", async () => {
    await using podman = await openPodman({ registries: [farm.registry] });
    const image = `${farm.registry.host}/examples/greet:1`;
    await follow(`anyarch copy oci:dist/image docker://${image}`, "go-cross");
    for (const platform of ["linux/amd64", "linux/arm64"]) {
      const args = ["run", "--rm", "--pull", "always", "--platform", platform, image, "anna"];
      expect((await podman.run(args)).stdout).toBe(`Hello, anna, from ${platform}\n`);
    }
  });
});
