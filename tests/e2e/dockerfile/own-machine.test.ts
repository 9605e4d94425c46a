import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeContext } from "../integration/buildkit/built-platform.ts";
import { type Buildkitd, startBuildkitd } from "../../engines/buildkitd.ts";
import { crane } from "../../engines/clients.ts";
import { ensureEngines } from "../../engines/install.ts";
import { registerQemu } from "../../engines/qemu.ts";
import { type Registry, startRegistry } from "../../engines/registry.ts";
import { describeWith } from "../../engines/suites.ts";
import { anyarch, makeWorkspace, type Run, type Workspace } from "../anyarch.ts";

const needed = ["buildkit", "busybox", "qemu", "docker-registry", "openssl", "crane"] as const;
const engines = await ensureEngines(needed);

let workspace: Workspace;
let registry: Registry;
let amd64: Buildkitd;
let arm64: Buildkitd;

beforeAll(async () => {
  workspace = makeWorkspace();
  if (needed.some((name) => engines.without(name) !== undefined)) return;
  await registerQemu();
  registry = await startRegistry({ tls: true, auth: "basic" });
  amd64 = await startBuildkitd({ registries: [registry] });
  arm64 = await startBuildkitd({ architecture: "arm64", registries: [registry] });
  await makeContext(workspace.path, [
    "FROM scratch AS build",
    "ARG TARGETARCH LEVEL=none",
    "COPY busybox-$TARGETARCH /bin/busybox",
    'RUN ["/bin/busybox", "sh", "-c", "test $LEVEL != 7 && echo $(/bin/busybox uname -m) $LEVEL > /out"]',
    "FROM scratch AS final",
    "COPY --from=build /bin/busybox /out /",
  ]);
});

afterAll(async () => {
  await arm64?.[Symbol.asyncDispose]();
  await amd64?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  workspace[Symbol.dispose]();
});

const build = (...args: readonly string[]): Promise<Run> => {
  const env = {
    ...workspace.env,
    ...registry.env,
    PATH: `${amd64.path}:${process.env["PATH"] ?? ""}`,
  };
  const builders = [`--builder=linux/amd64=${amd64.address}`, `--builder=linux/arm64=${arm64.address}`];
  return anyarch(["build", ...builders, ...args], { cwd: workspace.path, env });
};
const both = ["--platform", "linux/amd64,linux/arm64"];
const read = (name: string) =>
  JSON.parse(readFileSync(join(workspace.path, name), "utf8")) as Record<string, unknown[]>;

describeWith(engines, needed, "anyarch build of a Dockerfile", () => {
  it("000-02 000-03 002-15 003-31 004-28 builds on two nodes and pushes one index under two tags", async () => {
    const context = join(workspace.path, "../context");
    cpSync(workspace.path, context, { recursive: true });
    rmSync(join(context, "Dockerfile"));
    const tags = [`${registry.host}/team/app:1`, `${registry.host}/team/app:latest`];
    const named = tags.flatMap((tag) => ["-t", tag]);
    const args = [
      "--build-arg",
      "LEVEL=1",
      "--build-arg",
      "linux/arm64=LEVEL=2",
      "--metadata-file",
      "meta.json",
    ];
    const run = await build(...both, ...named, ...args, "-f", "Dockerfile", "--push", "../context");
    expect(run).toMatchObject({ code: 0 });
    const meta = read("meta.json");
    for (const tag of tags)
      expect((await crane(["digest", tag], { registry })).stdout.trim()).toBe(meta["containerimage.digest"]);
    expect(meta["image.name"]).toBe(tags.join(","));
    expect(meta["anyarch.platforms"]).toMatchObject([
      { platform: "linux/amd64", placement: "native", node: amd64.address },
      { platform: "linux/arm64", placement: "native", node: arm64.address },
    ]);
    for (const [platform, out] of [
      ["linux/amd64", "x86_64 1\n"],
      ["linux/arm64", "aarch64 2\n"],
    ] as const) {
      const exported = await crane(["export", "--platform", platform, tags[0] ?? "", "-"], { registry });
      expect(exported.stdout).toContain(out);
    }
    expect(run.stdout).toMatch(/linux\/arm64 .*native on unix:/);
  });

  it("003-36 makes a test build of all platforms without pushing", async () => {
    const run = await build(...both, "--format", "json");
    expect(run.code).toBe(0);
    const result = JSON.parse(run.stdout) as { digest: string; published: { location: string }[] };
    expect(result.published.map(({ location }) => location)).toEqual(["oci:dist/image"]);
    const inspected = await anyarch(["inspect", "oci:dist/image", "--format", "json"], {
      cwd: workspace.path,
    });
    expect(inspected.stdout).toContain(result.digest);
    expect(inspected.stdout).toMatch(/linux\/amd64[\s\S]*linux\/arm64/);
  });

  it("keeps its own output out of the next build's context", async () => {
    writeFileSync(join(workspace.path, "All.Dockerfile"), "FROM scratch\nCOPY . /\n");
    writeFileSync(join(workspace.path, ".dockerignore"), "context\n*.json\n!dist\n");
    const files = async () => {
      const run = await build("-f", "All.Dockerfile", "--format", "json", "--verify", "full");
      const { platforms } = JSON.parse(run.stdout) as { platforms: { verified: { files: number } }[] };
      return platforms[0]?.verified.files;
    };
    expect(await files()).toBe(5);
    expect(await files()).toBe(5);
    rmSync(join(workspace.path, ".dockerignore"));
  });

  it("prints what it would do", async () => {
    const run = await build(...both, "--dry-run", "-t", `${registry.host}/dry/app:1`, "--push");
    expect(run).toMatchObject({ code: 0, stderr: expect.not.stringContaining("error") as string });
    expect(run.stdout).toMatch(/linux\/arm64\n\s+on unix:\S+, native: /);
    expect(run.stdout).toMatch(/\$ \S*buildctl/);
    const json = await build(...both, "--dry-run", "--format", "json");
    expect(JSON.parse(json.stdout)).toMatchObject({ schema: "anyarch.plan/v1", engine: "buildkit" });
  });

  it("000-18 000-19 002-13 leaves a platform out on request only, loudly", async () => {
    const dockerfile = ["--build-arg", "linux/arm64=LEVEL=7", "-t", `${registry.host}/part/app:1`];
    const args = [...both, ...dockerfile, "--push", "--metadata-file", "part.json"];
    const refused = await build(...args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/Nothing was published/);
    expect(refused.stderr).toMatch(/built with\n\s+anyarch/);
    expect(read("part.json")).not.toHaveProperty("containerimage.digest");
    expect(read("part.json")["anyarch.omitted"]?.[0]).toMatchObject({
      platform: "linux/arm64",
      code: "BUILD_FAILED",
    });
    const tag = `${registry.host}/part/app:1`;
    expect((await crane(["digest", tag], { registry, anyExit: true })).code).not.toBe(0);
    const allowed = await build(...args, "--fallback", "available");
    expect(allowed.code).toBe(3);
    expect(allowed.stderr).toMatch(/LEFT OUT linux\/arm64/);
    expect(read("part.json")["anyarch.platforms"]).toMatchObject([{ platform: "linux/amd64" }]);
    expect((await crane(["digest", tag], { registry })).stdout.trim()).toBe(
      read("part.json")["containerimage.digest"],
    );
  });
});
