import { describe, expect, expectTypeOf, it } from "vitest";
import {
  type AssembledResult,
  build,
  type BuildResult,
  docker,
  DockerBuildOptions,
  type DockerfileBuildResult,
  type DockerfilePlan,
} from "../../../src/index.ts";

describe("docker.build's options", () => {
  it("000-01 say what document 000 says", () => {
    const { options } = new DockerBuildOptions()
      .withPlatforms("linux/amd64", "linux/arm64")
      .withTag("ghcr.io/team/app:1.0")
      .withTag("ghcr.io/team/app:latest")
      .withContext(".")
      .withArmBuilder("ssh://arm64-builder")
      .withFallbackToAvailable()
      .withPush();
    expect(options).toEqual({
      platforms: ["linux/amd64", "linux/arm64"],
      tags: ["ghcr.io/team/app:1.0", "ghcr.io/team/app:latest"],
      context: ".",
      builders: ["linux/arm64=ssh://arm64-builder"],
      fallback: "available",
      push: true,
    });
  });

  it("004-37 say what is of one platform only", () => {
    const { options } = new DockerBuildOptions()
      .withPlatformOptions("linux/amd64/v3", { buildArgs: { LEVEL: "3" } })
      .withPlatformOptions("linux/amd64/v3", { optional: true });
    expect(options).toEqual({
      platformOptions: { "linux/amd64/v3": { buildArgs: { LEVEL: "3" }, optional: true } },
    });
  });

  it("never change: each method returns new ones", () => {
    const start = new DockerBuildOptions();
    const one = start.withTag("a").withBuildArg("A", "1").withSecret("s", { env: "S" });
    const two = one.withTag("b").withBuildArg("B", "2").withSecret("f", { src: "file" });
    expect(start.options).toEqual({});
    expect(one.options).toEqual({ tags: ["a"], buildArgs: { A: "1" }, secrets: ["id=s,env=S"] });
    expect(two.options).toEqual({
      tags: ["a", "b"],
      buildArgs: { A: "1", B: "2" },
      secrets: ["id=s,env=S", "id=f,src=file"],
    });
  });

  it("add platforms, or replace them by one", () => {
    const start = new DockerBuildOptions().withPlatforms("linux/amd64").withOptionalPlatforms("linux/arm64");
    expect(start.options.platforms).toEqual(["linux/amd64", "linux/arm64?"]);
    expect(start.withPlatform("linux/arm/v7").options.platforms).toEqual(["linux/arm/v7"]);
  });

  it("have builders for platforms and for all", () => {
    const { options } = new DockerBuildOptions().withBuilder("linux/arm64", "tcp://a:1").withBuilder("mine");
    expect(options.builders).toEqual(["linux/arm64=tcp://a:1", "mine"]);
  });

  it("003-31 have build arguments of one platform", () => {
    const { options } = new DockerBuildOptions()
      .withPlatformBuildArg("linux/arm64", "FLAGS", "-O3")
      .withPlatformBuildArg("linux/arm64", "LEVEL", "2");
    expect(options.platformBuildArgs).toEqual({ "linux/arm64": { FLAGS: "-O3", LEVEL: "2" } });
  });

  it("say all else as flags do", () => {
    const { options } = new DockerBuildOptions()
      .withTarget("runtime")
      .withTimeoutMinutes(30)
      .withoutLoad()
      .withNoCache()
      .withOutput("oci:out")
      .withLabel("team", "a")
      .withAnnotation("k", "v")
      .withoutEmulation()
      .withProvenance("mode=max")
      .withCacheTo("type=inline");
    expect(options).toEqual({
      target: "runtime",
      timeout: "30m",
      load: false,
      cache: false,
      outputs: ["oci:out"],
      labels: { team: "a" },
      annotations: { k: "v" },
      emulation: false,
      provenance: "mode=max",
      cacheTo: ["type=inline"],
    });
  });

  it("reject what is wrong before anything is built", async () => {
    await expect(docker.build("/nowhere/Dockerfile", (o) => o, { config: false })).rejects.toMatchObject({
      code: "INPUT_UNREADABLE",
    });
    const wrong = docker.plan(import.meta.dirname, (o) => o.withPush(), { config: false });
    await expect(wrong).rejects.toMatchObject({ exitCode: 2 });
  });

  it("have typed results", () => {
    expectTypeOf(docker.build).returns.resolves.toEqualTypeOf<DockerfileBuildResult>();
    expectTypeOf(docker.plan).returns.resolves.toEqualTypeOf<DockerfilePlan>();
    expectTypeOf<DockerfileBuildResult["plan"]["engine"]>().toEqualTypeOf<"buildkit">();
    expectTypeOf(
      build({ engine: "assemble", context: "/nowhere" }).catch(() => undefined as never),
    ).resolves.toEqualTypeOf<AssembledResult>();
    expectTypeOf<BuildResult>().toEqualTypeOf<AssembledResult | DockerfileBuildResult>();
    // @ts-expect-error options are values: a function that returns nothing has said nothing
    expectTypeOf(docker.build).toBeCallableWith("Dockerfile", (o) => void o.withTag("a"));
  });
});
