import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { TestRepository } from "./repository.ts";

type Pipeline = Readonly<
  Record<string, { readonly [key: string]: unknown; readonly script: readonly string[] }>
>;

const repository = new TestRepository({ Dockerfile: "FROM alpine:3.20\n", "app/app.py": "" });
afterAll(() => repository[Symbol.dispose]());

async function pipeline(options = {}): Promise<Pipeline> {
  // As Ruby reads it.
  return parse(await repository.text({ service: "gitlab", ...options }), { version: "1.1" }) as Pipeline;
}

describe("a GitLab pipeline", () => {
  it("004-36 has a job on a native runner for each platform, and one that merges", async () => {
    const made = await pipeline({ platforms: ["linux/amd64,linux/arm64,linux/arm/v7?"] });
    expect(made["build:linux_arm64"]).toMatchObject({
      tags: ["saas-linux-small-arm64"],
      variables: { PLATFORM: "linux/arm64", EMULATED: "no" },
    });
    expect(made["build:linux_arm_v7"]).toMatchObject({ allow_failure: true, variables: { EMULATED: "yes" } });
    expect(made["build:linux_amd64"]).not.toHaveProperty("allow_failure");
    expect(made[".build"]).toMatchObject({ artifacts: { reports: { dotenv: "anyarch.env" } } });
    expect(made["publish"]).toMatchObject({
      needs: [{ job: "build:linux_amd64" }, { job: "build:linux_arm64" }, { job: "build:linux_arm_v7" }],
      variables: { REQUIRED: "linux/amd64 linux/arm64" },
    });
    expect(made["variables"]).toMatchObject({ TAGS: "$CI_REGISTRY_IMAGE:latest" });
  });

  it("001-15 makes and verifies its builder in the job that emulates", async () => {
    const { build } = await pipeline({ mode: "qemu" });
    const script = (build?.script ?? []).join("\n");
    expect(script).toMatch(
      /binfmt:\S+ --install all[^]*buildx create --name "\$BUILDER"[^]*buildx inspect[^]*--builder/,
    );
  });

  it("hands its scripts to bash whole, whatever the runner's shell", async () => {
    for (const options of [{}, { mode: "qemu" }, { context: "app" }]) {
      const made = await pipeline(options);
      const scripts = Object.values(made).flatMap((job) => job.script ?? []);
      expect(scripts.length).toBeGreaterThan(2);
      for (const script of scripts) {
        expect(spawnSync("sh", ["-n"], { input: script, encoding: "utf8" }).stderr).toBe("");
        const inner = /<<'ANYARCH_SCRIPT'\n([^]*?)\nANYARCH_SCRIPT\n$/.exec(script)?.[1];
        if (inner === undefined) continue;
        expect(spawnSync("bash", ["-n"], { input: inner, encoding: "utf8" }).stderr).toBe("");
      }
    }
  });
});
