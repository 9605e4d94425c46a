import { describeEnvironment, type EnvironmentFacts } from "../buildkit/environment.ts";
import type { PlannedNode } from "../buildkit/dockerfile-plan.ts";
import { AnyarchError, isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";

/** The same error with the machines it happened on in its details (`environment`), where a builder or its build failed. */
export async function withEnvironment(error: unknown, ctx: Context): Promise<unknown> {
  const concerns =
    error instanceof AnyarchError && /^BUILD(?:ER)?_/.test(error.code) && error.code !== "BUILDER_INVALID";
  if (!concerns || isAbort(error) || ctx.signal.aborted || "environment" in error.details) return error;
  const { code, message, hint, cause, details } = error;
  const { client, nodes } = details as { readonly client?: string; readonly nodes?: readonly PlannedNode[] };
  const found = await describeEnvironment(undefined, ctx);
  const environment: EnvironmentFacts = {
    ...found,
    ...(client !== undefined && { client }),
    ...(nodes && { builders: nodes }),
  };
  return new AnyarchError(code, message, { hint, cause, details: { ...details, environment } });
}
