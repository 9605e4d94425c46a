import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Backend } from "./backend.ts";
import { readInspection } from "./buildx-inspect.ts";
import { readStoredBuilder } from "./buildx-store.ts";
import type { Connection, FarmTools } from "./connection.ts";
import type { Endpoint } from "./node.ts";
import { clientFailure, unreachable } from "./node-failure.ts";
import { quiet, runLimited } from "./run-limited.ts";

type Env = Readonly<Record<string, string>>;

/**
 * A builder of the remote driver, with one node, in a store of its own in our temporary directory: the user's store
 * never sees it, so that nothing can be left there.
 */
export async function openRemoteBuilder(
  endpoint: Exclude<Endpoint, { readonly kind: "context" | "builder" }>,
  buildx: Backend,
  tools: FarmTools,
): Promise<Connection> {
  const name = `anyarch-${fingerprint(endpoint)}`;
  const env = { ...tools.config.env, ...quiet, BUILDX_CONFIG: await tools.config.privateStore(name) };
  const options = endpoint.kind === "tcp" ? tlsOptions(endpoint) : {};
  // As `buildx create --driver remote` writes it (store/nodegroup.go); a process less for each node.
  const node = { Name: `${name}0`, Endpoint: endpoint.url, DriverOpts: options };
  const definition = { Name: name, Driver: "remote", Nodes: [node], Dynamic: false };
  await mkdir(join(env.BUILDX_CONFIG, "instances"), { recursive: true });
  await writeFile(join(env.BUILDX_CONFIG, "instances", name), JSON.stringify(definition));
  return {
    driver: "remote",
    boots: false,
    access: { client: "buildx", program: buildx.program, prefix: buildx.prefix, builder: name, env },
    [Symbol.asyncDispose]: async () => {},
  };
}

function tlsOptions(endpoint: Extract<Endpoint, { readonly kind: "tcp" }>): Env {
  const { ca, cert, key, serverName } = endpoint.tls ?? {};
  const options = { cacert: ca, cert, key, servername: serverName };
  return Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/**
 * A BuildKit container on another machine's Docker, by `target`: an address or a context's name. It holds a cache
 * that is worth keeping: the builder stays in the user's store under our name and is found again, unless
 * `keepBuilders` is false. Never the current builder.
 */
export async function openContainerBuilder(
  nodeName: string,
  target: string,
  buildx: Backend,
  tools: FarmTools,
  ctx: Context,
): Promise<Connection> {
  const image = ctx.host.env["ANYARCH_BUILDKIT_IMAGE"];
  const extra = ctx.host.env["ANYARCH_BUILDKIT_DRIVER_OPTS"];
  const options = [...(image ? [`image=${image}`] : []), ...(extra ? [extra] : [])];
  const name = `anyarch-${fingerprint({ target, options })}`;
  const env = { ...tools.config.env, ...quiet };
  const existing = await inspect(buildx, name, env, tools, ctx);
  if (existing !== undefined && (existing.driver !== "docker-container" || existing.endpoint !== target))
    await remove(buildx, name, env, ctx);
  if (existing?.endpoint !== target || existing.driver !== "docker-container") {
    const driver = ["--driver", "docker-container", ...options.flatMap((option) => ["--driver-opt", option])];
    await create(nodeName, buildx, ["--name", name, ...driver, target], { env, tools, ctx });
  }
  return {
    driver: "docker-container",
    boots: true,
    access: { client: "buildx", program: buildx.program, prefix: buildx.prefix, builder: name, env },
    [Symbol.asyncDispose]: async () => {
      if (tools.options.keepBuilders === false) await remove(buildx, name, env, ctx);
    },
  };
}

/**
 * A builder of the user's, used by a copy of its definition in a store of ours: buildx notes in the store what was
 * built when, and the user's is to stay as it is. One with several nodes is narrowed to one of them, because buildx
 * itself can't be told which node is to build.
 */
export async function openUserBuilder(
  nodeName: string,
  endpoint: Extract<Endpoint, { readonly kind: "builder" }>,
  buildx: Backend,
  tools: FarmTools,
  ctx: Context,
): Promise<Connection> {
  const stored = await readStoredBuilder(endpoint.name, ctx);
  const node = stored?.nodes.find(({ name }) => name === (endpoint.node ?? stored.nodes[0]?.name));
  if (stored !== undefined && node === undefined) throw noSuchNode(nodeName, endpoint, stored.nodes);
  const store = await tools.config.privateStore(`${endpoint.name}-${node?.name ?? "context"}`);
  if (stored !== undefined && node !== undefined) {
    await mkdir(join(store, "instances"), { recursive: true });
    const definition = { ...stored.definition, Nodes: [node.definition] };
    await writeFile(join(store, "instances", endpoint.name), JSON.stringify(definition));
  }
  const env: Env = { ...tools.config.env, ...quiet, BUILDX_CONFIG: store };
  const inspection = stored ?? (await inspect(buildx, endpoint.name, env, tools, ctx));
  if (inspection === undefined)
    throw unreachable(
      nodeName,
      "buildx knows no such builder, or it doesn't answer",
      undefined,
      "`docker buildx ls` shows the builders; write ssh://HOST for a machine.",
    );
  if (inspection.driver === "docker" && !(await keepsImagesInContainerd(endpoint.name, tools, ctx)))
    return openContainerBuilder(nodeName, endpoint.name, buildx, tools, ctx);
  return {
    driver: inspection.driver,
    boots: inspection.driver === "docker-container" || inspection.driver === "kubernetes",
    access: { client: "buildx", program: buildx.program, prefix: buildx.prefix, builder: endpoint.name, env },
    [Symbol.asyncDispose]: async () => {},
  };
}

/**
 * Docker's own BuildKit can only export what its image store can hold: with the classic store one platform, and no
 * layout. A BuildKit container on the same Docker takes its place then.
 */
async function keepsImagesInContainerd(name: string, tools: FarmTools, ctx: Context): Promise<boolean> {
  const context = name === "default" ? [] : ["--context", name];
  const args = [...context, "info", "--format", "{{json .DriverStatus}}"];
  const limits = { env: tools.config.env, timeoutMs: tools.probeTimeoutMs };
  const result = await runLimited(ctx, "docker", args, limits).catch((error: unknown) => {
    if (isAbort(error) || ctx.signal.aborted) throw error;
    return undefined; // buildx without docker.
  });
  return result?.stdout.includes("io.containerd.snapshotter.v1") === true;
}

function noSuchNode(
  nodeName: string,
  { name, node }: Extract<Endpoint, { readonly kind: "builder" }>,
  nodes: readonly { readonly name: string }[],
): Error {
  const has = nodes.map((each) => each.name).join(", ");
  return unreachable(nodeName, `the builder ${name} has no node ${node} (it has ${has})`);
}

/** Names a builder after what it is, so that making it again finds it. */
function fingerprint(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 12);
}

async function create(
  nodeName: string,
  { program, prefix }: Backend,
  args: readonly string[],
  { env, tools, ctx }: { readonly env: Env; readonly tools: FarmTools; readonly ctx: Context },
): Promise<void> {
  const timeoutMs = tools.probeTimeoutMs;
  const result = await runLimited(ctx, program, [...prefix, "create", ...args], { env, timeoutMs });
  if (result.timedOut) throw unreachable(nodeName, "making a builder for it took too long");
  // Another process made the same one at the same moment: as good.
  if (result.code === 0 || result.stderr.includes("existing instance")) return;
  throw clientFailure(nodeName, result.stderr);
}

async function inspect(
  { program, prefix }: Backend,
  name: string,
  env: Env,
  { probeTimeoutMs: timeoutMs }: FarmTools,
  ctx: Context,
): Promise<{ readonly driver: string; readonly endpoint?: string } | undefined> {
  const result = await runLimited(ctx, program, [...prefix, "inspect", name], { env, timeoutMs });
  if (result.code !== 0) return undefined;
  return readInspection(result.stdout);
}

/** Also after Ctrl-C: what was made has to go. */
async function remove({ program, prefix }: Backend, name: string, env: Env, ctx: Context): Promise<void> {
  await ctx.host
    .exec(program, [...prefix, "rm", "--force", name], { env, timeoutMs: 30_000 })
    .catch(() => undefined);
}
