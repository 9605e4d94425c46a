import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { anyarch, makeWorkspace } from "./anyarch.ts";

const log = `#49 [linux/arm64 backend-build 7/7] RUN dotnet publish src/Api/Api.csproj -p:PublishReadyToRun=true
#49 168.6 /usr/share/dotnet/sdk/9.0.310/Sdks/Microsoft.NET.Sdk/targets/Microsoft.NET.CrossGen.targets(470,5): error MSB6006: "/root/.nuget/packages/microsoft.netcore.app.crossgen2.linux-musl-arm64/9.0.12/tools/crossgen2" exited with code 139. [/src/Api.csproj]
`;
const dockerfile = `FROM mcr.microsoft.com/dotnet/sdk:9.0-alpine AS backend-build
RUN dotnet publish src/Api/Api.csproj -r linux-musl-x64 -p:PublishReadyToRun=true -o /app
FROM mcr.microsoft.com/dotnet/aspnet:9.0-alpine
COPY --from=backend-build /app /app
`;

it("000-06 000-08 000-12 000-20 explains a log at a glance, with a patch for the Dockerfile", async () => {
  using place = makeWorkspace();
  writeFileSync(join(place.path, "build.log"), log);
  writeFileSync(join(place.path, "Dockerfile"), dockerfile);
  const { code, stdout } = await anyarch(["explain", "build.log", "--file", "Dockerfile"], {
    cwd: place.path,
    env: place.env,
  });
  expect(code).toBe(0);
  expect(stdout).toMatch(/linux\/arm64, emulated, stage backend-build, step 7\/7/);
  expect(stdout).toContain(
    "+FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:9.0-alpine AS backend-build",
  );
  expect(stdout).toMatch(/line 2: .*crossgen2/);
  expect(stdout).toMatch(/starts more slowly/);
});

it("explains standard input as JSON with exactly the documented keys", async () => {
  const { code, stdout } = await anyarch(["explain", "-", "--format", "json"], { input: log });
  expect(code).toBe(0);
  const report = JSON.parse(stdout) as { schema: string; diagnoses: Record<string, unknown>[] };
  expect(report.schema).toBe("anyarch.explain/v1");
  expect(Object.keys(report.diagnoses[0] ?? {}).toSorted()).toEqual(
    [
      "code",
      "title",
      "architecture",
      "confidence",
      "platform",
      "emulated",
      "step",
      "evidence",
      "why",
      "fixes",
      "references",
    ].toSorted(),
  );
});

it("says nothing, and succeeds, where nothing is known", async () => {
  const { code, stdout } = await anyarch(["explain", "--format", "json"], { input: "#1 DONE 0.1s\n" });
  expect({ code, report: JSON.parse(stdout) }).toEqual({
    code: 0,
    report: { schema: "anyarch.explain/v1", diagnoses: [] },
  });
});

it("refuses what is no log with exit code 2 and says why", async () => {
  using place = makeWorkspace();
  writeFileSync(join(place.path, "empty.log"), "");
  writeFileSync(join(place.path, "log.gz"), spawnSync("gzip", ["-c"], { input: log }).stdout);
  for (const [file, why] of [
    ["empty.log", /is empty/],
    ["log.gz", /compressed with gzip[^]*gunzip -c/],
    ["absent.log", /isn't there/],
    [process.execPath, /binary/],
  ] as const) {
    const { code, stdout, stderr } = await anyarch(["explain", file], { cwd: place.path, env: place.env });
    expect({ file, code, stdout }).toEqual({ file, code: 2, stdout: "" });
    expect(stderr).toMatch(why);
  }
});

it("prints the page of a fault and the list of all rules", async () => {
  const page = await anyarch(["explain", "binfmt-flag-F-missing"]);
  expect(page.stdout).toMatch(/flag F[^]*tonistiigi\/binfmt/);
  const { stdout } = await anyarch(["rules", "--format", "json"]);
  const { rules } = JSON.parse(stdout) as { rules: { source: string; id: string }[] };
  expect(rules.filter(({ source }) => source === "log").length).toBeGreaterThan(80);
  expect(rules.filter(({ source }) => source === "dockerfile").length).toBeGreaterThan(40);
});

it("reads a build of buildx's history where docker has it, and says so where it doesn't", async () => {
  using place = makeWorkspace();
  const bin = join(place.path, "docker");
  const status = JSON.stringify({
    vertexes: [{ digest: "sha256:a", name: "[linux/arm64 2/3] RUN apk add curl", error: "exit code: 1" }],
    logs: [{ vertex: "sha256:a", data: Buffer.from("exec /bin/sh: exec format error\n").toString("base64") }],
  });
  writeFileSync(
    bin,
    `#!/bin/sh\n[ "$*" = "buildx history logs ^1 --progress=rawjson" ] && echo '${status}' >&2\n`,
    { mode: 0o755 },
  );
  const env = { ...place.env, PATH: `${place.path}:${process.env["PATH"] ?? ""}` };
  const found = await anyarch(["explain", "--history", "^1", "--format", "json"], { cwd: place.path, env });
  const { diagnoses } = JSON.parse(found.stdout) as { diagnoses: { code: string; platform: string }[] };
  expect(diagnoses[0]).toMatchObject({ code: "exec-format-error-no-emulation", platform: "linux/arm64" });
  writeFileSync(bin, '#!/bin/sh\necho "unknown command: docker buildx history" >&2\nexit 1\n', {
    mode: 0o755,
  });
  const old = await anyarch(["explain", "--history", "^1"], { cwd: place.path, env });
  expect(old.code).toBe(2);
  expect(old.stderr).toMatch(/has no history/);
});

it("reads UTF-16, as PowerShell writes it, and several files one by one", async () => {
  using place = makeWorkspace();
  writeFileSync(join(place.path, "one.log"), Buffer.from(`\ufeff${log}`, "utf16le"));
  writeFileSync(
    join(place.path, "two.log"),
    "ERROR: failed to solve: x: no match for platform in manifest: not found\n",
  );
  const { stdout } = await anyarch(["explain", "one.log", "two.log", "--format", "json"], {
    cwd: place.path,
    env: place.env,
  });
  const { diagnoses } = JSON.parse(stdout) as { diagnoses: { file: string; code: string }[] };
  expect(diagnoses.map(({ file, code }) => `${file} ${code}`)).toEqual(
    expect.arrayContaining(["one.log dotnet-under-qemu", "two.log no-match-for-platform-in-manifest"]),
  );
});
