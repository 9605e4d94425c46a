import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { balance } from "../../../src/buildkit/balance.ts";
import { buildctlCommand } from "../../../src/buildkit/buildctl-command.ts";
import type { DockerfilePlan } from "../../../src/buildkit/dockerfile-plan.ts";
import type { Farm, Node, UnreachableNode } from "../../../src/buildkit/node.ts";
import { placePlatforms } from "../../../src/buildkit/place.ts";
import type { Solve } from "../../../src/buildkit/solve.ts";
import type { Dockerfile, Instruction, Stage } from "../../../src/dockerfile/dockerfile.ts";
import type { StageFlow } from "../../../src/dockerfile/stage-flow.ts";
import { AnyarchError } from "../../../src/errors/error.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import type { DockerfileRequest } from "../../../src/plan/dockerfile-request.ts";
import { plainRequest } from "../../data/plain-request.ts";

const run: Instruction = { keyword: "RUN", text: "make", flags: [], heredocs: [], line: 2, endLine: 2 };
const from: Instruction = { ...run, keyword: "FROM", text: "x", line: 1, endLine: 1 };

/** Stages in the form "target", "build" or "constant platform", with "+" where they have a RUN. */
function flowOf(stages: readonly string[]): StageFlow {
  return (_, { buildPlatform, targetPlatform }) =>
    stages.map((text, index) => {
      const kind = text.replace("+", "");
      const stage: Stage = { index, name: `s${index}`, base: "x", from, instructions: [] };
      const platform =
        kind === "target" ? targetPlatform : kind === "build" ? buildPlatform : parsePlatform(kind);
      const follows = kind === "target" || kind === "build" ? kind : "constant";
      return { stage, platform, follows, needed: true, runs: text.endsWith("+") ? [run] : [] };
    });
}

function node(name: string, native: string, more: readonly string[] = [], named?: readonly string[]): Node {
  return {
    spec: {
      name,
      endpoint: { kind: "unix", url: `unix:///${name}` },
      origin: "flag",
      ...(named && { platforms: named.map(parsePlatform) }),
    },
    facts: {
      native: parsePlatform(native),
      platforms: [native, ...more].map(parsePlatform),
      driver: "remote",
      pushByDigest: true,
      probeMs: 1,
    },
    command: (solve) =>
      buildctlCommand({ program: "buildctl", globalArgs: ["--addr", name], env: {} }, solve),
    [Symbol.asyncDispose]: async () => {},
  };
}

function farm(nodes: readonly Node[], unreachable: readonly UnreachableNode[] = []): Farm {
  return {
    backend: { name: "buildctl", version: "0.26.3" },
    nodes,
    unreachable,
    lost: () => Promise.resolve(undefined),
    [Symbol.asyncDispose]: async () => {},
  };
}

function gone(name: string, named?: readonly string[]): UnreachableNode {
  return {
    spec: {
      name,
      endpoint: { kind: "ssh", url: `ssh://${name}`, destination: name },
      origin: "flag",
      ...(named && { platforms: named.map(parsePlatform) }),
    },
    error: new AnyarchError("BUILDER_UNTRUSTED", `${name} can't be used: its key is another.`, {
      hint: "Look.",
    }),
  };
}

const dockerfile: Dockerfile = { directives: {}, globalArgs: [], stages: [] };

function place(
  platforms: readonly string[],
  where: Farm,
  stages: readonly string[] = ["target+"],
  changes: Partial<DockerfileRequest> = {},
): DockerfilePlan {
  const request = plainRequest("/c", platforms, { outputs: ["dist/image"], ...changes });
  const solve = ({ platform }: { platform: Solve["platform"] }): Solve => ({
    ...request,
    platform,
    delivery: { kind: "none" },
    metadataFile: "/m",
  });
  return placePlatforms(request, dockerfile, where, { flow: flowOf(stages), hazards: [], solve });
}

/** "platform: node placement, node placement" */
function summary(plan: DockerfilePlan): readonly string[] {
  return plan.platforms.map(
    ({ platform, candidates }) =>
      `${platform}: ${candidates.map((each) => `${each.node} ${each.placement}`).join(", ")}`,
  );
}

const amd = node("amd", "linux/amd64", ["linux/arm64", "linux/386"]);
const arm = node("arm", "linux/arm64");

describe("placePlatforms", () => {
  it("prefers native nodes, and lets emulating ones stand in on request only", () => {
    const both = ["linux/amd64", "linux/arm64"];
    const strict = place(both, farm([amd, arm]));
    expect(summary(strict)).toEqual(["linux/amd64: amd native", "linux/arm64: arm native"]);
    const plan = place(both, farm([amd, arm]), ["target+"], { fallback: "emulate" });
    expect(summary(plan)).toEqual(["linux/amd64: amd native", "linux/arm64: arm native, amd emulated"]);
    const [, placed] = plan.platforms;
    expect(placed?.candidates[0]?.why).toBe("the node is linux/arm64");
    expect(placed?.candidates[1]).toMatchObject({
      why: "the node is linux/amd64 and runs linux/arm64 by emulation",
      emulatedStages: ["s0"],
    });
    expect(placed?.candidates[0]?.command).toMatch(/^buildctl --addr arm build .*platform=linux\/arm64/);
  });

  it("crosses where nothing of the target runs, on nodes that can't run it at all", () => {
    const plain = node("plain", "linux/amd64");
    const crossing = place(["linux/arm64"], farm([plain]), ["build+", "target"]);
    expect(summary(crossing)).toEqual(["linux/arm64: plain cross"]);
    expect(crossing.platforms[0]?.candidates[0]?.why).toContain("build platform (linux/amd64)");
    const copying = place(["linux/s390x"], farm([plain]), ["target"]);
    expect(copying.platforms[0]?.candidates[0]).toMatchObject({
      placement: "cross",
      why: "no stage that is needed has a RUN instruction",
    });
    // A constant of the file runs emulated even where the target is native.
    const constant = place(["linux/arm64"], farm([node("a", "linux/arm64", ["linux/amd64"])]), [
      "linux/amd64+",
      "target+",
    ]);
    expect(constant.platforms[0]?.candidates[0]).toMatchObject({
      placement: "emulated",
      emulatedStages: ["s0"],
    });
  });

  it("takes what was named for a platform first, and never for another", () => {
    const named = node("slow", "linux/amd64", ["linux/arm64"], ["linux/arm64"]);
    expect(summary(place(["linux/arm64", "linux/amd64"], farm([amd, arm, named])))).toEqual([
      "linux/arm64: slow emulated, arm native",
      "linux/amd64: amd native",
    ]);
  });

  it("refuses emulation where it is off, but as the fallback that was asked for", () => {
    const off = { emulation: false } as const;
    expect(() => place(["linux/arm64"], farm([amd]), ["target+"], off)).toThrow(
      /amd is linux\/amd64 and could only emulate it, which is off/,
    );
    const plan = place(["linux/arm64"], farm([amd]), ["target+"], { ...off, fallback: "emulate" });
    expect(summary(plan)).toEqual(["linux/arm64: amd emulated"]);
  });

  it("doesn't emulate in place of a builder that was named and doesn't answer, unless that is allowed", () => {
    const where = farm([amd], [gone("ssh://arm", ["linux/arm64"])]);
    expect(() => place(["linux/arm64"], where)).toThrow(
      expect.objectContaining({
        code: "BUILDER_UNTRUSTED",
        message: expect.stringContaining("which --fallback emulate would allow") as string,
      }),
    );
    const plan = place(["linux/arm64"], where, ["target+"], { fallback: "emulate" });
    expect(summary(plan)).toEqual(["linux/arm64: amd emulated"]);
    const other = node("other", "linux/amd64", ["linux/arm64"], ["linux/amd64"]);
    const stood = place(["linux/arm64"], farm([other, arm]), ["target+"], { fallback: "emulate" });
    expect(summary(stood)).toEqual(["linux/arm64: arm native, other emulated"]);
  });

  it("003-17 warns of what emulation costs where something runs by it", () => {
    const [placed] = place(["linux/arm64"], farm([amd])).platforms;
    expect(placed?.warning).toMatch(/emulated on amd: .* of stage s0 take 2 to 4 times .*memory and CPU/);
    expect(placed?.warning).toContain("--builder linux/arm64=ssh://");
    expect(place(["linux/arm64"], farm([arm])).platforms[0]).not.toHaveProperty("warning");
    expect(place(["linux/arm64"], farm([amd]), ["build+", "target"]).platforms[0]).not.toHaveProperty(
      "warning",
    );
  });

  it("calls 32-bit mode native only where it was shown", () => {
    const shown = { ...arm, facts: { ...arm.facts, nativeToo: [parsePlatform("linux/arm/v7")] } };
    const plan = place(["linux/arm/v7"], farm([shown]));
    expect(plan.platforms[0]?.candidates[0]).toMatchObject({
      placement: "native",
      why: "the node is linux/arm64 and runs linux/arm/v7 natively (32-bit mode)",
    });
    const listed = node("arm", "linux/arm64", ["linux/arm/v7"]);
    expect(summary(place(["linux/arm/v7"], farm([listed])))).toEqual(["linux/arm/v7: arm emulated"]);
    const levels = node("new", "linux/amd64", ["linux/amd64/v2", "linux/amd64/v3"]);
    expect(summary(place(["linux/amd64/v3"], farm([levels])))).toEqual(["linux/amd64/v3: new native"]);
  });

  it("001-08 refuses what nobody can build before anything starts, and says what each builder can", () => {
    const act = (): unknown =>
      place(["linux/amd64", "linux/s390x"], farm([amd, arm], [gone("ssh://z", ["linux/386"])]));
    expect(act).toThrow(expect.objectContaining({ code: "BUILDER_LACKS_PLATFORM" }));
    expect(act).toThrow(/amd is linux\/amd64 and can run linux\/amd64, linux\/arm64, linux\/386/);
    expect(act).toThrow(/arm is linux\/arm64 and can run linux\/arm64/);
    expect(act).toThrow(/ssh:\/\/z: can't be used: its key is another/);
  });

  it("tells what is wrong with the builder that was named for it", () => {
    expect(() =>
      place(["linux/arm64"], farm([node("x", "linux/amd64")], [gone("ssh://arm", ["linux/arm64"])])),
    ).toThrow(expect.objectContaining({ code: "BUILDER_UNTRUSTED", hint: "Look." }));
    expect(() => place(["linux/arm64"], farm([], [gone("ssh://any")]))).toThrow(
      expect.objectContaining({ code: "BUILDER_UNTRUSTED" }),
    );
    expect(() => place(["linux/arm64"], farm([]))).toThrow(/No builder was found/);
  });

  it("leaves out optional platforms, and all that are missing with --fallback available", () => {
    const plan = place(["linux/amd64", "linux/s390x?"], farm([amd]));
    expect(plan.omitted).toMatchObject([{ platform: "linux/s390x", code: "BUILDER_LACKS_PLATFORM" }]);
    expect(summary(plan)).toEqual(["linux/amd64: amd native"]);
    const allowed = place(["linux/amd64", "linux/s390x"], farm([amd]), ["target+"], {
      fallback: "available",
    });
    expect(allowed.omitted.map(({ platform }) => platform)).toEqual(["linux/s390x"]);
    expect(() => place(["linux/s390x?"], farm([amd]))).toThrow(/No builder can build linux\/s390x/);
  });

  it("shares platforms among equal nodes", () => {
    const nodes = ["a", "b", "c"].map((name) => node(name, "linux/amd64", ["linux/arm64", "linux/arm/v7"]));
    const plan = place(["linux/amd64", "linux/arm64", "linux/arm/v7"], farm(nodes), ["build+", "target"]);
    const first = plan.platforms.map(({ candidates }) => candidates[0]?.node);
    // linux/amd64 is native anywhere, the others cross: all three work.
    expect(new Set(first).size).toBe(3);
    expect(plan.platforms.every(({ candidates }) => candidates.length === 3)).toBe(true);
  });
});

describe("balance", () => {
  it("keeps to the options, and no machine has more than it must", () => {
    const options = fc.array(fc.uniqueArray(fc.nat(4), { minLength: 1 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(options, (jobs) => {
        const chosen = balance(jobs);
        for (const [job, machine] of chosen.entries()) expect(jobs[job]).toContain(machine);
        expect(busiest(chosen)).toBe(bestPossible(jobs));
      }),
    );
  });

  it("puts N jobs that can go anywhere on N machines", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), (count) => {
        const all = Array.from({ length: count }, (_, index) => index);
        expect(new Set(balance(all.map(() => all))).size).toBe(count);
      }),
    );
  });
});

function busiest(chosen: readonly number[]): number {
  return Math.max(...chosen.map((machine) => chosen.filter((other) => other === machine).length));
}

/** By trying all. */
function bestPossible(jobs: readonly (readonly number[])[], chosen: readonly number[] = []): number {
  const [next, ...others] = jobs;
  if (next === undefined) return busiest(chosen);
  return Math.min(...next.map((machine) => bestPossible(others, [...chosen, machine])));
}
