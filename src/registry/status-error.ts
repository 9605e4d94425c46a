import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { HttpResponse } from "../host/http.ts";
import type { Connection } from "./connection.ts";
import { explain, parseSpecErrors, readErrorBody } from "./failure.ts";
import { retryAfterMs } from "./retry.ts";

/**
 * The error for an answer that isn't the one hoped for: REGISTRY_UNAUTHORIZED (401), REGISTRY_DENIED (403),
 * REGISTRY_ERROR. `what` is what was tried, as a person would say it: "pull library/python:3.11". Reads the body.
 */
export async function statusError(
  connection: Connection,
  response: HttpResponse,
  what: string,
  ctx: Context,
): Promise<AnyarchError> {
  const { registry, repository } = connection.endpoint;
  const errors = parseSpecErrors(await readErrorBody(response));
  const text = await connection.authorizer.scrub(explain(errors), ctx);
  const said = text === "" ? "" : `: ${text.replace(/\.$/, "")}`;
  const { status } = response;
  const details = { registry, repository, status, errors: errors.map((error) => error.code).filter(Boolean) };
  if (status === 401) {
    const identity = await connection.authorizer.identity(ctx);
    return new AnyarchError(
      "REGISTRY_UNAUTHORIZED",
      `${registry} refuses to ${what} with ${identity}${said}.`,
      {
        details,
        hint: `Log in with \`docker login ${registry}\`, or give --username and --password-stdin. Some registries also answer so when ${repository} doesn't exist.`,
      },
    );
  }
  if (status === 403) {
    const identity = await connection.authorizer.identity(ctx);
    return new AnyarchError("REGISTRY_DENIED", `${registry} doesn't allow ${identity} to ${what}${said}.`, {
      details,
      hint: `Check that the account may do this in ${repository}, and that the repository exists.`,
    });
  }
  if (status === 429) {
    const wait = retryAfterMs(response, ctx.host.now());
    const when = wait === undefined ? "later" : `in ${Math.ceil(wait / 1000)} seconds`;
    return new AnyarchError("REGISTRY_ERROR", `${registry} limits requests: it refuses to ${what}${said}.`, {
      details,
      hint: `Try again ${when}; logged-in users usually have a higher limit.`,
    });
  }
  const hint =
    status === 413 ? "A proxy before the registry limits the size of requests: raise its limit." : undefined;
  return new AnyarchError("REGISTRY_ERROR", `${registry} failed to ${what} with status ${status}${said}.`, {
    details,
    hint,
  });
}
