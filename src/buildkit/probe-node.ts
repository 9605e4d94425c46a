import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { runTask } from "../events/task.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform, parsePlatform, samePlatform, type Platform } from "../oci/platform.ts";
import { readInspection, readPlatforms } from "./buildx-inspect.ts";
import { commandOf, type Connection, type FarmTools } from "./connection.ts";
import type { NodeFacts } from "./node.ts";
import { clientFailure, unreachable } from "./node-failure.ts";
import { isSameFamily } from "./platform-family.ts";
import { isNative32, probeProgram } from "./probe-program.ts";
import { runLimited, type LimitedResult } from "./run-limited.ts";
import { plainSolve, type Solve } from "./solve.ts";
import { transientReason, waitBeforeRetry } from "./transient.ts";

/** What a probe asks, and where it may write. */
export interface Probe {
  readonly name: string;
  readonly connection: Connection;
  /** The platforms that the build is for: what isn't plain of them is tried out. */
  readonly platforms: readonly Platform[];
  /** An existing directory of the probe's own. */
  readonly directory: string;
}

const platformFile = `FROM scratch
ARG BUILDPLATFORM
COPY <<EOF /platform
\${BUILDPLATFORM}
EOF
`;

const runFile = `FROM scratch AS run
COPY program /program
RUN --network=none ["/program"]
FROM scratch
COPY --from=run /program /*aps /
`;

/**
 * Finds out by builds what a node is: whether it solves at all, what it runs natively, what else it can run. Throws
 * BUILDER_UNREACHABLE, BUILDER_UNTRUSTED or BUILDER_UNAUTHORIZED with what the client says.
 */
export async function probeNode(probe: Probe, tools: FarmTools, ctx: Context): Promise<NodeFacts> {
  const start = performance.now();
  const { connection } = probe;
  if (connection.boots)
    await runTask(ctx.emit, `start BuildKit on ${probe.name}`, {}, () => boot(probe, tools, ctx));
  // One after the other: BuildKit looks for emulators at each, and panics where two do so at once for the first time
  // (worker/base Platforms(), seen in 0.26).
  const native = await solveNativePlatform(probe, tools, ctx);
  const said = await askPlatforms(probe, tools, ctx);
  const tried = await tryPlatforms(probe, native, said.platforms, tools, ctx);
  const platforms = [native, ...said.platforms, ...tried.runs].filter(
    (platform, index, all) =>
      !tried.fails.some((failing) => samePlatform(failing, platform)) &&
      all.findIndex((each) => samePlatform(each, platform)) === index,
  );
  return {
    native,
    platforms,
    ...(tried.native.length > 0 && { nativeToo: tried.native }),
    ...(said.version !== undefined && { version: said.version }),
    driver: connection.driver,
    pushByDigest: connection.driver !== "docker",
    probeMs: Math.round(performance.now() - start),
  };
}

async function boot({ name, connection }: Probe, tools: FarmTools, ctx: Context): Promise<void> {
  const { access } = connection;
  if (access.client !== "buildx") return;
  const args = [...access.prefix, "inspect", "--bootstrap", access.builder];
  const timeoutMs = tools.bootTimeoutMs;
  const result = await runLimited(ctx, access.program, args, { env: access.env, timeoutMs });
  if (result.timedOut)
    throw unreachable(name, `its BuildKit container wasn't up after ${Math.round(timeoutMs / 1000)} s`);
  if (result.code !== 0) throw clientFailure(name, result.stderr || result.stdout);
}

async function solveNativePlatform(probe: Probe, tools: FarmTools, ctx: Context): Promise<Platform> {
  const directory = join(probe.directory, "native");
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "Dockerfile"), platformFile);
  let result = await solveLocally(probe, { directory, timeoutMs: tools.probeTimeoutMs }, ctx);
  // A daemon that is being restarted, a tunnel that is set up anew: it may be there in a moment.
  const reason = result.code === 0 || result.timedOut ? undefined : transientReason(result.stderr.trimEnd());
  if (reason !== undefined) {
    await waitBeforeRetry(0, 1, { node: probe.name, reason }, ctx);
    result = await solveLocally(probe, { directory, timeoutMs: tools.probeTimeoutMs }, ctx);
  }
  if (result.timedOut)
    throw unreachable(
      probe.name,
      `a first small build wasn't done after ${Math.round(tools.probeTimeoutMs / 1000)} s`,
      undefined,
      "If BuildKit hangs there, start it again.",
    );
  if (result.code !== 0) throw clientFailure(probe.name, result.stderr);
  return parsePlatform((await readFile(join(directory, "out", "platform"), "utf8")).trim());
}

interface LocalSolve {
  /** Holds Dockerfile and context; the result lands in its folder "out". */
  readonly directory: string;
  readonly timeoutMs: number;
  readonly platform?: Platform;
}

function solveLocally(
  probe: Probe,
  { directory, timeoutMs, platform }: LocalSolve,
  ctx: Context,
): Promise<LimitedResult> {
  const solve: Solve = {
    platform: platform ?? { os: "linux", architecture: "amd64" },
    context: directory,
    dockerfile: join(directory, "Dockerfile"),
    ...plainSolve,
    noCache: platform !== undefined,
    delivery: { kind: "none" },
    metadataFile: join(directory, "metadata.json"),
  };
  const { program, args, env } = commandOf(probe.connection, solve);
  const output = `type=local,dest=${join(directory, "out")}`;
  return runLimited(ctx, program, withOutput(args, output), { env, timeoutMs });
}

function withOutput(args: readonly string[], output: string): readonly string[] {
  const at = args.indexOf("type=cacheonly");
  if (at >= 0) return args.with(at, output);
  const metadata = args.indexOf("--metadata-file");
  return [...args.slice(0, metadata), "--output", output, ...args.slice(metadata)];
}

interface Said {
  readonly platforms: readonly Platform[];
  readonly version?: string;
}

const workersSchema = v.array(
  v.looseObject({
    platforms: v.nullish(
      v.array(v.looseObject({ os: v.string(), architecture: v.string(), variant: v.optional(v.string()) })),
    ),
    buildkitVersion: v.nullish(v.looseObject({ version: v.optional(v.string()) })),
  }),
);

async function askPlatforms({ connection }: Probe, tools: FarmTools, ctx: Context): Promise<Said> {
  const { access } = connection;
  const limits = { env: access.env, timeoutMs: tools.probeTimeoutMs };
  if (access.client === "buildx") {
    const args = [...access.prefix, "inspect", access.builder];
    const { platforms, version } = readInspection(
      (await runLimited(ctx, access.program, args, limits)).stdout,
    );
    // What the builder was labelled with is no statement of the daemon's: it is tried out where it is needed.
    return { platforms, ...(version !== undefined && { version }) };
  }
  const args = [...access.globalArgs, "debug", "workers", "--format", "{{json .}}"];
  const { stdout } = await runLimited(ctx, access.program, args, limits);
  return readWorkers(stdout);
}

/** The answer of `buildctl debug workers` in JSON; empty where it is something else. */
export function readWorkers(text: string): Said {
  let workers: v.InferOutput<typeof workersSchema>;
  try {
    workers = v.parse(workersSchema, JSON.parse(text));
  } catch {
    return { platforms: [] };
  }
  // Builds go to the first worker.
  const platforms = (workers[0]?.platforms ?? []).map(({ os, architecture, variant }) =>
    [os, architecture, ...(variant ? [variant] : [])].join("/"),
  );
  const version = workers[0]?.buildkitVersion?.version;
  return { platforms: readPlatforms(platforms), ...(version && { version }) };
}

interface Tried {
  readonly runs: readonly Platform[];
  readonly fails: readonly Platform[];
  /** Of those that run, those that no emulator runs. */
  readonly native: readonly Platform[];
}

/**
 * Runs a tiny program of each platform that is asked for where the list doesn't tell: one of the same CPU family
 * may run natively or emulated, and one that isn't listed may run by an emulator that BuildKit brings along.
 */
async function tryPlatforms(
  probe: Probe,
  native: Platform,
  listed: readonly Platform[],
  tools: FarmTools,
  ctx: Context,
): Promise<Tried> {
  const isListed = (platform: Platform): boolean => listed.some((each) => samePlatform(each, platform));
  const doubtful = probe.platforms.filter(
    (platform) =>
      platform.architecture !== native.architecture &&
      (isSameFamily(platform, native) || !isListed(platform)),
  );
  const results = await Promise.all(
    doubtful.map(async (platform) => ({ platform, how: await tryPlatform(probe, platform, tools, ctx) })),
  );
  const those = (...hows: readonly string[]): readonly Platform[] =>
    results.filter(({ how }) => hows.includes(how)).map(({ platform }) => platform);
  return { runs: those("native", "emulated"), fails: those("fails"), native: those("native") };
}

async function tryPlatform(
  probe: Probe,
  platform: Platform,
  tools: FarmTools,
  ctx: Context,
): Promise<"native" | "emulated" | "fails" | "unknown"> {
  const program = probeProgram(platform);
  if (program === undefined) return "unknown";
  const directory = join(probe.directory, formatPlatform(platform).replaceAll("/", "-"));
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "Dockerfile"), runFile);
  await writeFile(join(directory, "program"), program.bytes, { mode: 0o755 });
  const timeoutMs = tools.probeTimeoutMs;
  const result = await solveLocally(probe, { directory, timeoutMs, platform }, ctx);
  if (result.code !== 0) return "fails";
  if (!program.writesMaps) return "emulated";
  const maps = await readFile(join(directory, "out", "maps"), "utf8").catch(() => "");
  return isNative32(maps) ? "native" : "emulated";
}
