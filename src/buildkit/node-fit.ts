import type { StageRun } from "../dockerfile/stage-flow.ts";
import { formatPlatform, samePlatform, type Platform } from "../oci/platform.ts";
import type { Placement } from "./dockerfile-plan.ts";
import type { Node, NodeSpec } from "./node.ts";
import { canRun, runsNatively } from "./platform-family.ts";

/** How a node would build a platform. */
export interface Fit {
  readonly node: Node;
  /** Whether it was given for just this platform. */
  readonly named: boolean;
  readonly placement: Placement;
  readonly why: string;
  readonly emulatedStages: readonly string[];
}

/** Whether a node may be asked for a platform at all: those named for others aren't. */
export function isEligible(spec: NodeSpec, platform: Platform): boolean {
  return spec.platforms === undefined || isNamedFor(spec, platform);
}

export function isNamedFor(spec: NodeSpec, platform: Platform): boolean {
  return spec.platforms?.some((each) => samePlatform(each, platform)) === true;
}

/**
 * Undefined where the node can't build the platform. `runs` are the stages as this node would build them. With
 * `standIn` a node that was named for others is taken too.
 */
export function weighNode(
  node: Node,
  platform: Platform,
  runs: readonly StageRun[],
  standIn = false,
): Fit | undefined {
  const { spec, facts } = node;
  if (!standIn && !isEligible(spec, platform)) return undefined;
  const running = runs.filter((run) => run.needed && run.runs.length > 0);
  const foreign = running.filter((run) => !runsNatively(facts, run.platform));
  if (!foreign.every((run) => canRun(facts, run.platform))) return undefined;
  const emulatedStages = foreign.map(({ stage }) => stage.name ?? String(stage.index));
  const fit = { node, named: isNamedFor(spec, platform), emulatedStages };
  const [native, wanted] = [formatPlatform(facts.native), formatPlatform(platform)];
  if (foreign.length > 0) {
    const emulated = [...new Set(foreign.map((run) => formatPlatform(run.platform)))].join(", ");
    return { ...fit, placement: "emulated", why: `the node is ${native} and runs ${emulated} by emulation` };
  }
  if (!runsNatively(facts, platform)) {
    const why =
      running.length === 0
        ? "no stage that is needed has a RUN instruction"
        : `all RUN instructions are in stages of the build platform (${native})`;
    return { ...fit, placement: "cross", why };
  }
  const mode32 = facts.native.architecture !== platform.architecture;
  const why = mode32
    ? `the node is ${native} and runs ${wanted} natively (32-bit mode)`
    : `the node is ${native}${wanted === native ? "" : ` and runs ${wanted} natively`}`;
  return { ...fit, placement: "native", why };
}
