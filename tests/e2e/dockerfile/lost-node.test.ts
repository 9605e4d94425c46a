import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Buildkitd } from "../../engines/buildkitd.ts";
import { crane } from "../../engines/clients.ts";
import { ensureEngines } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import { describeWith } from "../../engines/suites.ts";
import type { Run } from "../anyarch.ts";
import { both, buildxFarmEngines, farmForAll, type TestFarm, when } from "./farm.ts";

const engines = await ensureEngines(buildxFarmEngines);

let farm: TestFarm;
farmForAll(
  engines,
  {
    // Says when it runs, and then gives time to lose the machine.
    Dockerfile: [
      "FROM busybox:stable",
      "ARG TARGETARCH",
      'RUN if [ "$TARGETARCH" = arm64 ]; then echo waiting here; sleep 3; fi; uname -m > /machine',
      'CMD ["cat", "/machine"]',
    ],
  },
  (started) => {
    farm = started;
  },
);

interface Metadata {
  readonly "containerimage.digest"?: string;
  readonly "anyarch.error"?: { readonly code: string };
  readonly "anyarch.platforms": readonly { readonly platform: string }[];
  readonly "anyarch.omitted": readonly unknown[];
}

interface Lost {
  readonly run: Run;
  readonly tag: string;
  readonly node: Buildkitd;
  readonly metadata: Metadata;
  /** Milliseconds from the loss to the end of the command. */
  readonly sinceLoss: number;
}

let builds = 0;

/** Builds on the farm's amd64 and a new arm64 machine, which is killed when its step runs. */
async function lose(args: readonly string[], platforms: readonly string[] = both): Promise<Lost> {
  const number = (builds += 1);
  const tag = `${farm.registry.host}/lost/app:${number}`;
  const node = await farm.more({ architecture: "arm64", listen: "tcp" });
  let lostAt = Number.NaN;
  const result = await farm.anyarch(
    [
      "build",
      ...platforms,
      "--progress=plain",
      `--builder=linux/amd64=${farm.endpoints.amd64}`,
      `--builder=linux/arm64=${node.address}`,
      "-t",
      tag,
      "--push",
      "--metadata-file",
      `${number}.json`,
      ...args,
      ".",
    ],
    when("│ waiting here", () => {
      lostAt = performance.now();
      void node.kill();
    }),
  );
  const sinceLoss = performance.now() - lostAt;
  const metadata = JSON.parse(readFileSync(join(farm.workspace.path, `${number}.json`), "utf8")) as Metadata;
  return { run: result, tag, node, metadata, sinceLoss };
}

const published = async (tag: string): Promise<string | undefined> => {
  const { code, stdout } = await crane(["digest", tag], { registry: farm.registry, anyExit: true });
  return code === 0 ? stdout.trim() : undefined;
};
const architectures = async (tag: string): Promise<readonly string[]> => {
  const { stdout } = await crane(["manifest", tag], { registry: farm.registry });
  const { manifests } = JSON.parse(stdout) as { manifests: { platform: { architecture: string } }[] };
  return manifests.map(({ platform }) => platform.architecture).filter((name) => name !== "unknown");
};

describeWith(engines, buildxFarmEngines, "The arm64 machine that is lost in mid-build", () => {
  it("is stood in for by the next that was named, and the build succeeds", async () => {
    const {
      run: result,
      tag,
      node,
      metadata,
    } = await lose([`--builder=linux/arm64=${farm.endpoints.arm64}`]);
    expect(result.stderr).toContain(`Going on with ${farm.names.arm64}, native.`);
    expect(result.code).toBe(0);
    expect(metadata).toMatchObject({
      "anyarch.omitted": [],
      "anyarch.platforms": [
        { platform: "linux/amd64", node: farm.names.amd64 },
        {
          platform: "linux/arm64",
          node: farm.names.arm64,
          placement: "native",
          attempts: [
            { node: node.address, placement: "native", failure: { code: "BUILDER_LOST" } },
            { node: farm.names.arm64, placement: "native" },
          ],
        },
      ],
    });
    expect(await published(tag)).toBe(metadata["containerimage.digest"]);
    expect(await architectures(tag)).toEqual(["amd64", "arm64"]);
  });

  it("is the end of the build by default: nothing is published, at once, with what to do", async () => {
    const { run: result, tag, node, metadata, sinceLoss } = await lose([]);
    expect(result.code).toBe(1);
    expect(sinceLoss).toBeLessThan(8000);
    expect(result.stderr).toContain(`linux/arm64 was interrupted on ${node.address} (native)`);
    expect(result.stderr).toMatch(/in \[.*2\/2\] RUN if/);
    expect(result.stderr).toMatch(/Asked again: .*\n(?:.*\n)*?Nothing was published\./);
    expect(result.stderr).toContain("--builder PLATFORM=FIRST --builder PLATFORM=SECOND");
    expect(result.stderr).toContain("--fallback available");
    expect(metadata).toMatchObject({
      "anyarch.error": { code: "BUILDER_LOST" },
      "anyarch.omitted": [{ platform: "linux/arm64", attempts: [{ node: node.address }] }],
    });
    expect(metadata).not.toHaveProperty(["containerimage.digest"]);
    expect(await published(tag)).toBeUndefined();
  });

  it("000-18 000-19 002-13 is left out with --fallback available: exit code 3, named everywhere", async () => {
    const {
      run: result,
      tag,
      node,
      metadata,
      sinceLoss,
    } = await lose(["--fallback=available", "--format=json"]);
    expect(result.code).toBe(3);
    expect(sinceLoss).toBeLessThan(8000);
    const told = [
      {
        platform: "linux/arm64",
        code: "BUILDER_LOST",
        message: expect.stringContaining(`linux/arm64 was interrupted on ${node.address}`) as string,
      },
    ];
    const json = JSON.parse(result.stdout) as { digest: string };
    expect(json).toMatchObject({ platforms: [{ platform: "linux/amd64" }], omitted: told });
    expect(metadata["anyarch.omitted"]).toMatchObject(told);
    expect(metadata["anyarch.platforms"]).toMatchObject([{ platform: "linux/amd64" }]);
    expect(await published(tag)).toBe(json.digest);
  });

  it("000-18 000-19 001-14 is left out where it was asked for as optional, loudly", async () => {
    const { run: result, tag, metadata } = await lose([], ["--platform=linux/amd64,linux/arm64?"]);
    expect(result.code).toBe(3);
    expect(result.stderr).toMatch(/LEFT OUT linux\/arm64 {2}linux\/arm64 was interrupted/);
    expect(result.stderr).toContain("The image has no linux/arm64, which was asked for as optional");
    expect(await published(tag)).toBe(metadata["containerimage.digest"]);
  });

  it("is emulated in place of with --fallback emulate, with a word on what that costs", async () => {
    const { run: result, tag, metadata } = await lose(["--fallback=emulate"]);
    expect(result.stderr).toContain(`Going on with ${farm.names.amd64}, emulated.`);
    expect(result.code).toBe(0);
    expect(metadata["anyarch.platforms"]).toMatchObject([
      { platform: "linux/amd64", placement: "native" },
      { platform: "linux/arm64", placement: "emulated", node: farm.names.amd64 },
    ]);
    expect(await architectures(tag)).toEqual(["amd64", "arm64"]);
  });

  it("leaves no client and no file behind", async () => {
    const clients = await run("pgrep", ["-f", farm.workspace.path], { anyExit: true });
    expect(clients.stdout).toBe("");
    expect(existsSync(join(farm.workspace.path, "dist"))).toBe(false);
  });

  it("000-13 002-13 001-14 isn't needed for one platform in one flag", async () => {
    const tag = `${farm.registry.host}/lost/single:1`;
    const args = ["--platform", "linux/amd64", `--builder=${farm.endpoints.amd64}`, "-t", tag, "--push"];
    expect(await farm.anyarch(["build", ...args, "."])).toMatchObject({ code: 0 });
    const { stdout } = await crane(["config", tag], { registry: farm.registry });
    expect(JSON.parse(stdout)).toMatchObject({ architecture: "amd64" });
  });
});
