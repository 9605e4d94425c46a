import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import { TestRepository, type TestStep, type TestWorkflow } from "./repository.ts";

const repository = new TestRepository({
  Dockerfile: "FROM alpine:3.20\n",
  "app/pyproject.toml": '[project]\nname = "app"\nversion = "1"\n',
  "far/Dockerfile": "FROM alpine:3.20\n",
  "far/anyarch.toml":
    '[build]\ntag = "registry.example/team/far:2"\nplatform = ["linux/amd64", "linux/arm/v7?"]\n[builders]\n"linux/arm/v7" = "ssh://ci@arm.example"\n',
});
afterAll(() => repository[Symbol.dispose]());

const three = ["linux/amd64,linux/arm64", "linux/arm/v7"];

function steps(workflow: TestWorkflow, job: string): readonly TestStep[] {
  return workflow.jobs[job]?.steps ?? [];
}
function step(workflow: TestWorkflow, job: string, name: string): TestStep {
  const found = steps(workflow, job).find((one) => one.name === name || one.uses?.startsWith(`${name}@`));
  if (found === undefined) throw new Error(`${job} has no step ${name}`);
  return found;
}
function include(workflow: TestWorkflow): unknown {
  const strategy = workflow.jobs["build"]?.["strategy"];
  return (strategy as { readonly matrix: { readonly include: unknown } }).matrix.include;
}

describe("a GitHub workflow", () => {
  it("002-12 004-36 has a native runner with a label that exists for each platform", async () => {
    const workflow = await repository.workflow({ platforms: three, optional: ["linux/arm/v7"] });
    expect(include(workflow)).toMatchObject([
      { platform: "linux/amd64", runner: "ubuntu-24.04", emulated: false, optional: false },
      { platform: "linux/arm64", runner: "ubuntu-24.04-arm", emulated: false, optional: false },
      { platform: "linux/arm/v7", key: "linux_arm_v7", emulated: true, optional: true },
    ]);
    const { build, publish } = workflow.jobs;
    expect(build).toMatchObject({
      "continue-on-error": "${{ matrix.optional }}",
      "timeout-minutes": "${{ matrix.minutes }}",
      strategy: { "fail-fast": false },
      permissions: { contents: "read", packages: "write" },
    });
    expect(publish).toMatchObject({ needs: "build", permissions: { packages: "write" } });
    expect(step(workflow, "publish", "Create, verify and show the index").env).toMatchObject({
      REQUIRED: "linux/amd64 linux/arm64",
      DIGEST_linux_arm_v7: "${{ needs.build.outputs.linux_arm_v7 }}",
    });
  });

  it("002-11 has a matrix of platforms on amd64 runners where native ones aren't wanted", async () => {
    const workflow = await repository.workflow({ mode: "matrix" });
    expect(include(workflow)).toMatchObject([
      { platform: "linux/amd64", runner: "ubuntu-24.04", emulated: false },
      { platform: "linux/arm64", runner: "ubuntu-24.04", emulated: true },
    ]);
    expect(step(workflow, "build", "docker/setup-qemu-action")).toMatchObject({ if: "matrix.emulated" });
    expect(Object.keys(workflow.jobs)).toEqual(["check", "build", "publish"]);
  });

  it("001-15 002-07 002-08 sets up emulation and a named builder, verifies it and builds with it", async () => {
    const workflow = await repository.workflow({ mode: "qemu", platforms: three });
    expect(step(workflow, "build", "docker/setup-qemu-action").with).toMatchObject({
      image: expect.stringMatching(/^tonistiigi\/binfmt:qemu-v\d/) as string,
      platforms: "linux/arm64,linux/arm/v7",
    });
    expect(step(workflow, "build", "docker/setup-buildx-action").with).toMatchObject({
      name: "anyarch-ci",
      driver: "docker-container",
      "driver-opts": expect.stringMatching(/^image=moby\/buildkit:v[\d.]+\nnetwork=host$/) as string,
    });
    expect(workflow.env).toMatchObject({
      BUILDER: "anyarch-ci",
      ASKED: "linux/amd64,linux/arm64,linux/arm/v7",
    });
    expect(step(workflow, "build", "Build and push").run).toContain(' --builder "$BUILDER"');
    const names = steps(workflow, "build").map(({ name, uses }) => name ?? uses);
    const order = ["Set up QEMU", "Set up Buildx", "Verify the builder's platforms", "Build and push"];
    expect(names.filter((name) => order.includes(String(name)))).toEqual(order);
  });

  it("001-15 refuses a builder without a platform, as the default builder of docker is", async () => {
    const { run, env } = step(
      await repository.workflow({ mode: "qemu" }),
      "build",
      "Verify the builder's platforms",
    );
    const verdict = (platforms: string) => {
      // What docker buildx inspect prints, as in the document.
      const docker = `docker() { printf 'Name: b\\nPlatforms: %s\\n' '${platforms}'; }\n`;
      return spawnSync("bash", ["-eo", "pipefail", "-c", docker + run], {
        env: { ...process.env, ...env, BUILDER: "b" },
        encoding: "utf8",
      });
    };
    const lacking = verdict("linux/amd64, linux/amd64/v2, linux/amd64/v3");
    expect(lacking.status).toBe(1);
    expect(lacking.stderr).toContain("::error::The builder b doesn't build linux/arm64");
    expect(verdict("linux/amd64*, linux/amd64/v2, linux/arm64*").status).toBe(0);
  });

  it("001-16 says what runners of one's own and those in containers need", async () => {
    const own = await repository.text({ runners: ["linux/arm64=self-hosted,linux,arm64"] });
    for (const need of [
      "--privileged",
      "/var/run/docker.sock:/var/run/docker.sock",
      "/sys/fs/cgroup:/sys/fs/cgroup:rw",
    ])
      expect(own).toMatch(new RegExp(`^ *#.*${need}`, "m"));
    expect(await repository.text({ runners: ["linux/arm64=ubuntu-24.04-arm"] })).not.toContain("privileged");
  });

  it("002-17 003-30 runs on pushes, one at a time, and shows results in the summary", async () => {
    const workflow = await repository.workflow({ branches: ["main", "release/*"] });
    expect(workflow["on"]).toEqual({ push: { branches: ["main", "release/*"] }, workflow_dispatch: {} });
    expect(workflow["concurrency"]).toMatchObject({ group: "${{ github.workflow }}-${{ github.ref }}" });
    for (const job of ["build", "publish"]) {
      expect(step(workflow, job, "Summarise")).toMatchObject({ if: "always()" });
      expect(step(workflow, job, "Summarise").run).toContain('>> "$GITHUB_STEP_SUMMARY"');
    }
  });

  it("003-28 003-32 checks the Dockerfile first and tests each platform's image before it is merged", async () => {
    const workflow = await repository.workflow();
    expect(step(workflow, "check", "Check the Dockerfile").run).toMatch(/^anyarch check .*--format github/);
    expect(workflow.jobs["build"]?.["needs"]).toBe("check");
    const names = steps(workflow, "build").map(({ name }) => name);
    expect(names.indexOf("Test the image on the platform")).toBeLessThan(names.indexOf("Hand on the digest"));
    const untested = await repository.workflow({ test: false });
    expect(JSON.stringify(untested)).not.toContain("anyarch test");
  });

  it("004-17 gives an application's job its architecture and token, and no builder", async () => {
    const workflow = await repository.workflow({ context: "app" });
    expect(workflow.jobs["build"]).toMatchObject({ env: { GITHUB_TOKEN: "${{ secrets.GITHUB_TOKEN }}" } });
    expect(step(workflow, "build", "Extract the architecture")).toMatchObject({ id: "arch" });
    const { run } = step(workflow, "build", "Build and push the platform");
    expect(run).toContain('--engine assemble --progress plain --platform "$PLATFORM" --tag "$IMAGE" --push');
    expect(steps(workflow, "build").map(({ uses }) => uses ?? "")).not.toContainEqual(
      expect.stringMatching(/buildx|login/),
    );
    expect(workflow.env).not.toHaveProperty("BUILDER");
  });

  it("takes tags, platforms and builders from the configuration, and sends the token to ghcr.io only", async () => {
    const workflow = await repository.workflow({ context: "far" });
    expect(workflow.env).toEqual({
      ANYARCH_VERSION: expect.stringMatching(/^\d/) as string,
      CONTEXT: "far",
      DOCKERFILE: "far/Dockerfile",
      CONFIG: "far/anyarch.toml",
      TAGS: "registry.example/team/far:2",
      PLATFORMS: "linux/amd64 linux/arm/v7",
    });
    expect(include(workflow)).toMatchObject([{ optional: false }, { optional: true }]);
    expect(step(workflow, "build", "docker/login-action").with).toEqual({
      registry: "registry.example",
      username: "${{ secrets.REGISTRY_USERNAME }}",
      password: "${{ secrets.REGISTRY_PASSWORD }}",
    });
    expect(JSON.stringify(workflow)).not.toMatch(/GITHUB_TOKEN|packages|setup-buildx/);
  });

  it("builds one platform in one job", async () => {
    const workflow = await repository.workflow({ mode: "single" });
    expect(workflow.env).toMatchObject({ ASKED: "linux/amd64" });
    expect(Object.keys(workflow.jobs)).toEqual(["check", "build"]);
    await expect(repository.text({ mode: "single", platforms: three })).rejects.toMatchObject({
      code: "USAGE",
    });
  });
});
