import { describe, expect, it } from "vitest";
import { stageFlow } from "../../../src/dockerfile/flow.ts";
import { parseDockerfile } from "../../../src/dockerfile/parse.ts";
import type { FlowOptions } from "../../../src/dockerfile/stage-flow.ts";
import { formatPlatform } from "../../../src/oci/platform.ts";

const sides = {
  buildPlatform: { os: "linux", architecture: "amd64" },
  targetPlatform: { os: "linux", architecture: "arm", variant: "v7" },
};

function flow(text: string, more: Partial<FlowOptions> = {}): string[] {
  return stageFlow(parseDockerfile(text), { ...sides, ...more }).map(
    ({ stage, platform, follows, needed }) =>
      `${stage.name ?? stage.index} ${formatPlatform(platform)} ${follows}${needed ? "" : " unneeded"}`,
  );
}

describe("stageFlow", () => {
  it("003-01 gives every stage the platform that its FROM names, or the target's", () => {
    expect(
      flow(
        "FROM --platform=$BUILDPLATFORM a AS b\nFROM --platform=${TARGETPLATFORM} a AS t\nFROM --platform=linux/$TARGETARCH/$TARGETVARIANT a AS u\nFROM --platform=linux/amd64 a AS c\nFROM a\nCOPY --from=b / /\nCOPY --from=1 / /\nRUN --mount=type=bind,from=c,target=/x y\n",
      ),
    ).toEqual([
      "b linux/amd64 build",
      "t linux/arm/v7 target",
      "u linux/arm/v7 target unneeded",
      "c linux/amd64 constant",
      "4 linux/arm/v7 target",
    ]);
  });

  it("gives a stage FROM a stage that one's platform, whatever --platform says", () => {
    expect(flow("FROM --platform=$BUILDPLATFORM a AS b\nFROM --platform=$TARGETPLATFORM b\n")).toEqual([
      "b linux/amd64 build",
      "1 linux/amd64 build",
    ]);
  });

  it("expands FROM with global ARGs, their defaults, --build-arg and the target's own", () => {
    const text =
      "ARG KIND=${TARGETARCH}\nARG P=$BUILDPLATFORM\nFROM --platform=$P a AS base-amd64\nFROM a AS base-arm\nFROM base-${KIND}\n";
    expect(flow(text)).toEqual([
      "base-amd64 linux/amd64 build unneeded",
      "base-arm linux/arm/v7 target",
      "2 linux/arm/v7 target",
    ]);
    expect(flow(text, { buildArgs: { KIND: "amd64", P: "linux/s390x" } })).toEqual([
      "base-amd64 linux/s390x constant",
      "base-arm linux/arm/v7 target unneeded",
      "2 linux/s390x constant",
    ]);
  });

  it("knows ${X:-y}, ${X:+y}, a global default for a built-in and the builder without BuildKit", () => {
    expect(flow("FROM --platform=${BUILDPLATFORM:-linux/386} a\n")).toEqual(["0 linux/amd64 build"]);
    expect(flow("FROM --platform=${NONE:-linux/386} a\n")).toEqual(["0 linux/386 constant"]);
    expect(flow("FROM --platform=${TARGETARCH:+linux/s390x} a\n")).toEqual(["0 linux/s390x constant"]);
    expect(flow("ARG TARGETPLATFORM=linux/amd64\nFROM --platform=$TARGETPLATFORM a\n")).toEqual([
      "0 linux/amd64 constant",
    ]);
  });

  it("goes by the target stage, by name or index, whatever the case", () => {
    const text = "FROM a AS one\nFROM b AS two\nFROM one\n";
    expect(flow(text, { target: "TWO" })).toEqual([
      "one linux/arm/v7 target unneeded",
      "two linux/arm/v7 target",
      "2 linux/arm/v7 target unneeded",
    ]);
    expect(flow(text, { target: "0" })[1]).toContain("unneeded");
    expect(() => flow(text, { target: "three" })).toThrow('no stage "three"');
  });

  it("minds an empty FROM or platform only where the stage is needed", () => {
    expect(() => flow("ARG X\nFROM $X\n")).toThrow("Line 2: FROM $X comes to nothing");
    expect(() => flow("FROM --platform=$X a\n")).toThrow("Line 1: --platform=$X comes to nothing");
    expect(flow("ARG X\nFROM $X AS x\nFROM a\n")).toHaveLength(2);
  });
});
