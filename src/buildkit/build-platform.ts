import { isEmulatorCrash, openLogReader } from "../diagnose/log-reader.ts";
import { AnyarchError, toAnyarchError } from "../errors/error.ts";
import type { Limiter } from "../host/concurrency.ts";
import type { Context } from "../host/context.ts";
import { parsePlatform } from "../oci/platform.ts";
import type { DockerfileRequest } from "../plan/dockerfile-request.ts";
import type { Candidate, PlacedPlatform } from "./dockerfile-plan.ts";
import { afterFailure, isNodeSuspect, type Onward } from "./failover.ts";
import type { Farm, Node } from "./node.ts";
import type { NodeStates } from "./node-states.ts";
import type { Attempt, PlatformFailed, PlatformOutcome } from "./outcome.ts";
import type { Prepare } from "./prepared-solve.ts";
import { runSolve } from "./run-solve.ts";
import type { SolveErrorDetails } from "./solve-error.ts";
import { waitBeforeRetry } from "./transient.ts";

/** What of a request decides how failures are met. */
export type BuildLimits = Pick<
  DockerfileRequest,
  "fallback" | "jobs" | "retries" | "timeoutMs" | "silenceMs" | "crashSilenceMs"
> & { /** See {@link SilentNode}. */ readonly askAfterMs?: number };

export interface PlatformJob<Result> {
  readonly placed: PlacedPlatform;
  readonly farm: Farm;
  readonly request: BuildLimits;
  readonly prepare: Prepare<Result>;
  readonly limiter: Limiter;
  readonly nodes: NodeStates;
  /** Text of the Dockerfile, for the fixes that are proposed. */
  readonly dockerfile?: string | undefined;
  /** Task that the platform's build is shown as. */
  readonly parent: string;
}

interface Failure {
  readonly error: AnyarchError;
  readonly onward: Onward;
}

interface Try {
  readonly node: Node;
  readonly candidate: Candidate;
  /** How often the node was tried before. */
  readonly tried: number;
}

/** Builds one platform on its candidates, one after the other, until one succeeds or none would. Doesn't throw. */
export async function buildPlatform<Result>(
  job: PlatformJob<Result>,
  ctx: Context,
): Promise<PlatformOutcome<Result>> {
  const started = performance.now();
  const { placed, nodes } = job;
  const platform = parsePlatform(placed.platform);
  const attempts: Attempt[] = [];
  const ended = () => ({
    platform,
    optional: placed.optional,
    attempts,
    durationMs: Math.round(performance.now() - started),
  });
  let left: readonly Candidate[] = placed.candidates;
  let last: AnyarchError | undefined;
  for (let candidate = nodes.choose(left); candidate !== undefined; candidate = nodes.choose(left)) {
    const { node, placement } = candidate;
    const ending = await onCandidate(job, candidate, attempts, ctx);
    if ("result" in ending) return { ok: true, result: ending.result, node, placement, ...ended() };
    last = ending.error;
    if (ending.onward === "end") break;
    const rest = left.filter((other) => other !== candidate);
    left = ending.onward === "unemulated" ? rest.filter((other) => other.placement !== "emulated") : rest;
    sayNext(job, candidate, ending.error, nodes.choose(left), ctx);
  }
  return failed(last ?? noNode(placed), ended());
}

function failed(
  error: AnyarchError,
  ended: Pick<PlatformFailed, "platform" | "optional" | "attempts" | "durationMs">,
): PlatformFailed {
  const { diagnoses = [] } = error.details as Partial<SolveErrorDetails>;
  return { ok: false, error, diagnoses, ...ended };
}

function noNode({ platform }: PlacedPlatform): AnyarchError {
  return new AnyarchError("BUILDER_LACKS_PLATFORM", `No builder is there to build ${platform}.`);
}

/** Tries a node, again after faults that may be gone in a moment. */
async function onCandidate<Result>(
  job: PlatformJob<Result>,
  candidate: Candidate,
  attempts: Attempt[],
  ctx: Context,
): Promise<{ readonly result: Result } | Failure> {
  const { farm, request, placed, limiter, nodes } = job;
  const node = farm.nodes.find(({ spec }) => spec.name === candidate.node);
  if (node === undefined) return { error: noNode(placed), onward: "next" };
  for (let tried = 0; ; tried++) {
    const begun = performance.now();
    const note = (error?: AnyarchError): void => {
      const failure = error && { code: error.code, message: error.message };
      const durationMs = Math.round(performance.now() - begun);
      attempts.push({
        node: candidate.node,
        placement: candidate.placement,
        durationMs,
        ...(failure && { failure }),
      });
    };
    try {
      const result = await limiter.run(() =>
        nodes.during(candidate.node, () => solveOn(node, job, candidate, ctx)),
      );
      note();
      return { result };
    } catch (thrown) {
      const { error, onward } = await judge(thrown, { node, candidate, tried }, job, ctx);
      note(error);
      if (onward !== "again") return { error, onward };
      const { transient } = error.details as Partial<SolveErrorDetails>;
      const about = {
        platform: placed.platform,
        node: candidate.node,
        reason: transient ?? "the connection was lost",
      };
      const waited = await waitBeforeRetry(tried, request.retries, about, ctx).catch(() => false);
      if (waited === false) return { error: cancellation(ctx) ?? error, onward: "end" };
    }
  }
}

async function solveOn<Result>(
  node: Node,
  job: PlatformJob<Result>,
  { placement }: Candidate,
  ctx: Context,
): Promise<Result> {
  ctx.signal.throwIfAborted();
  const { placed, request, prepare, dockerfile } = job;
  const prepared = await prepare(node, parsePlatform(placed.platform), ctx);
  const reader = openLogReader({
    platform: placed.platform,
    emulated: placement === "emulated",
    ...(dockerfile !== undefined && { dockerfile }),
  });
  const silentNode = {
    askAfterMs: request.askAfterMs,
    lost: (signal: AbortSignal) => whetherLost(job.farm, node, { ...ctx, signal }),
  };
  const { timeoutMs, silenceMs, crashSilenceMs } = request;
  const limits = { timeoutMs, silenceMs, crashSilenceMs };
  const options = { placement, reader, isCrash: isEmulatorCrash, parent: job.parent, silentNode };
  const solved = await runSolve(node, prepared.solve, { ...options, ...limits }, ctx);
  return prepared.open(solved, ctx);
}

/** What a failure means for this node and for where to go on. */
async function judge(
  thrown: unknown,
  { node, candidate, tried }: Try,
  job: Pick<PlatformJob<unknown>, "farm" | "nodes" | "request">,
  ctx: Context,
): Promise<Failure> {
  if (ctx.signal.aborted) return { error: cancellation(ctx) ?? toAnyarchError(thrown), onward: "end" };
  const error = toAnyarchError(thrown);
  const gone = isNodeSuspect(error) ? await whetherLost(job.farm, node, ctx) : undefined;
  if (ctx.signal.aborted) return { error: cancellation(ctx) ?? error, onward: "end" };
  if (gone !== undefined) job.nodes.lose(node.spec.name);
  const known = { lost: gone !== undefined, tried, retries: job.request.retries };
  return {
    error: gone === undefined ? error : asLost(error, gone),
    onward: afterFailure(error, candidate.placement, known),
  };
}

async function whetherLost(farm: Farm, node: Node, ctx: Context): Promise<AnyarchError | undefined> {
  try {
    return await farm.lost(node, ctx);
  } catch (error) {
    return toAnyarchError(error);
  }
}

/** The same failure, with what the node says now, or doesn't. */
function asLost(error: AnyarchError, gone: AnyarchError): AnyarchError {
  const { node, platform } = error.details as Partial<SolveErrorDetails>;
  const message =
    error.code === "BUILDER_LOST"
      ? error.message
      : `${platform ?? "The build"} was interrupted: ${node ?? "the builder"} was lost.\n${error.message}`;
  return new AnyarchError("BUILDER_LOST", `${message}\nAsked again: ${gone.message}`, {
    cause: error,
    details: error.details,
  });
}

/** Why the context was aborted, as an error; undefined where it wasn't. */
function cancellation(ctx: Context): AnyarchError | undefined {
  if (!ctx.signal.aborted) return undefined;
  const reason: unknown = ctx.signal.reason;
  return reason instanceof AnyarchError
    ? reason
    : new AnyarchError("CANCELLED", "Cancelled.", { cause: reason });
}

function sayNext(
  { placed }: Pick<PlatformJob<unknown>, "placed">,
  from: Candidate,
  error: AnyarchError,
  to: Candidate | undefined,
  ctx: Context,
): void {
  if (to === undefined) return;
  const { why } = error.details as Partial<SolveErrorDetails>;
  ctx.emit({
    type: "log",
    level: "warning",
    platform: placed.platform,
    node: from.node,
    message: `${from.node}: ${why ?? error.message.split("\n", 1)[0] ?? ""}. Going on with ${to.node}, ${to.placement}.`,
  });
}
