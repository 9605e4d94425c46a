import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { buildxConfigDir } from "./backend.ts";
import { parseEndpoint } from "./endpoint.ts";
import type { Endpoint } from "./node.ts";

const nodeSchema = v.looseObject({
  Name: v.string(),
  Endpoint: v.optional(v.string()),
  DriverOpts: v.nullish(v.record(v.string(), v.string())),
});
const builderSchema = v.looseObject({
  Name: v.string(),
  Driver: v.string(),
  Nodes: v.array(nodeSchema),
});

/** A builder's definition in the user's store (docker/buildx, store/nodegroup.go). */
export interface StoredBuilder {
  readonly name: string;
  readonly driver: string;
  readonly nodes: readonly {
    readonly name: string;
    readonly endpoint?: string;
    readonly driverOpts: Readonly<Record<string, string>>;
    readonly definition: unknown;
  }[];
  readonly definition: Readonly<Record<string, unknown>>;
}

/** Undefined where the store has none of the name, or nothing that can be read. */
export async function readStoredBuilder(name: string, ctx: Context): Promise<StoredBuilder | undefined> {
  try {
    const path = join(buildxConfigDir(ctx), "instances", name);
    const definition = v.parse(builderSchema, JSON.parse(await readFile(path, "utf8")));
    const nodes = definition.Nodes.map((node) => ({
      name: node.Name,
      ...(node.Endpoint !== undefined && { endpoint: node.Endpoint }),
      driverOpts: node.DriverOpts ?? {},
      definition: node,
    }));
    return { name: definition.Name, driver: definition.Driver, nodes, definition };
  } catch (error) {
    if (isAbort(error)) throw error;
    return undefined;
  }
}

export async function listStoredBuilders(ctx: Context): Promise<readonly StoredBuilder[]> {
  const names = await readdir(join(buildxConfigDir(ctx), "instances")).catch(() => []);
  const builders = await Promise.all(names.map((name) => readStoredBuilder(name, ctx)));
  return builders.filter((builder) => builder !== undefined);
}

/**
 * Where a node of the remote driver is, so that the way to it can be tried without buildx, which waits 20 s in silence;
 * undefined for other drivers and for what isn't understood.
 */
export async function remoteEndpoint(
  { name, node }: Extract<Endpoint, { readonly kind: "builder" }>,
  ctx: Context,
): Promise<Endpoint | undefined> {
  const stored = await readStoredBuilder(name, ctx);
  if (stored?.driver !== "remote") return undefined;
  const found = stored.nodes.find((each) => node === undefined || each.name === node);
  if (found?.endpoint === undefined) return undefined;
  try {
    const endpoint = parseEndpoint(found.endpoint, ctx.host.cwd);
    if (endpoint.kind === "builder" || endpoint.kind === "context") return undefined;
    if (endpoint.kind !== "tcp") return endpoint;
    const { cacert: ca, cert, key, servername: serverName } = found.driverOpts;
    const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    const tls = { ...files, ...(serverName && { serverName }) };
    return Object.keys(tls).length > 0 ? { ...endpoint, tls } : endpoint;
  } catch {
    return undefined; // A form that only buildx knows: it will say what is wrong.
  }
}
