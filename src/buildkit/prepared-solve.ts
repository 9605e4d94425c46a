import type { Context } from "../host/context.ts";
import type { Platform } from "../oci/platform.ts";
import type { Node } from "./node.ts";
import type { DeliveredImage } from "./outcome.ts";
import type { SolveResult } from "./run-solve.ts";
import type { Solve } from "./solve.ts";

/** What is solved for a platform on a node, and where its result is then. */
export interface PreparedSolve<Result = DeliveredImage> {
  readonly solve: Solve;
  /** Opens the result where it was delivered to. */
  open(solved: SolveResult, ctx: Context): Promise<Result>;
}

/** Prepares one attempt; each is asked for anew, so that its result gets a place of its own. */
export type Prepare<Result = DeliveredImage> = (
  node: Node,
  platform: Platform,
  ctx: Context,
) => Promise<PreparedSolve<Result>>;
