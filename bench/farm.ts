import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startBaseRegistry } from "../tests/engines/base-images.ts";
import { startBuildkitd } from "../tests/engines/buildkitd.ts";
import { ensureEngines } from "../tests/engines/install.ts";
import { run } from "../tests/engines/process.ts";
import { anyarch, ownEnvironment } from "./anyarch.ts";
import { interleave, measure, median, type Sample } from "./measure.ts";
import { makeTable, type Table } from "./report.ts";

const needed = ["buildkit", "buildx", "qemu", "qemu-daemon", "docker-registry", "busybox"] as const;

/** Seconds that the steps of the two tables sleep. */
const [long, short] = [10, 1] as const;

interface Site {
  readonly context: string;
  readonly env: Readonly<Record<string, string>>;
  /** Endpoints. */
  readonly amd64: string;
  readonly arm64: string;
}

type Cases = Readonly<Record<string, (round: number) => Promise<Sample>>>;

/**
 * Dockerfiles on two BuildKit nodes: both platforms beside the slower one alone, and one platform beside the plain
 * clients. The arm64 node runs under QEMU and shares the cores with everything, so that the steps sleep: what is
 * measured is whether nodes wait for each other, and what anyarch adds.
 */
export async function benchFarm(place: string, rounds: number): Promise<Table[]> {
  const engines = await ensureEngines(needed);
  const missing = engines.without(...needed);
  if (missing !== undefined) {
    process.stdout.write(`farm: left out, without ${missing}\n`);
    return [];
  }
  await using bases = await startBaseRegistry(["busybox:stable"]);
  const mirrors = { mirrors: { "docker.io": bases } };
  await using amd64 = await startBuildkitd(mirrors);
  await using arm64 = await startBuildkitd({ ...mirrors, architecture: "arm64" });
  const context = join(place, "context");
  mkdirSync(context, { recursive: true });
  for (const seconds of [long, short])
    writeFileSync(
      join(context, `sleep-${seconds}`),
      `FROM busybox:stable\nRUN sleep ${seconds}; uname -m > /out\n`,
    );
  const env = {
    ...ownEnvironment(place),
    DOCKER_CONFIG: join(place, "docker"),
    DOCKER_HOST: "unix:///nonexistent/docker.sock",
    PATH: [engines.path, process.env["PATH"]].join(":"),
  };
  const site = { context, env, amd64: amd64.address, arm64: arm64.address };
  return [await allNodes(site, Math.min(rounds, 3)), await overhead(site, rounds)];
}

async function allNodes(site: Site, rounds: number): Promise<Table> {
  const builders = ["--builder", `linux/amd64=${site.amd64}`, "--builder", `linux/arm64=${site.arm64}`];
  const build = (platforms: string) => (round: number) =>
    measure(
      [
        ...anyarch,
        "build",
        "-f",
        join(site.context, `sleep-${long}`),
        "--no-cache",
        "--platform",
        platforms,
        ...builders,
        "--output",
        `oci:${join(site.context, `../all-${platforms.replaceAll(/\W/g, "-")}-${round}`)}`,
        site.context,
      ],
      { env: { ...site.env, ANYARCH_BUILDKIT_BACKEND: "buildctl" } },
    );
  const samples = await interleave(
    {
      "linux/amd64 alone": build("linux/amd64"),
      "linux/arm64 alone": build("linux/arm64"),
      "both on two nodes": build("linux/amd64,linux/arm64"),
    },
    rounds,
  );
  const wall = (name: string): number => median((samples[name] ?? []).map(({ wallMs }) => wallMs));
  const slowest = wall("linux/arm64 alone") >= wall("linux/amd64 alone") ? "linux/arm64" : "linux/amd64";
  return makeTable(`A step of ${long} s on each of two nodes`, `${slowest} alone`, samples, [
    "Steps sleep; the arm64 node runs under QEMU on the same cores. Goal: both in 1.15 × the slower alone.",
  ]);
}

/** The same build by the plain clients and by anyarch with each of them. */
function overheadCases(site: Site): Cases {
  const { context, env, amd64 } = site;
  const name = `sleep-${short}`;
  const file = join(context, name);
  const dest = (by: string, round: number): string => join(context, `../${by}-${round}`);
  const layout = (by: string, round: number): string => `type=oci,tar=false,dest=${dest(by, round)}`;
  const common = ["build", "-f", file, "--no-cache", "--provenance=false", "--platform", "linux/amd64"];
  const ours = (backend: string) => (round: number) => {
    const output = ["--output", `oci:${dest(`anyarch-${backend}`, round)}`];
    return measure([...anyarch, ...common, "--builder", amd64, ...output, context], {
      env: { ...env, ANYARCH_BUILDKIT_BACKEND: backend },
    });
  };
  const locals = ["--local", `context=${context}`, "--local", `dockerfile=${context}`];
  const options = ["--opt", `filename=${name}`, "--opt", "platform=linux/amd64", "--no-cache"];
  const solve = ["buildctl", "--addr", amd64, "build", "--frontend", "dockerfile.v0", ...locals, ...options];
  const plain = ["docker-buildx", ...common, "--builder", "plain", context];
  return {
    buildctl: (round) => measure([...solve, "--output", layout("buildctl", round)], { env }),
    "anyarch, by buildctl": ours("buildctl"),
    buildx: (round) => measure([...plain, "--output", layout("buildx", round)], { env }),
    "anyarch, by buildx": ours("buildx"),
  };
}

async function overhead(site: Site, rounds: number): Promise<Table> {
  await run("docker-buildx", ["create", "--name", "plain", "--driver", "remote", site.amd64], {
    env: site.env,
  });
  const samples = await interleave(overheadCases(site), rounds);
  const more = (name: string): string => {
    const [mine = [], plain = []] = [samples[`anyarch, by ${name}`], samples[name]];
    // Of pairs in the same round, so that both met the same machine.
    const differences = mine.map(({ wallMs }, at) => wallMs - (plain[at]?.wallMs ?? Number.NaN));
    return `${median(differences).toFixed(0)} ms more than ${name}`;
  };
  return makeTable(`One platform, a step of ${short} s, into a layout`, "buildctl", samples, [
    `anyarch takes ${more("buildctl")} and ${more("buildx")} (goal: 500), with probing the node, proving and copying the result.`,
  ]);
}
