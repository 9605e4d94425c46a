import type { Dockerfile } from "../dockerfile/dockerfile.ts";
import type { StageFlow } from "../dockerfile/stage-flow.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import { familiarReference } from "../oci/reference.ts";
import type { OmittedPlatform } from "../plan/build-plan.ts";
import type { DockerfileRequest, RequestedPlatform } from "../plan/dockerfile-request.ts";
import type { AnyarchError } from "../errors/error.ts";
import { balance } from "./balance.ts";
import type {
  Candidate,
  DockerfilePlan,
  PlacedPlatform,
  PlannedHazard,
  PlannedNode,
} from "./dockerfile-plan.ts";
import { describeNode, lacksPlatform } from "./lacking-platform.ts";
import type { Farm, Node } from "./node.ts";
import { isNamedFor, weighNode, type Fit } from "./node-fit.ts";
import { withoutSecrets } from "./secret-args.ts";
import { shellWord } from "./shell-words.ts";
import type { Command, Solve } from "./solve.ts";

export interface PlacementOptions {
  readonly flow: StageFlow;
  readonly hazards: readonly PlannedHazard[];
  readonly solve: (platform: RequestedPlatform, node: Node) => Solve;
}

/**
 * Decides which node builds which platform, and which stand in; pure. Nodes named for a platform come first, then
 * native ones, then those on which nothing of the platform has to run, then emulating ones unless that is off. For a
 * builder that needn't emulate, one that does stands in with `--fallback emulate` only. Equal nodes share the platforms. Throws BUILDER_LACKS_PLATFORM, or the error of the node that was named for it, for a
 * required platform that nobody can build; optional ones, and all with `--fallback available`, are left out.
 */
export function placePlatforms(
  request: DockerfileRequest,
  dockerfile: Dockerfile,
  farm: Farm,
  options: PlacementOptions,
): DockerfilePlan {
  const fits = request.platforms.map((requested) => ({
    requested,
    fits: rank(requested, request, dockerfile, farm, options.flow),
  }));
  const placeable = fits.filter((each) => each.fits.length > 0);
  const lacking = fits.filter((each) => each.fits.length === 0).map(({ requested }) => requested);
  const omitted = omit(lacking, placeable.length > 0, request, farm);
  const chosen = balance(
    placeable.map((each) => best(each.fits).map(({ node }) => farm.nodes.indexOf(node))),
  );
  return {
    schema: "anyarch.plan/v1",
    engine: "buildkit",
    dockerfile: request.dockerfile,
    context: request.context,
    ...(request.target !== undefined && { target: request.target }),
    backend: { name: farm.backend.name, version: farm.backend.version },
    nodes: planNodes(farm),
    platforms: placeable.map(({ requested, fits: ranked }, index) => {
      const first = ranked.find(({ node }) => node === farm.nodes[chosen[index] ?? -1]);
      const others = ranked.filter((fit) => fit !== first);
      return placed(requested, first === undefined ? others : [first, ...others], options);
    }),
    omitted,
    tags: request.tags.map(familiarReference),
    push: request.push,
    outputs: request.outputs,
    hazards: options.hazards,
  };
}

const order = { native: 0, cross: 1, emulated: 2 } as const;

/** Lower is better; equal nodes may swap. */
function rankOf({ placement, named }: Fit): number {
  return (named ? 0 : 10) + order[placement];
}

function best(ranked: readonly Fit[]): readonly Fit[] {
  const [first] = ranked;
  return first === undefined ? [] : ranked.filter((fit) => rankOf(fit) === rankOf(first));
}

/** The nodes that can build a platform, best first. */
function rank(
  { platform }: RequestedPlatform,
  request: DockerfileRequest,
  dockerfile: Dockerfile,
  farm: Farm,
  flow: StageFlow,
): readonly Fit[] {
  const buildArgs = { ...request.buildArgs, ...request.platformBuildArgs[formatPlatform(platform)] };
  const emulate = request.fallback === "emulate";
  const ranked = farm.nodes
    .flatMap((node) => {
      const runs = flow(dockerfile, {
        target: request.target,
        buildArgs,
        buildPlatform: node.facts.native,
        targetPlatform: platform,
      });
      const fit = weighNode(node, platform, runs, emulate);
      return fit === undefined || (fit.placement === "emulated" && !request.emulation && !emulate)
        ? []
        : [fit];
    })
    .toSorted((a, b) => rankOf(a) - rankOf(b)); // Stable: the order of preference stays.
  if (emulate) return ranked;
  const better =
    ranked.some(({ placement }) => placement !== "emulated") ||
    farm.unreachable.some(({ spec }) => isNamedFor(spec, platform));
  return better ? ranked.filter(({ placement, named }) => placement !== "emulated" || named) : ranked;
}

function omit(
  lacking: readonly RequestedPlatform[],
  someAreLeft: boolean,
  request: DockerfileRequest,
  farm: Farm,
): readonly OmittedPlatform[] {
  const emulation = request.emulation || request.fallback === "emulate";
  const failures = lacking.map((requested) => ({
    requested,
    error: lacksPlatform(requested.platform, farm, emulation),
  }));
  const required = failures.find(({ requested }) => !requested.optional && request.fallback !== "available");
  const fatal = required ?? (someAreLeft ? undefined : failures[0]);
  if (fatal !== undefined) throw fatal.error;
  return failures.map(({ requested, error }) => describeOmission(formatPlatform(requested.platform), error));
}

function describeOmission(platform: string, { code, message, hint }: AnyarchError): OmittedPlatform {
  return { platform, code, message, ...(hint !== undefined && { hint }) };
}

function planNodes({ nodes, unreachable }: Farm): readonly PlannedNode[] {
  return [
    ...nodes.map(({ spec, facts }) => ({
      name: spec.name,
      native: formatPlatform(facts.native),
      platforms: facts.platforms.map(formatPlatform),
      driver: facts.driver,
      ...(facts.version !== undefined && { version: facts.version }),
    })),
    ...unreachable.map(({ spec, error }) => ({
      name: spec.name,
      platforms: (spec.platforms ?? []).map(formatPlatform),
      unreachable: describeNode(spec, error),
    })),
  ];
}

function placed(
  requested: RequestedPlatform,
  fits: readonly Fit[],
  { solve }: PlacementOptions,
): PlacedPlatform {
  return {
    platform: formatPlatform(requested.platform),
    optional: requested.optional,
    ...emulationWarning(requested.platform, fits[0]),
    candidates: fits.map(({ node, placement, why, emulatedStages }): Candidate => ({
      node: node.spec.name,
      placement,
      why,
      emulatedStages,
      command: printCommand(node.command(shown(solve(requested, node)))),
    })),
  };
}

function emulationWarning(platform: Platform, first: Fit | undefined): Pick<PlacedPlatform, "warning"> {
  if (first?.placement !== "emulated") return {};
  const name = formatPlatform(platform);
  const stages = `stage${first.emulatedStages.length > 1 ? "s" : ""} ${first.emulatedStages.join(", ")}`;
  return {
    warning: [
      `${name} is emulated on ${first.node.spec.name}: the RUN instructions of ${stages} take 2 to 4 times as long`,
      "or far longer (compilers), with more memory and CPU, and some programs crash under QEMU.",
      `A builder of that platform (--builder ${name}=ssh://USER@HOST) or a stage FROM --platform=$BUILDPLATFORM avoids it.`,
    ].join(" "),
  };
}

function shown(solve: Solve): Solve {
  return { ...solve, buildArgs: withoutSecrets(solve.buildArgs) };
}

/** Set for every client so that it behaves; of no interest to a reader. */
const unprinted: ReadonlySet<string> = new Set(["LC_ALL", "SSH_ASKPASS_REQUIRE"]);

/** A command as a shell takes it. */
export function printCommand({ program, args, env }: Command): string {
  const variables = Object.entries(env)
    .filter(([name]) => !unprinted.has(name))
    .map(([name, value]) => `${name}=${shellWord(value)}`);
  return [...variables, shellWord(program), ...args.map(shellWord)].join(" ");
}
