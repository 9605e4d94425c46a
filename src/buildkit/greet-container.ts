import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { clientFailure, unreachable } from "./node-failure.ts";
import { runLimited } from "./run-limited.ts";

/**
 * Asks the buildkitd in a container or pod for its workers, the way that clients go too: shows that the container
 * runs, that this user may enter it, and that the daemon in it answers. Throws BUILDER_UNREACHABLE or
 * BUILDER_UNAUTHORIZED.
 */
export async function greetContainer(
  name: string,
  url: string,
  timeoutMs: number,
  ctx: Context,
): Promise<void> {
  const [program, ...args] = enterCommand(url);
  let result;
  try {
    result = await runLimited(ctx, program, [...args, "buildctl", "debug", "workers"], { timeoutMs });
  } catch (error) {
    if (error instanceof AnyarchError && error.code === "COMMAND_MISSING")
      throw unreachable(name, `${program} isn't installed here`, error, `Install ${program}.`);
    throw error;
  }
  if (result.timedOut) throw unreachable(name, `nothing answered within ${Math.round(timeoutMs / 1000)} s`);
  if (result.code !== 0) throw clientFailure(name, result.stderr || result.stdout);
}

/** As BuildKit's connection helpers do (client/connhelper). */
export function enterCommand(url: string): readonly [string, ...string[]] {
  const { host, searchParams } = new URL(url.replace(/^[a-z-]+:/, "ws:"));
  const container = /^[a-z-]+:\/\/([^/?#]+)/.exec(url)?.[1] ?? host;
  const value = (key: string): string | undefined => searchParams.get(key) ?? undefined;
  const option = (flag: string, key: string): string[] => {
    const given = value(key);
    return given === undefined ? [] : [`${flag}=${given}`];
  };
  const scheme = url.slice(0, url.indexOf(":"));
  switch (scheme) {
    case "kube-pod": {
      const where = [...option("--context", "context"), ...option("--namespace", "namespace")];
      return ["kubectl", ...where, "exec", ...option("--container", "container"), container, "--"];
    }
    case "podman-container":
      return ["podman", "exec", container];
    case "nerdctl-container":
      return ["nerdctl", ...option("--namespace", "namespace"), "exec", container];
    default:
      return ["docker", ...option("--context", "context"), "exec", container];
  }
}
