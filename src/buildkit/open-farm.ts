import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AnyarchError, isAbort, toAnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Platform } from "../oci/platform.ts";
import type { BuilderOption } from "../plan/builder-request.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import { findBackends } from "./backend.ts";
import { readStoredBuilder } from "./buildx-store.ts";
import { makeClientConfig } from "./client-config.ts";
import { commandOf, connect, type Connection, type FarmOptions, type FarmTools } from "./connection.ts";
import { findNodes, type FoundNode } from "./discovery.ts";
import { parseEndpoint } from "./endpoint.ts";
import { lostNode } from "./lost-node.ts";
import type { Farm, Node, NodeSpec, UnreachableNode } from "./node.ts";
import { isEligible } from "./node-fit.ts";
import { canRun } from "./platform-family.ts";
import { probeNode } from "./probe-node.ts";

export type { FarmOptions } from "./connection.ts";

interface OpenNode extends Node {
  readonly connection: Connection;
}

/**
 * Finds the nodes that may build: those of `request.builders`, and where they leave a platform out, or there are none,
 * what this machine knows. All are probed side by side, each step within a time limit; what doesn't work is kept with
 * its error. A farm without a node is a result too. Throws BUILDER_TOOL_MISSING without a client, BUILDER_INVALID for
 * a malformed endpoint. Disposing of the farm removes everything temporary.
 */
export async function openFarm(
  request: Pick<DockerfileRequest, "builders" | "platforms" | "jobs"> &
    Partial<Pick<DockerfileRequest, "fallback">>,
  options: FarmOptions,
  ctx: Context,
): Promise<Farm> {
  const given = mergeSame(request.builders.map((builder) => specOf(builder, ctx.host.cwd)));
  const backends = await findBackends(options.backend, ctx);
  const config = await makeClientConfig(options.credentials ?? {}, ctx);
  const tools: FarmTools = {
    backends,
    config,
    options,
    probeTimeoutMs: options.probeTimeoutMs ?? 10_000,
    bootTimeoutMs: options.bootTimeoutMs ?? 180_000,
  };
  const opener = new Opener(
    tools,
    { platforms: request.platforms.map(({ platform }) => platform), standIn: request.fallback === "emulate" },
    ctx,
  );
  try {
    const specs = (await Promise.all(given.map((spec) => expand(spec, ctx)))).flat();
    await opener.open(specs);
    if (!coversAll(given, request.platforms)) {
      const known = new Set(specs.map(({ endpoint }) => JSON.stringify(endpoint)));
      const found = await findNodes(backends, ctx);
      await openFound(
        found.filter(({ spec }) => !known.has(JSON.stringify(spec.endpoint))),
        opener,
      );
    }
  } catch (error) {
    await opener.close();
    throw error;
  }
  return {
    backend: { name: backends[0].name, version: backends[0].version },
    nodes: opener.nodes,
    unreachable: opener.unreachable,
    lost: (node, context) => lostNode(node.spec, (node as OpenNode).connection, context),
    [Symbol.asyncDispose]: () => opener.close(),
  };
}

/** Running nodes first; those that would have to be started only for platforms that are still without a node. */
async function openFound(found: readonly FoundNode[], opener: Opener): Promise<void> {
  await opener.open(found.filter(({ active }) => active).map(({ spec }) => spec));
  if (opener.canRunAll()) return;
  await opener.open(found.filter(({ active }) => !active).map(({ spec }) => spec));
}

/** Whether some builder was given for each platform: `--builder linux/arm64=…` leaves the others to what is found. */
function coversAll(given: readonly NodeSpec[], platforms: DockerfileRequest["platforms"]): boolean {
  return (
    given.length > 0 && platforms.every(({ platform }) => given.some((spec) => isEligible(spec, platform)))
  );
}

function specOf({ endpoint, platforms, origin }: BuilderOption, cwd: string): NodeSpec {
  const parsed = parseEndpoint(endpoint, cwd);
  // Where the keys lie is of no interest in reports.
  const name = endpoint.trim().replace(/\?.*$/s, "");
  return { name, endpoint: parsed, ...(platforms !== undefined && { platforms }), origin };
}

/** One machine that is named for several platforms is one node: it is probed once and runs one builder. */
function mergeSame(specs: readonly NodeSpec[]): readonly NodeSpec[] {
  const merged = new Map<string, NodeSpec>();
  for (const each of specs) {
    const key = JSON.stringify(each.endpoint);
    const others = [...merged].filter(([other]) => other !== key).map(([, { name }]) => name);
    const spec = { ...each, name: uniqueName(each.name, others) };
    const known = merged.get(key);
    if (known === undefined) {
      merged.set(key, spec);
      continue;
    }
    const { platforms: before, ...rest } = known;
    const both =
      before === undefined || spec.platforms === undefined ? undefined : [...before, ...spec.platforms];
    merged.set(key, { ...rest, ...(both !== undefined && { platforms: both }) });
  }
  return [...merged.values()];
}

/** The same address with other certificates is another builder: "tcp://host:1234 (2)". */
function uniqueName(name: string, taken: readonly string[]): string {
  let unique = name;
  for (let count = 2; taken.includes(unique); count++) unique = `${name} (${count})`;
  return unique;
}

/** Each node of a builder that has several is a machine of its own. */
async function expand(spec: NodeSpec, ctx: Context): Promise<readonly NodeSpec[]> {
  const { endpoint } = spec;
  if (endpoint.kind !== "builder" || endpoint.node !== undefined) return [spec];
  const nodes = (await readStoredBuilder(endpoint.name, ctx))?.nodes ?? [];
  if (nodes.length < 2) return [spec];
  return nodes.map(({ name }) => ({
    ...spec,
    name: `${endpoint.name}/${name}`,
    endpoint: { ...endpoint, node: name },
  }));
}

interface Wanted {
  readonly platforms: readonly Platform[];
  /** Whether nodes that were named for other platforms may stand in. */
  readonly standIn: boolean;
}

class Opener {
  readonly nodes: OpenNode[] = [];
  readonly unreachable: UnreachableNode[] = [];
  readonly #connections: Connection[] = [];
  readonly #tools: FarmTools;
  readonly #wanted: Wanted;
  readonly #ctx: Context;
  #count = 0;

  constructor(tools: FarmTools, wanted: Wanted, ctx: Context) {
    this.#tools = tools;
    this.#wanted = wanted;
    this.#ctx = ctx;
  }

  canRunAll(): boolean {
    return this.#wanted.platforms.every((platform) =>
      this.nodes.some(({ facts }) => canRun(facts, platform)),
    );
  }

  /** Probes side by side; the order of the specs stays that of the nodes. */
  async open(specs: readonly NodeSpec[]): Promise<void> {
    const results = await Promise.allSettled(specs.map((spec) => this.#openOne(spec)));
    // Cancelled: all have ended, nothing goes on in the background.
    this.#ctx.signal.throwIfAborted();
    for (const [index, result] of results.entries()) {
      const spec = specs[index];
      if (result.status === "fulfilled") this.nodes.push(result.value);
      else if (spec !== undefined) this.unreachable.push({ spec, error: asNodeError(spec, result.reason) });
    }
  }

  async #openOne(spec: NodeSpec): Promise<OpenNode> {
    const number = this.#count++;
    const connection = await connect(spec, this.#tools, this.#ctx);
    this.#connections.push(connection);
    const directory = join(this.#tools.config.directory, `probe-${number}`);
    await mkdir(directory);
    const platforms = this.#wanted.platforms.filter(
      (platform) => this.#wanted.standIn || isEligible(spec, platform),
    );
    const facts = await probeNode(
      { name: spec.name, connection, platforms, directory },
      this.#tools,
      this.#ctx,
    );
    return {
      spec,
      facts,
      connection,
      command: (solve) => commandOf(connection, solve),
      [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
    };
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#connections.map((connection) => connection[Symbol.asyncDispose]()));
    this.#connections.length = 0;
    await this.#tools.config[Symbol.asyncDispose]();
  }
}

function asNodeError(spec: NodeSpec, error: unknown): AnyarchError {
  if (isAbort(error)) throw error;
  const known = toAnyarchError(error);
  if (known.code !== "INTERNAL") return known;
  return new AnyarchError("BUILDER_UNREACHABLE", `${spec.name} can't be used: ${known.message}`, {
    cause: error,
  });
}
