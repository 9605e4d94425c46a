import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildPlatforms } from "../../../src/buildkit/build-platforms.ts";
import type { BuildLimits } from "../../../src/buildkit/build-platform.ts";
import type { DockerfilePlan, Placement } from "../../../src/buildkit/dockerfile-plan.ts";
import type { Farm, Node } from "../../../src/buildkit/node.ts";
import { openFarm } from "../../../src/buildkit/open-farm.ts";
import type { PlatformOutcome } from "../../../src/buildkit/outcome.ts";
import type { Prepare } from "../../../src/buildkit/prepared-solve.ts";
import { plainSolve, type Solve } from "../../../src/buildkit/solve.ts";
import type { BuildEvent } from "../../../src/events/event.ts";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { makeTempDir } from "../../../src/host/temp-dir.ts";
import { formatPlatform, parsePlatform, type Platform } from "../../../src/oci/platform.ts";
import { LayoutStore } from "../../../src/stores/layout-store.ts";
import type { Buildkitd } from "../../engines/buildkitd.ts";
import { needEngine } from "../../engines/install.ts";

/** A context directory with busybox for each platform, and nodes to build it on; every build is observed. */
export interface BuildSite extends AsyncDisposable {
  readonly directory: string;
  readonly ctx: Context;
  readonly events: readonly BuildEvent[];
  /** Pids of child processes that were started and haven't ended. */
  readonly stop: AbortController;
  /** Opens the nodes by buildctl. */
  farm(...nodes: readonly Buildkitd[]): Promise<Farm>;
  /** Writes a Dockerfile: `FROM scratch` with busybox, then `steps`. */
  dockerfile(...steps: readonly string[]): Promise<string>;
  solve(dockerfile: string, platform: Platform): Solve;
  readonly prepare: (dockerfile: string) => Prepare;
}

export const limits: BuildLimits = { fallback: "none", jobs: 4, retries: 0, crashSilenceMs: 30_000 };

export async function makeBuildSite(): Promise<BuildSite> {
  const temp = await makeTempDir();
  const context = join(temp.path, "context");
  await mkdir(context);
  const busybox = await needEngine("busybox");
  for (const architecture of ["amd64", "arm64"]) {
    const program = join(busybox.root("busybox"), architecture, "bin/busybox");
    await copyFile(program, join(context, `busybox-${architecture}`));
  }
  const { path } = await needEngine("buildkit");
  const host = createNodeHost({ env: { ...process.env, PATH: `${path}:${process.env["PATH"] ?? ""}` } });
  const events: BuildEvent[] = [];
  const stop = new AbortController();
  const ctx = createContext(host, { signal: stop.signal, emit: (event) => void events.push(event) });
  let count = 0;
  const solve = (dockerfile: string, platform: Platform): Solve => ({
    platform,
    context,
    dockerfile,
    ...plainSolve,
    delivery: { kind: "layout", directory: join(temp.path, `layout-${++count}`) },
    metadataFile: join(temp.path, `metadata-${count}.json`),
  });
  return {
    directory: temp.path,
    ctx,
    events,
    stop,
    farm: (...nodes) =>
      openFarm(
        {
          builders: nodes.map(({ address }) => ({ endpoint: address, origin: "flag" as const })),
          platforms: [],
          jobs: 4,
        },
        { backend: "buildctl" },
        ctx,
      ),
    async dockerfile(...steps) {
      const file = join(context, `Dockerfile-${++count}`);
      const head = [
        "FROM scratch AS tools",
        "ARG TARGETARCH",
        "COPY busybox-$TARGETARCH /bin/busybox",
        'RUN ["/bin/busybox", "--install", "-s", "/bin"]',
        "FROM tools AS builder",
      ];
      await writeFile(file, [...head, ...steps, ""].join("\n"));
      return file;
    },
    solve,
    prepare: (dockerfile) => async (_node, platform) => {
      const prepared = solve(dockerfile, platform);
      return {
        solve: prepared,
        async open({ descriptor }, inner) {
          const { delivery } = prepared;
          if (delivery.kind !== "layout") throw new Error("The site delivers layouts.");
          const store = new LayoutStore(delivery.directory);
          return { store, descriptor: descriptor ?? (await store.resolve("", inner)) };
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await host.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

/** A plan as placement makes it: for each platform its nodes by name, with how they run it. */
export function planFor(
  farm: Farm,
  placed: readonly {
    readonly platform: string;
    readonly optional?: boolean;
    readonly on: readonly (readonly [Node, Placement])[];
  }[],
): DockerfilePlan {
  return {
    schema: "anyarch.plan/v1",
    engine: "buildkit",
    dockerfile: "",
    context: "",
    backend: farm.backend,
    nodes: [],
    platforms: placed.map(({ platform, optional = false, on }) => ({
      platform,
      optional,
      candidates: on.map(([node, placement]) => ({
        node: node.spec.name,
        placement,
        why: "",
        emulatedStages: [],
        command: "",
      })),
    })),
    omitted: [],
    tags: [],
    push: false,
    outputs: [],
    hazards: [],
  };
}

/** Builds one platform on these nodes in turn. */
export async function buildOne(
  site: BuildSite,
  farm: Farm,
  dockerfile: string,
  { platform, on, ...more }: { platform: string; on: readonly Placement[] } & Partial<BuildLimits>,
): Promise<PlatformOutcome> {
  const nodes = on.map((placement, index) => [farm.nodes[index] as Node, placement] as const);
  const request = { ...limits, ...more, dockerfileText: await readFile(dockerfile, "utf8") };
  const plan = planFor(farm, [{ platform: formatPlatform(parsePlatform(platform)), on: nodes }]);
  const [outcome] = await buildPlatforms(plan, farm, request, site.prepare(dockerfile), site.ctx);
  if (outcome === undefined) throw new Error("There is no outcome.");
  return outcome;
}

/** Resolves when a build's log says `text`. */
export async function untilLogged(site: BuildSite, text: string): Promise<void> {
  const said = (): boolean =>
    site.events.some((event) => event.type === "log" && event.message.includes(text));
  while (!said()) await new Promise((resolve) => setTimeout(resolve, 20));
}
