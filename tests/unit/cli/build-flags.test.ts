import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { buildOptions, declareBuildFlags } from "../../../src/cli/build-flags.ts";

function parse(...args: string[]) {
  const command = declareBuildFlags(new Command().exitOverride().configureOutput({ writeErr: () => {} }));
  command.parse(args, { from: "user" });
  return buildOptions(undefined, command.opts());
}

describe("flags of build", () => {
  it("say nothing that wasn't said", () => {
    expect(parse()).toEqual({});
    expect(parse("--no-emulation", "--no-cache")).toEqual({ emulation: false, cache: false });
  });

  it("003-31 tell build arguments of one platform from those of all", () => {
    process.env["ANYARCH_TEST_ARG"] = "here";
    try {
      expect(
        parse(
          "--build-arg",
          "A=1",
          "--build-arg",
          "URL=https://x/y=z",
          "--build-arg",
          "linux/arm64=A=2",
          "--build-arg",
          "linux/arm64,linux/arm/v7=FLAGS=a=b",
          "--build-arg",
          "linux/arm64=ANYARCH_TEST_ARG",
          "--build-arg",
          "ANYARCH_TEST_ARG",
          "--build-arg",
          "ANYARCH_TEST_NOTHING",
        ),
      ).toEqual({
        buildArgs: { A: "1", URL: "https://x/y=z", ANYARCH_TEST_ARG: "here" },
        platformBuildArgs: {
          "linux/arm64": { A: "2", ANYARCH_TEST_ARG: "here" },
          "linux/arm64,linux/arm/v7": { FLAGS: "a=b" },
        },
      });
    } finally {
      delete process.env["ANYARCH_TEST_ARG"];
    }
    expect(() => parse("--build-arg", "=1")).toThrow(/KEY=VALUE/);
    expect(() => parse("--build-arg", "linux/arm64=")).toThrow(/KEY=VALUE/);
    expect(parse("--build-arg", "ANYARCH_TEST_NOTHING")).toEqual({});
  });

  it("000-13 002-09 002-10 002-13 take what docker buildx takes", () => {
    expect(
      parse(
        "--platform",
        "linux/arm64",
        "-f",
        "docker/Dockerfile",
        "--target",
        "x",
        "--secret",
        "id=a,env=A",
        "--ssh",
        "default",
        "--cache-from",
        "a",
        "--cache-to",
        "type=inline",
        "--build-context",
        "b=../b",
        "--provenance=mode=max",
        "--sbom",
        "--load",
        "--pull",
        "--network",
        "host",
      ),
    ).toEqual({
      platforms: ["linux/arm64"],
      file: "docker/Dockerfile",
      target: "x",
      secrets: ["id=a,env=A"],
      ssh: ["default"],
      cacheFrom: ["a"],
      cacheTo: ["type=inline"],
      namedContexts: { b: "../b" },
      provenance: "mode=max",
      sbom: true,
      load: true,
      pull: true,
      network: "host",
    });
  });
});
