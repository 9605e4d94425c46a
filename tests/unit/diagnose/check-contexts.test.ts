import { chmodSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { check, type CheckOptions } from "../../../src/api/check.ts";
import { createNodeHost } from "../../../src/host/node-host.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { buildElf, machines } from "../verify/elf-builder.ts";

let place: TempDir;

beforeEach(async () => {
  place = await makeTempDir();
});

afterEach(async () => {
  await place[Symbol.asyncDispose]();
});

const x86 = buildElf({ machine: machines.x86_64 });
const copiesTool = "FROM debian:12\nCOPY bin/tool /usr/bin/tool\n";

function write(files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(place.path, path)), { recursive: true });
    writeFileSync(join(place.path, path), content);
  }
}

async function found(options: CheckOptions = {}): Promise<readonly string[]> {
  const host = createNodeHost({ cwd: place.path, env: { HOME: place.path } });
  const { findings } = await check(options, { host });
  return findings
    .filter(({ severity }) => severity !== "info")
    .map(({ rule, file, line, platforms }) => `${file}:${line} ${rule} ${platforms.join(",")}`);
}

describe("the context of a Dockerfile", () => {
  it("is its own directory, or the nearest above it with what COPY names", async () => {
    write({ "deploy/docker/Dockerfile": copiesTool, "bin/tool": x86 });
    expect(await found()).toEqual(["deploy/docker/Dockerfile:2 context-binary-foreign linux/arm64"]);
    write({ "deploy/docker/bin/tool": "#!/bin/sh\n" });
    expect(await found()).toEqual([]);
  });

  it("isn't looked for above the current directory", async () => {
    write({ "project/Dockerfile": "FROM debian:12\nCOPY tool /usr/bin/tool\n", tool: x86 });
    const host = createNodeHost({ cwd: join(place.path, "project"), env: { HOME: place.path } });
    const { findings } = await check({}, { host });
    expect(findings.map(({ rule }) => rule)).not.toContain("context-binary-foreign");
  });

  it("is what a compose or bake file says, or --context", async () => {
    write({
      "compose.yaml":
        "services:\n  web:\n    build:\n      context: web\n      dockerfile: ../Containerfile\n",
      Containerfile: copiesTool,
      "web/bin/tool": x86,
      "other/bin/tool": "#!/bin/sh\n",
    });
    expect(await found()).toEqual(["Containerfile:2 context-binary-foreign linux/arm64"]);
    expect(await found({ contextDirectory: "other" })).toEqual([]);
    await expect(found({ contextDirectory: "nowhere" })).rejects.toThrow("nowhere isn't a directory");
  });

  it("leaves out what the Dockerfile's own ignore file names, before the common one", async () => {
    write({ Dockerfile: "FROM debian:12\nCOPY . /srv\n", "bin/tool": x86, ".dockerignore": "bin\n" });
    expect(await found()).toEqual([]);
    write({ "Dockerfile.dockerignore": "*.md\n" });
    expect(await found()).toEqual(["Dockerfile:2 context-binary-foreign linux/arm64"]);
  });

  it("tells a script from a program where the name tells nothing", async () => {
    write({ Dockerfile: 'FROM scratch\nCOPY manager /manager\nENTRYPOINT ["/manager"]\n' });
    expect(await found()).toEqual(["Dockerfile:2 copied-prebuilt-binary linux/amd64,linux/arm64"]);
    write({ manager: "#!/bin/sh\n" });
    expect(await found()).toEqual([]);
    write({ manager: x86 });
    expect(await found()).toEqual(["Dockerfile:2 context-binary-foreign linux/arm64"]);
    expect(await found({ platforms: ["linux/amd64"] })).toEqual([]);
  });

  it("is silenced like any rule", async () => {
    write({
      Dockerfile: copiesTool.replace("COPY", "# check=skip=context-binary-foreign\nCOPY"),
      "bin/tool": x86,
    });
    expect(await found()).toEqual([]);
  });

  it.each([
    ["a bracket that isn't closed", "a[b"],
    ["a class that is none", "[z-a]"],
    ["a path below a file", "bin/tool/x"],
    ["a name that no file can have", "a".repeat(5000)],
    ["a zero byte's place", "a\\0b"],
  ])("takes %s for nothing that is there", async (_name, source) => {
    write({
      Dockerfile: `FROM debian:12\nCOPY ${source} /x\nCOPY bin/tool /usr/bin/tool\n`,
      "bin/tool": x86,
    });
    const findings = await found({ contextDirectory: "." });
    expect(findings).toEqual(["Dockerfile:3 context-binary-foreign linux/arm64"]);
  });

  it("takes patterns and directories with what is below them", async () => {
    const files = { "out/a/tool": x86, "out/b/readme.md": "", "elsewhere/tool": x86 };
    write({
      ...files,
      Dockerfile: "FROM debian:12\nCOPY out/b /b\nCOPY out/*/tool /usr/bin/\nCOPY out /o\n",
    });
    expect(await found()).toEqual([
      "Dockerfile:3 context-binary-foreign linux/arm64",
      "Dockerfile:4 context-binary-foreign linux/arm64",
    ]);
  });

  it("says nothing of lock files that can't be read", async () => {
    write({
      Dockerfile: "FROM node:22\nCOPY . .\nRUN npm ci\nFROM python:3.12\nCOPY . .\nRUN uv sync\n",
      "package-lock.json": "{]",
      "uv.lock": "version = ",
    });
    expect((await found()).filter((line) => line.includes("lacks"))).toEqual([]);
  });
});

it("--fix changes what a link leads to, and keeps its mode", async () => {
  const text =
    'FROM debian:12\nRUN echo "deb [arch=amd64] https://apt.example.com stable main" > /etc/apt/x.list\n';
  write({ "docker/app.Dockerfile": text });
  const real = join(place.path, "docker/app.Dockerfile");
  chmodSync(real, 0o664);
  symlinkSync("docker/app.Dockerfile", join(place.path, "Dockerfile"));
  const host = createNodeHost({ cwd: place.path, env: { HOME: place.path } });
  const { fixed } = await check({ paths: ["Dockerfile"], fix: true }, { host });
  expect(fixed).toHaveLength(1);
  expect(readFileSync(real, "utf8")).toContain("dpkg --print-architecture");
  expect(lstatSync(join(place.path, "Dockerfile")).isSymbolicLink()).toBe(true);
  expect(lstatSync(real).mode & 0o777).toBe(0o664);
});
