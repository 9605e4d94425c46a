import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { buildxConfigDir } from "./backend.ts";

const nodeSchema = v.looseObject({ Name: v.string(), Endpoint: v.optional(v.string()) });
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
