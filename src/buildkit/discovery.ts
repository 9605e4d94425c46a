import { existsSync } from "node:fs";
import * as v from "valibot";
import type { Context } from "../host/context.ts";
import type { Backend } from "./backend.ts";
import { listStoredBuilders } from "./buildx-store.ts";
import { parseEndpoint } from "./endpoint.ts";
import type { NodeSpec } from "./node.ts";
import { quiet, runLimited } from "./run-limited.ts";

/** A node that was found, not yet probed. */
export interface FoundNode {
  readonly spec: NodeSpec;
  /** Whether it runs; those that don't are started only when nothing else can build a platform. */
  readonly active: boolean;
}

const nodeSchema = v.looseObject({
  Name: v.optional(v.string()),
  Endpoint: v.optional(v.string()),
  Status: v.optional(v.string()),
  Err: v.optional(v.string()),
});
const builderSchema = v.looseObject({
  Name: v.string(),
  Driver: v.optional(v.string()),
  Current: v.optional(v.boolean()),
  Err: v.optional(v.string()),
  Nodes: v.nullish(v.array(nodeSchema)),
});
type Builder = v.InferOutput<typeof builderSchema>;

/** `buildx ls` connects to all builders and waits up to 20 s for those that are gone. */
const listTimeoutMs = 6000;

/**
 * The nodes that this machine knows: those of the user's builders, the current one first, then $BUILDKIT_HOST and
 * the usual socket of buildkitd. Docker contexts and ssh hosts count only when named.
 */
export async function findNodes(backends: readonly Backend[], ctx: Context): Promise<readonly FoundNode[]> {
  const buildx = backends.find(({ name }) => name === "buildx");
  const builders = buildx === undefined ? [] : await listBuilders(buildx, ctx);
  return [...builders.flatMap(nodesOf), ...findSockets(ctx)];
}

async function listBuilders(buildx: Backend, ctx: Context): Promise<readonly Builder[]> {
  const args = [...buildx.prefix, "ls", "--format", "json"];
  const result = await runLimited(ctx, buildx.program, args, { timeoutMs: listTimeoutMs, env: quiet });
  if (result.code === 0) return readBuilders(result.stdout);
  // One builder that is gone keeps the list from coming: what the store says is enough to probe each by itself.
  return (await listStoredBuilders(ctx)).map(({ name, driver, nodes }) => ({
    Name: name,
    Driver: driver,
    Nodes: nodes.map((node) => ({ Name: node.name, Endpoint: node.endpoint, Status: "running" })),
  }));
}

/** The lines of `buildx ls --format json`, the current builder first. Lines that aren't builders are left out. */
export function readBuilders(text: string): readonly Builder[] {
  const builders = text.split("\n").flatMap((line) => {
    if (!line.startsWith("{")) return [];
    try {
      const parsed = v.safeParse(builderSchema, JSON.parse(line));
      return parsed.success ? [parsed.output] : [];
    } catch {
      return [];
    }
  });
  return builders.toSorted((a, b) => Number(b.Current ?? false) - Number(a.Current ?? false));
}

function nodesOf(builder: Builder): readonly FoundNode[] {
  // Ours were made for an endpoint that was named, and are found by it.
  if (builder.Name.startsWith("anyarch-")) return [];
  // A context whose Docker isn't there is no builder that somebody made.
  if (!builder.Driver) return [];
  // Each docker context is listed as one: only that which is in use counts unless it is named.
  if (builder.Driver === "docker" && builder.Current !== true && builder.Name !== "default") return [];
  const nodes = builder.Nodes ?? [];
  return nodes.map((node) => {
    const single = nodes.length === 1;
    const name = single || node.Name === undefined ? builder.Name : `${builder.Name}/${node.Name}`;
    const endpoint = {
      kind: "builder",
      name: builder.Name,
      ...(!single && node.Name !== undefined && { node: node.Name }),
    } as const;
    // A remote node that can't be reached is "inactive" too: it needs no starting, so that it is probed at once.
    const active = node.Status === "running" || builder.Driver === "remote";
    return { spec: { name, endpoint, origin: "found" }, active };
  });
}

function findSockets(ctx: Context): readonly FoundNode[] {
  const address = ctx.host.env["BUILDKIT_HOST"];
  const usual = [
    "/run/buildkit/buildkitd.sock",
    ...(ctx.host.env["XDG_RUNTIME_DIR"]
      ? [`${ctx.host.env["XDG_RUNTIME_DIR"]}/buildkit/buildkitd.sock`]
      : []),
  ].filter((path) => existsSync(path));
  const endpoints = new Set([...(address ? [address] : []), ...usual.map((path) => `unix://${path}`)]);
  return [...endpoints].map((text) => ({
    spec: { name: text, endpoint: parseEndpoint(text, ctx.host.cwd), origin: "found" },
    active: true,
  }));
}
