import * as v from "valibot";
import { findBackends } from "../../buildkit/backend.ts";
import { findNodes } from "../../buildkit/discovery.ts";
import type { Node } from "../../buildkit/node.ts";
import { openFarm } from "../../buildkit/open-farm.ts";
import { canRun, runsNatively } from "../../buildkit/platform-family.ts";
import { isAbort } from "../../errors/error.ts";
import { formatPlatform, normalizePlatform, type Platform, samePlatform } from "../../oci/platform.ts";
import type { Examination } from "../check.ts";
import { type Builder, builders } from "./builders.ts";
import { docker, parse } from "./docker.ts";
import { said } from "../probe.ts";
import { machine } from "./machine.ts";

/** A BuildKit that builds may use. */
export interface BuildNode {
  readonly name: string;
  readonly driver: string;
  /** Undefined where only a probe could tell. */
  readonly native?: Platform;
  readonly platforms: readonly Platform[];
  readonly version?: string;
  /** "probed": by builds that ran there; "listed": as buildx says; "stopped": it would have to be started. */
  readonly known: "probed" | "listed" | "stopped";
  /** Whether it can give more than one platform of an image. */
  readonly holdsSeveral: boolean;
}

export interface BuildNodes {
  readonly usable: readonly BuildNode[];
  readonly down: readonly { readonly name: string; readonly why: string; readonly hint?: string }[];
}

const platformSchema = v.pipe(
  v.looseObject({ os: v.string(), architecture: v.string(), variant: v.optional(v.string(), "") }),
  v.transform(({ os, architecture, variant }) => ({ os, architecture, ...(variant !== "" && { variant }) })),
);

/**
 * The builders of the machine and what they can do: those that run here are tried with builds of programs of the asked
 * platforms; nothing is started and no builder is made.
 */
export async function buildNodes(x: Examination): Promise<BuildNodes> {
  const listed = (await x.fact(builders)) ?? [];
  const { containerdStore } = await x.fact(docker);
  const isClassic = ({ driver }: Builder): boolean => driver === "docker" && !containerdStore;
  const probed = x.probe.local ? await probeRunning(listed.filter(isClassic), x) : { usable: [], down: [] };
  const done = new Set([...probed.usable, ...probed.down].map(({ name }) => name));
  const { native } = await x.fact(machine);
  const usable = [...probed.usable, ...(x.probe.local ? [] : await askBuildctl(x))];
  const down = [...probed.down];
  for (const builder of listed) {
    if (!isForBuilds(builder)) continue;
    for (const node of builder.nodes) {
      const name = builder.nodes.length > 1 ? `${builder.name}/${node.name}` : builder.name;
      if (done.has(name)) continue;
      const why = node.error ?? builder.error;
      if (why !== undefined || (builder.driver === "remote" && node.status !== "running")) {
        down.push({ name, why: why ?? `nothing answers at ${node.endpoint}` });
        continue;
      }
      usable.push({
        name,
        driver: builder.driver,
        ...(builder.driver === "docker" && { native }),
        platforms: node.platforms,
        ...(node.version !== undefined && { version: node.version }),
        known: node.status === "running" ? "listed" : "stopped",
        holdsSeveral: !isClassic(builder),
      });
    }
  }
  return { usable, down };
}

const workersSchema = v.array(v.looseObject({ platforms: v.optional(v.array(platformSchema), []) }));

/** The BuildKit of a machine that isn't this one, as its own buildctl says; its first platform is its CPU's. */
async function askBuildctl({ probe }: Examination): Promise<readonly BuildNode[]> {
  const answer = await said(probe, "buildctl", ["debug", "workers", "--format", "{{json .}}"]);
  const platforms = parse(workersSchema, answer ?? "")?.flatMap((worker) => worker.platforms) ?? [];
  const [native] = platforms.map(normalizePlatform);
  if (native === undefined) return [];
  return [
    {
      name: "buildkitd",
      driver: "buildctl",
      native,
      platforms: platforms.map(normalizePlatform),
      known: "listed",
      holdsSeveral: true,
    },
  ];
}

/** Contexts that aren't in use are listed as builders, too. */
function isForBuilds(builder: Builder): boolean {
  if (builder.driver === "") return false;
  return builder.driver !== "docker" || builder.current || builder.name === "default";
}

async function probeRunning(classic: readonly Builder[], x: Examination): Promise<BuildNodes> {
  const { ctx } = x;
  try {
    const found = await findNodes(await findBackends(undefined, ctx), ctx);
    const names = found
      .filter(({ active, spec }) => active && !classic.some(({ name }) => name === spec.name))
      .map(({ spec }) => spec.name);
    if (names.length === 0) return { usable: [], down: [] };
    const request = {
      builders: names.map((endpoint) => ({ endpoint, origin: "config" as const })),
      platforms: x.platforms.map((platform) => ({ platform, optional: false })),
      jobs: 1,
    };
    await using farm = await openFarm(request, { probeTimeoutMs: 8000 }, ctx);
    return {
      usable: farm.nodes.map(nodeOf),
      down: farm.unreachable.map(({ spec, error }) => ({
        name: spec.name,
        why: error.message,
        ...(error.hint !== undefined && { hint: error.hint }),
      })),
    };
  } catch (error) {
    if (isAbort(error) || ctx.signal.aborted) throw error;
    return { usable: [], down: [] }; // Without a client there is nothing to try.
  }
}

function nodeOf({ spec, facts }: Node): BuildNode {
  return {
    name: spec.name,
    driver: facts.driver,
    native: facts.native,
    platforms: [facts.native, ...facts.platforms, ...(facts.nativeToo ?? [])],
    ...(facts.version !== undefined && { version: facts.version }),
    known: "probed",
    holdsSeveral: true,
  };
}

/** How a node would build a platform's RUN instructions; undefined where it can't. Pure. */
export function abilityOf(node: BuildNode, platform: Platform): "native" | "emulated" | "listed" | undefined {
  const { native, platforms } = node;
  if (native === undefined)
    return platforms.some((each) => samePlatform(each, platform)) ? "listed" : undefined;
  const facts = { native, platforms, driver: node.driver, pushByDigest: true, probeMs: 0 };
  if (runsNatively(facts, platform)) return "native";
  return canRun(facts, platform) ? "emulated" : undefined;
}

/** The node that a build of the platform would use: one that runs it natively before one that emulates it. */
export function chooseNode(
  nodes: readonly BuildNode[],
  platform: Platform,
): { readonly node: BuildNode; readonly ability: "native" | "emulated" | "listed" } | undefined {
  const able = nodes.flatMap((node) => {
    const ability = abilityOf(node, platform);
    return ability === undefined ? [] : [{ node, ability }];
  });
  for (const wanted of ["native", "emulated", "listed"] as const) {
    const found = able.find(({ ability }) => ability === wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function listPlatforms(platforms: readonly Platform[]): string {
  const names = [...new Set(platforms.map(formatPlatform))];
  return names.length === 0 ? "none" : names.join(", ");
}
