import { join } from "node:path";
import { stageFlow } from "../dockerfile/flow.ts";
import type { Context } from "../host/context.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import { prepareIn } from "./attempt.ts";
import type { DockerfileBuildOptions } from "./build-options.ts";
import { buildPlatforms } from "./build-platforms.ts";
import type { DockerfileBuildResult } from "./build-result.ts";
import { chooseDelivery } from "./delivery.ts";
import type { DockerfilePlan, PlannedHazard } from "./dockerfile-plan.ts";
import { keepOutputsOut } from "./keep-outputs-out.ts";
import type { Farm } from "./node.ts";
import { makeOwnedTempDir } from "./owned-temp-dir.ts";
import { placePlatforms } from "./place.ts";
import { hazardsFor, warnBeforeBuild, withRelevantHazards } from "./plan-hazards.ts";
import { probedFarm } from "./probed-farm.ts";
import { publishPlatforms } from "./publish-platforms.ts";
import { readDockerfile, type ReadDockerfile } from "./read-dockerfile.ts";
import { solveFor } from "./solve-for.ts";

/** Stands for the directory of a build's files in commands that are only shown. */
const shownWorkspace = "/tmp/anyarch";

/** Finds and probes the builders and says what would be built where; builds nothing but the probes. */
export async function planDockerfile(
  request: DockerfileRequest,
  options: DockerfileBuildOptions,
  ctx: Context,
): Promise<DockerfilePlan> {
  const read = readDockerfile(request.dockerfile);
  const [opened, hazards] = await probeAndCheck(request, options, read, ctx);
  await using farm = opened;
  return place(request, read, farm, hazards);
}

/**
 * The Dockerfile engine: read, probe, place, build, publish. Nothing is built where a required platform has no
 * builder, and nothing is published that isn't complete or wasn't allowed to be partial. Whatever happens, temporary
 * builders and files are removed.
 */
export async function buildDockerfile(
  request: DockerfileRequest,
  options: DockerfileBuildOptions,
  ctx: Context,
): Promise<DockerfileBuildResult> {
  const read = readDockerfile(request.dockerfile);
  const [opened, hazards] = await probeAndCheck(request, options, read, ctx);
  await using farm = opened;
  const plan = place(request, read, farm, hazards);
  warnBeforeBuild(plan, ctx);
  await using workspace = await makeOwnedTempDir();
  const solved = await keepOutputsOut(request, workspace.path, ctx.host.cwd);
  const prepare = prepareIn(workspace.path, solved, options.stores);
  const outcomes = await buildPlatforms(plan, farm, { ...request, dockerfileText: read.text }, prepare, ctx);
  // Awaited here: the workspace must outlive it.
  return await publishPlatforms(outcomes, plan, request, options.stores, ctx);
}

async function probeAndCheck(
  request: DockerfileRequest,
  options: DockerfileBuildOptions,
  { text }: ReadDockerfile,
  ctx: Context,
): Promise<readonly [Farm, readonly PlannedHazard[]]> {
  const [farm, hazards] = await Promise.allSettled([
    probedFarm(request, options, ctx),
    hazardsFor(request, text, ctx.host.cwd),
  ]);
  if (farm.status === "rejected") throw farm.reason;
  if (hazards.status === "fulfilled") return [farm.value, hazards.value];
  await farm.value[Symbol.asyncDispose]();
  throw hazards.reason;
}

/** Throws BUILDER_LACKS_PLATFORM, and what the only node for a platform failed with. */
function place(
  request: DockerfileRequest,
  { dockerfile }: ReadDockerfile,
  farm: Farm,
  hazards: readonly PlannedHazard[],
): DockerfilePlan {
  const plan = placePlatforms(request, dockerfile, farm, {
    flow: stageFlow,
    hazards,
    solve: (requested, node) =>
      solveFor(
        request,
        requested,
        chooseDelivery(request, node, requested.platform, shownWorkspace),
        join(shownWorkspace, "metadata.json"),
      ),
  });
  return withRelevantHazards(plan);
}
