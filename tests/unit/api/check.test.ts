import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { check, type CheckOptions, type CheckReport } from "../../../src/api/check.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { TestRegistry } from "../../../src/testing/registry.ts";
import { createNodeHost } from "../../../src/host/node-host.ts";
import { parseDockerfile } from "../../../src/dockerfile/parse.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "anyarch-check-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
}

async function run(options: CheckOptions = {}): Promise<CheckReport> {
  const host = createNodeHost({ cwd: directory, cacheDir: join(directory, ".cache") });
  try {
    return await check(options, { host });
  } finally {
    await host.close();
  }
}

async function rulesIn(text: string, options: CheckOptions = {}): Promise<string[]> {
  const { findings } = await run({ paths: ["-"], stdin: text, ...options });
  return findings.map(({ severity, rule, line }) => `${severity} ${rule}:${line}`);
}

const loud = (rules: readonly string[]): string[] => rules.filter((rule) => !rule.startsWith("info"));

describe("check", () => {
  const crossgen = [
    "FROM mcr.microsoft.com/dotnet/sdk:9.0-alpine AS backend-build",
    "WORKDIR /src",
    "RUN dotnet publish src/App/App.csproj \\",
    "    -c Release \\",
    "    -o /app/publish \\",
    "    -r linux-musl-x64 \\",
    "    --self-contained false \\",
    "    -p:PublishReadyToRun=true",
    "FROM mcr.microsoft.com/dotnet/aspnet:9.0-alpine",
    "COPY --from=backend-build /app/publish /app",
    "",
  ].join("\n");

  it("000-10 warns before a build of ReadyToRun code on an emulated platform", async () => {
    const { findings } = await run({ paths: ["-"], stdin: crossgen });
    const finding = findings.find(({ rule }) => rule === "heavy-compile-under-emulation");
    expect(finding).toMatchObject({ severity: "warning", line: 3 });
    expect(finding?.message).toContain("PublishReadyToRun=true");
    expect(
      await rulesIn("FROM mcr.microsoft.com/dotnet/sdk:9.0\nRUN dotnet publish -p:PublishAot=true\n"),
    ).toEqual(["warning heavy-compile-under-emulation:2"]);
  });

  it("000-11 flags a hard-coded runtime identifier", async () => {
    expect(await rulesIn(crossgen)).toContain("error hardcoded-dotnet-rid:6");
  });

  it("000-20 suggests the patch that cross-compiles .NET on the build platform", async () => {
    const { findings } = await run({ paths: ["-"], stdin: crossgen });
    const { fix = "" } = findings.find(({ rule }) => rule === "hardcoded-dotnet-rid") ?? {};
    expect(fix).toContain(
      "+FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:9.0-alpine AS backend-build",
    );
    expect(fix).toContain("+ARG TARGETARCH");
    expect(fix).toMatch(/^\+.*-a \$TARGETARCH/m);
  });

  it("003-05 003-06 flags a pinned platform and a base without the target, and says what to do", async () => {
    const { findings } = await run({
      paths: ["-"],
      stdin: "FROM --platform=linux/amd64 debian:12 AS x\nCMD bash\nFROM mysql:5.7\nCOPY --from=x /a /a\n",
    });
    expect(findings).toMatchObject([
      { rule: "pinned-from-platform", line: 1, severity: "warning" },
      { rule: "base-image-not-multiarch", line: 3, severity: "error", platforms: ["linux/arm64"] },
    ]);
    expect(findings[1]?.fix).toMatch(/manifest list.*from source.*emulated/);
    expect(await rulesIn("FROM --platform=linux/amd64 debian:12\n")).toEqual([
      "error pinned-from-platform:1",
    ]);
  });

  it("003-08 suggests build dependencies and --no-binary where pip compiles", async () => {
    const { findings } = await run({
      paths: ["-"],
      stdin: "FROM python:3.12-slim\nRUN pip install mysqlclient\n",
    });
    expect(findings[0]).toMatchObject({ rule: "pip-sdist-build-likely", severity: "info" });
    expect(findings[0]?.fix).toMatch(/gcc g\+\+ make python3-dev libffi-dev libssl-dev.*--no-binary/);
  });

  it("003-09 flags downloads for one architecture, mapped ones not", async () => {
    const mapped =
      "FROM debian:12\nRUN case $(uname -m) in x86_64) ARCH=amd64 ;; aarch64) ARCH=arm64 ;; esac && curl -L https://example.com/binary-${ARCH} -o /b\n";
    expect(await rulesIn(mapped)).toEqual([]);
    const { findings } = await run({
      paths: ["-"],
      stdin: "FROM debian:12\nRUN curl -L https://example.com/binary-amd64 -o /usr/local/bin/b\n",
    });
    expect(findings).toMatchObject([
      { rule: "hardcoded-arch-download", line: 2, platforms: ["linux/arm64"] },
    ]);
    expect(findings[0]?.fix).toMatch(/TARGETARCH or a case mapping/);
  });

  it("003-10 flags a case without a default branch", async () => {
    const text = "FROM debian:12\nRUN case $(uname -m) in x86_64) A=1 ;; aarch64) A=2 ;; esac; echo $A\n";
    expect(await rulesIn(text)).toEqual([]);
    expect(await rulesIn(text, { platforms: ["linux/amd64,linux/arm64,linux/riscv64"] })).toEqual([
      "error arch-case-missing-target:2",
    ]);
  });

  it("003-11 suggests GOARCH=$TARGETARCH in a stage of the build platform", async () => {
    const { findings } = await run({
      paths: ["-"],
      stdin: "FROM golang:1.22 AS b\nRUN GOARCH=amd64 go build -o /a\nFROM scratch\nCOPY --from=b /a /a\n",
    });
    const { fix = "" } = findings.find(({ rule }) => rule === "hardcoded-goarch") ?? {};
    expect(fix).toMatch(/FROM --platform=\$BUILDPLATFORM golang.*GOARCH=\$TARGETARCH/);
  });

  it("003-13 flags packages that the distribution has not on the target, with the way out", async () => {
    const { findings } = await run({
      paths: ["-"],
      stdin: "FROM debian:12\nRUN apt-get update && apt-get install -y git intel-microcode\n",
    });
    expect(findings).toMatchObject([
      { rule: "arch-specific-apt-package", line: 2, platforms: ["linux/arm64"] },
    ]);
    expect(findings[0]?.fix).toContain("compile the program from source");
  });

  it("003-15 checks many Dockerfiles in one run and gives each its verdict", async () => {
    write({
      "a/Dockerfile": "FROM debian:12\n",
      "b/Dockerfile.dev": "FROM amd64/debian:12\n",
      "c/web.Dockerfile": "FROM debian:12\nENV CFLAGS=-march=native\n",
      "d/Containerfile": "FROM debian:12\n",
      "node_modules/x/Dockerfile": "FROM amd64/debian\n",
      "e/Dockerfile.dockerignore": "x\n",
    });
    const { files, findings } = await run();
    expect(files).toEqual([
      { file: "a/Dockerfile", errors: 0, warnings: 0, infos: 0 },
      { file: "b/Dockerfile.dev", errors: 1, warnings: 0, infos: 0 },
      { file: "c/web.Dockerfile", errors: 0, warnings: 1, infos: 0 },
      { file: "d/Containerfile", errors: 0, warnings: 0, infos: 0 },
    ]);
    expect(findings).toHaveLength(2);
  });

  it("003-16 says nothing of tools that are there for all", async () => {
    const text = [
      "FROM python:3.12-slim-bookworm",
      "RUN apt-get update && apt-get install -y --no-install-recommends git curl ripgrep rsync && rm -rf /var/lib/apt/lists/*",
      "RUN curl -fsSL https://get.docker.com | sh",
      "COPY --from=ghcr.io/astral-sh/uv:0.5.20 /uv /uvx /bin/",
      "",
    ].join("\n");
    expect(await rulesIn(text)).toEqual([]);
  });

  it("003-27 judges platforms of FROM as BuildKit treats them", async () => {
    expect(await rulesIn("FROM --platform=$TARGETPLATFORM python:3.12\n")).toEqual([
      "info from-targetplatform-redundant:1",
    ]);
    expect(loud(await rulesIn("FROM --platform=$BUILDPLATFORM python:3.12\nCMD python\n"))).toEqual([
      "error final-stage-buildplatform:1",
    ]);
    // On a stage that is FROM a stage the flag does nothing.
    expect(
      await rulesIn("FROM python:3.12 AS base\nFROM --platform=$BUILDPLATFORM base\nCMD python\n"),
    ).toEqual(["info from-targetplatform-redundant:2"]);
  });

  it("003-34 finds files of the build machine that a COPY brings to the target", async () => {
    const text =
      "FROM --platform=$BUILDPLATFORM python:3.12 AS builder\nRUN python -m venv /.venv && /.venv/bin/pip install numpy orjson\nFROM --platform=$TARGETPLATFORM python:3.12-slim\nCOPY --from=builder /.venv /.venv\n";
    expect(loud(await rulesIn(text))).toEqual(["warning buildplatform-native-deps-copied:4"]);
    const compiled =
      "FROM --platform=$BUILDPLATFORM golang:1.22 AS b\nRUN go build -o /out/app\nFROM b AS c\nRUN true\nFROM debian:12\nCOPY --from=c /out/ /app/\n";
    expect(loud(await rulesIn(compiled))).toEqual(["error buildplatform-compile-not-cross:2"]);
  });

  it("003-37 says nothing of files that are the same for every CPU", async () => {
    const text = [
      "FROM eclipse-temurin:21",
      "RUN curl -fsSLO https://example.com/download/python-3.12.0-arm64.wasm",
      "RUN curl -fsSLO https://example.com/lib/tool-x86_64.jar && pip install https://example.com/pure-1.0-py3-none-any.whl",
      "COPY target/app.jar /app.jar",
      "",
    ].join("\n");
    expect(await rulesIn(text)).toEqual([]);
  });

  it("003-04 003-12 lists the platforms of bases and of images that are copied from, and flags missing ones", async () => {
    await using registry = await TestRegistry.start();
    const put = (name: string, architectures: readonly string[]): void => {
      const manifests = architectures.map((architecture, index) => ({
        mediaType: mediaTypes.manifest,
        digest: `sha256:${String(index + 1).repeat(64)}`,
        size: 100,
        platform: { os: "linux", architecture },
      }));
      const text = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests });
      registry.putManifest(name, mediaTypes.index, Buffer.from(text), "1");
    };
    put("base", ["amd64", "arm64"]);
    put("old", ["amd64"]);
    put("uv", ["amd64", "s390x"]);
    const { host } = registry;
    const text = `FROM ${host}/base:1 AS a\nFROM ${host}/old:1\nCOPY --from=${host}/uv:1 /uv /bin/\nCOPY --from=${host}/gone:1 /x /\nCOPY --from=a /y /\n`;
    const { findings } = await run({ paths: ["-"], stdin: text, online: true });
    expect(findings).toMatchObject([
      { rule: "base-image-not-multiarch", severity: "error", line: 2, platforms: ["linux/arm64"] },
      { rule: "copy-from-single-arch-image", severity: "error", line: 3, platforms: ["linux/arm64"] },
      { rule: "copy-from-single-arch-image", severity: "info", line: 4 },
    ]);
    expect(findings[0]?.message).toBe(`${host}/old:1 has no linux/arm64; it is published for linux/amd64.`);
    expect(findings[1]?.message).toContain("published for linux/amd64, linux/s390x");
  });

  it("003-14 asks servers for files whose address depends on the architecture", async () => {
    const server = http.createServer((request, response) => {
      response.statusCode =
        request.method === "HEAD" && request.url?.endsWith("-amd64.wasm.gz") === true ? 200 : 404;
      response.end();
    });
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const text = `FROM scratch\nARG TARGETARCH\nADD http://127.0.0.1:${port}/python-\${TARGETARCH}.wasm.gz /p\n`;
      const { findings } = await run({ paths: ["-"], stdin: text, online: true });
      expect(findings).toMatchObject([
        {
          rule: "targetarch-vs-uname-naming-mismatch",
          severity: "error",
          line: 3,
          platforms: ["linux/arm64"],
        },
      ]);
      expect(findings[0]?.message).toContain("python-arm64.wasm.gz doesn't exist (404)");
    } finally {
      server.close();
    }
  });

  it("002-06 --fix applies what leaves the native build as it is, and shows the diff", async () => {
    const text =
      'FROM golang:1.22 AS b\r\nRUN GOARCH=amd64 go build -o /a\r\nFROM debian:12\r\nRUN echo "deb [arch=amd64] https://x.example a main" > /etc/apt/sources.list.d/x.list\r\nCOPY --from=b /a /a\r\n';
    write({ Dockerfile: text });
    const dry = await run({ fix: true, dryRun: true });
    expect(readFileSync(join(directory, "Dockerfile"), "utf8")).toBe(text);
    expect(dry.fixed).toHaveLength(1);
    const { fixed, findings } = await run({ fix: true });
    const after = readFileSync(join(directory, "Dockerfile"), "utf8");
    expect(after.split("\r\n")).toEqual([
      "FROM golang:1.22 AS b",
      "ARG TARGETARCH",
      "RUN GOARCH=$TARGETARCH go build -o /a",
      "FROM debian:12",
      'RUN echo "deb [arch=$(dpkg --print-architecture)] https://x.example a main" > /etc/apt/sources.list.d/x.list',
      "COPY --from=b /a /a",
      "",
    ]);
    expect(parseDockerfile(after).stages).toHaveLength(2);
    expect(fixed[0]?.file).toBe("Dockerfile");
    expect(fixed[0]?.diff).toMatch(/^--- a\/Dockerfile\n\+\+\+ b\/Dockerfile\n/);
    expect(findings).toEqual([]);
  });

  it("--fix leaves what a single quote would keep from expanding", async () => {
    const text =
      "FROM debian:12\nRUN echo 'deb [arch=amd64] https://x.example a main' > /etc/apt/sources.list.d/x.list\n";
    write({ Dockerfile: text });
    expect((await run({ fix: true })).fixed).toEqual([]);
    expect(readFileSync(join(directory, "Dockerfile"), "utf8")).toBe(text);
  });

  it("finds what compose and bake files build, with their platforms", async () => {
    write({
      "compose.yaml":
        'services:\n  web:\n    build:\n      context: ./web\n      dockerfile: build.file\n      platforms: ["linux/amd64"]\n  db:\n    build:\n      dockerfile_inline: |\n        FROM debian:12\n        RUN curl -O https://x.example/a-linux-amd64\n  git:\n    build: https://github.com/a/b.git\n',
      "web/build.file": "FROM amd64/debian:12\n",
      "docker-bake.hcl":
        'group "default" { targets = ["a"] }\ntarget "a" {\n  context = "tools"\n  dockerfile = "a.df"\n}\n',
      "tools/a.df": "FROM arm64v8/debian:12\n",
      "docker-bake.json": '{"target":{"b":{"context":"more"}}}',
      "more/Dockerfile": "FROM --platform=linux/386 debian:12\n",
    });
    const { findings, files } = await run();
    expect(findings.map(({ file, line, rule, platforms }) => [file, line, rule, ...platforms])).toEqual([
      ["compose.yaml (db)", 11, "hardcoded-arch-download", "linux/arm64"],
      ["tools/a.df", 1, "arch-suffixed-base-image", "linux/amd64", "linux/arm64"],
      ["more/Dockerfile", 1, "pinned-from-platform", "linux/amd64", "linux/arm64"],
    ]);
    expect(files.map(({ file }) => file)).toContain("web/build.file");
  });

  it("obeys check=skip of the file and of an instruction, the configuration and --skip", async () => {
    const pinned = "FROM --platform=linux/amd64 debian:12\n";
    expect(await rulesIn(`# check=skip=pinned-from-platform\n${pinned}`)).toEqual([]);
    expect(await rulesIn(`# check=skip=all\n${pinned}`)).toEqual([]);
    expect(
      await rulesIn(
        `# why\n# check=skip=pinned-from-platform,march-flags\n${pinned}ENV CFLAGS=-march=native\n`,
      ),
    ).toEqual(["warning march-flags:4"]);
    expect(await rulesIn(pinned, { skip: ["pinned-from-platform"] })).toEqual([]);
    write({
      "anyarch.toml": '[check]\nskip = ["march-flags"]\nseverity = { pinned-from-platform = "info" }\n',
    });
    expect(await rulesIn(`${pinned}ENV CFLAGS=-march=native\n`)).toEqual(["info pinned-from-platform:1"]);
    await expect(rulesIn(pinned, { skip: ["no-such-rule"] })).rejects.toThrow('no rule "no-such-rule"');
  });

  it("puts up with what the baseline holds, wherever its line has moved", async () => {
    write({ Dockerfile: "FROM amd64/debian:12\n" });
    const first = await run({ baseline: "known.json", updateBaseline: true });
    expect(first.findings).toEqual([]);
    write({ Dockerfile: "# moved\n\nFROM amd64/debian:12\nFROM arm64v8/debian:12\n" });
    const second = await run({ baseline: "known.json" });
    expect(second.findings.map(({ line }) => line)).toEqual([4]);
    expect(second.baselined).toBe(1);
    write({ "known.json": "[]" });
    await expect(run({ baseline: "known.json" })).rejects.toThrow("is no baseline");
  });

  it("takes only platforms that were asked for into account", async () => {
    const text = "FROM debian:12\nRUN curl -fsSLO https://x.example/tool-linux-amd64\n";
    expect(await rulesIn(text, { platforms: ["linux/amd64"] })).toEqual([]);
    expect(await rulesIn(text, { platforms: ["linux/arm64"] })).toEqual(["error hardcoded-arch-download:2"]);
    expect(await rulesIn("FROM arm32v7/debian:12\n", { platforms: ["linux/arm/v7"] })).toEqual([]);
  });

  it("reports a malformed Dockerfile as a finding and refuses what isn't there", async () => {
    expect(await rulesIn("FROM debian:12\nRUNN x\n")).toEqual(["error dockerfile-invalid:2"]);
    await expect(run()).rejects.toThrow("There is no Dockerfile");
    await expect(run({ paths: ["nothing"] })).rejects.toThrow(/nothing/);
    write({ bin: "a\0b" });
    await expect(run({ paths: ["bin"] })).rejects.toThrow("isn't a text file");
  });
});
