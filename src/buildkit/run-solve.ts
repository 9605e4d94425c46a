import { rm } from "node:fs/promises";
import type { Diagnosis, LogReader } from "../diagnose/diagnosis.ts";
import { isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { ExecResult } from "../host/exec.ts";
import type { Descriptor } from "../oci/content.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { Placement } from "./dockerfile-plan.ts";
import type { Node } from "./node.ts";
import { RawjsonReader } from "./rawjson.ts";
import type { Solve } from "./solve.ts";
import { hideSecrets } from "./secret-args.ts";
import { solveError, type SolvePlace } from "./solve-error.ts";
import { SolveEvents } from "./solve-events.ts";
import { readSolveMetadata } from "./solve-metadata.ts";
import { askWhenSilent, type SilentNode } from "./silent-node.ts";
import { type WatchClock, Watchdog, type WatchEnd, type WatchLimits } from "./watchdog.ts";

export interface SolveOptions extends WatchLimits {
  readonly placement: Placement;
  /** The log rules, for this solve alone. */
  readonly reader: LogReader;
  readonly isCrash: (line: string) => boolean;
  /** Task that BuildKit's own doings are shown as parts of. */
  readonly parent?: string | undefined;
  /** Milliseconds that the client gets to cancel its build on the server before it is killed; 3000 by default. */
  readonly graceMs?: number | undefined;
  readonly clock?: WatchClock | undefined;
  /** Asks the node whether it is still there, when it is silent for long. */
  readonly silentNode?: SilentNode | undefined;
}

export interface SolveResult {
  /** BuildKit's metadata as it is: "containerimage.digest", "buildx.build.ref", …. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Of a manifest, or of an index with its attestations; undefined where nothing was exported, or by old clients. */
  readonly descriptor: Descriptor | undefined;
  readonly diagnoses: readonly Diagnosis[];
}

/**
 * Builds one platform on one node and waits for the end; whatever that is, no child process is left. Throws an
 * {@link AnyarchError} whose details are {@link SolveErrorDetails}, or what `ctx.signal` was aborted with.
 */
export async function runSolve(
  node: Node,
  solve: Solve,
  options: SolveOptions,
  ctx: Context,
): Promise<SolveResult> {
  const platform = formatPlatform(solve.platform);
  const { placement, reader, isCrash, parent } = options;
  const place: SolvePlace = { platform, node: node.spec.name, placement, version: node.facts.version };
  await rm(solve.metadataFile, { force: true });
  const stop = new AbortController();
  let end: WatchEnd | undefined;
  using watchdog = new Watchdog(
    options,
    (reason) => {
      end = reason;
      stop.abort(new WatchdogEnded());
    },
    options.clock,
  );
  const events = new SolveEvents({
    platform,
    node: place.node,
    parent,
    emit: ctx.emit,
    reader,
    isCrash,
    hide: hideSecrets(solve.buildArgs),
    watchdog,
  });
  const signal = AbortSignal.any([ctx.signal, stop.signal]);
  const over = new AbortController();
  const gone = (afterMs: number): void => {
    end ??= { reason: "lost", afterMs };
    stop.abort(new WatchdogEnded());
  };
  const asking = askWhenSilent(watchdog, options.silentNode, gone, AbortSignal.any([signal, over.signal]));
  let code: number;
  try {
    code = (await execute(node.command(solve), events, { ...ctx, signal }, options.graceMs ?? 3000)).code;
  } catch (error) {
    if (end === undefined || ctx.signal.aborted) {
      events.close(isAbort(error) || ctx.signal.aborted ? "cancelled" : "failed");
      throw error;
    }
    code = 1;
  } finally {
    over.abort();
    await asking;
  }
  const diagnoses = reader.diagnoses();
  if (code === 0 && end === undefined) {
    events.close("cancelled");
    return { ...(await readSolveMetadata(solve.metadataFile, place)), diagnoses };
  }
  const { failed, interrupted, text } = events;
  events.close("failed");
  reportDiagnoses(diagnoses, platform, ctx);
  throw solveError({ place, code, failed, interrupted, text, diagnoses, end });
}

class WatchdogEnded extends Error {
  override name = "AbortError";
}

async function execute(
  command: ReturnType<Node["command"]>,
  events: SolveEvents,
  ctx: Context,
  graceMs: number,
): Promise<ExecResult> {
  const progress = new RawjsonReader(events.update);
  // buildx and buildctl tell progress on stderr; what else they say, on stdout, is text.
  const output = new RawjsonReader(events.update);
  const result = await ctx.host.exec(command.program, command.args, {
    env: command.env,
    signal: ctx.signal,
    graceMs,
    onStdout: (chunk) => output.push(chunk),
    onStderr: (chunk) => progress.push(chunk),
  });
  output.end();
  progress.end();
  return result;
}

function reportDiagnoses(diagnoses: readonly Diagnosis[], platform: string, ctx: Context): void {
  for (const { code, title, why, fixes } of diagnoses) {
    const hint = fixes.map((fix) => fix.title).join("\n");
    ctx.emit({
      type: "diagnostic",
      severity: "error",
      code,
      message: `${title}: ${why}`,
      platform,
      reported: true,
      ...(hint !== "" && { hint }),
    });
  }
}
