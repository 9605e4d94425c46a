import { AnyarchError } from "../errors/error.ts";
import { runTask } from "../events/task.ts";
import { Limiter } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import { type BuildLimits, buildPlatform, type PlatformJob } from "./build-platform.ts";
import type { DockerfilePlan, PlacedPlatform } from "./dockerfile-plan.ts";
import type { Farm } from "./node.ts";
import { NodeStates } from "./node-states.ts";
import type { PlatformFailed, PlatformOutcome } from "./outcome.ts";
import type { Prepare } from "./prepared-solve.ts";

/** The request's limits, and the Dockerfile's text for the fixes that are proposed. */
export type BuildPlatformsRequest = BuildLimits & { readonly dockerfileText?: string };

/**
 * Builds the plan's platforms, each in a process of its own, `request.jobs` at a time; outcomes are in the plan's
 * order. A platform that fails on one node may be tried on the next, emulating ones included where the plan has them
 * (failover.ts says when). Where a required platform can't be built and no partial result is wanted, the others are
 * cancelled. Throws what `ctx.signal` was aborted with; no process is left then.
 */
export async function buildPlatforms<Result>(
  plan: DockerfilePlan,
  farm: Farm,
  request: BuildPlatformsRequest,
  prepare: Prepare<Result>,
  ctx: Context,
): Promise<readonly PlatformOutcome<Result>[]> {
  const limiter = new Limiter(request.jobs);
  const nodes = new NodeStates();
  const stop = new AbortController();
  const shared: Context = { ...ctx, signal: AbortSignal.any([ctx.signal, stop.signal]) };
  const building = new Set(plan.platforms.map(({ platform }) => platform));
  const outcomes = await Promise.all(
    plan.platforms.map(async (placed): Promise<PlatformOutcome<Result>> => {
      const shown = { placed, farm, request, prepare, limiter, nodes, dockerfile: request.dockerfileText };
      const outcome = await asTask(shown, shared);
      building.delete(placed.platform);
      if (outcome.ok || outcome.optional || request.fallback === "available") return outcome;
      if (shared.signal.aborted) return outcome;
      sayCancelled(placed, [...building], ctx);
      stop.abort(
        new AnyarchError("CANCELLED", `Cancelled, because ${placed.platform} failed.`, {
          details: { because: placed.platform },
        }),
      );
      return outcome;
    }),
  );
  ctx.signal.throwIfAborted();
  return outcomes;
}

/** The task starts before the platform's turn comes, so that whoever shows it knows all platforms from the start. */
async function asTask<Result>(
  job: Omit<PlatformJob<Result>, "parent">,
  ctx: Context,
): Promise<PlatformOutcome<Result>> {
  const { placed } = job;
  const [first] = placed.candidates;
  const name = `build on ${first?.node ?? "no builder"}, ${first?.placement ?? "unplaced"}`;
  let failed: PlatformFailed | undefined;
  try {
    return await runTask(ctx.emit, name, { platform: placed.platform }, async (task) => {
      const outcome = await buildPlatform({ ...job, parent: task.id }, ctx);
      if (!outcome.ok) {
        failed = outcome;
        throw outcome.error;
      }
      if (outcome.node !== first?.node) task.detail(`then on ${outcome.node}, ${outcome.placement}`);
      return outcome;
    });
  } catch (error) {
    if (failed === undefined) throw error;
    return failed;
  }
}

function sayCancelled({ platform }: PlacedPlatform, others: readonly string[], ctx: Context): void {
  if (others.length === 0) return;
  ctx.emit({
    type: "log",
    level: "warning",
    message: `${platform} failed, so the build of ${others.join(", ")} is cancelled; with --fallback available it would go on.`,
  });
}
