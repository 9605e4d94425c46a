import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Endpoint } from "./node.ts";
import { clientFailure, unreachable } from "./node-failure.ts";
import { runLimited } from "./run-limited.ts";

type SshEndpoint = Extract<Endpoint, { readonly kind: "ssh" }>;

/** What a host reached by ssh offers. Each is "ok", or what its program said, or undefined where it isn't there. */
export interface SshHost {
  /** "Linux aarch64" */
  readonly machine: string;
  readonly buildctl?: string;
  readonly docker?: string;
}

/** POSIX sh, whatever the login shell is; every answer is one line. No single quotes: it is put between them. */
const question = [
  "echo anyarch-host $(uname -sm)",
  'limit=""; command -v timeout >/dev/null 2>&1 && limit="timeout 5"',
  'ask() { name=$1; shift; command -v $1 >/dev/null 2>&1 || return 0; said=$($limit "$@" 2>&1) && echo "$name ok" || echo "$name $(echo "$said" | tr "\\n" " ")"; }',
  "ask buildctl buildctl debug workers",
  'ask docker docker version --format "{{.Server.Version}}"',
].join("\n");

/**
 * Logs in once and asks what is there; nothing is asked at the terminal and host keys are checked as the user's own
 * ssh does. Throws BUILDER_UNREACHABLE, BUILDER_UNTRUSTED or BUILDER_UNAUTHORIZED.
 */
export async function askSshHost(
  name: string,
  endpoint: SshEndpoint,
  timeoutMs: number,
  ctx: Context,
): Promise<SshHost> {
  const seconds = Math.max(1, Math.floor(timeoutMs / 1000));
  const args = ["-o", "BatchMode=yes", "-o", `ConnectTimeout=${seconds}`];
  if (endpoint.port !== undefined) args.push("-p", String(endpoint.port));
  args.push("--", endpoint.destination, `sh -c '${question}'`);
  let result;
  try {
    result = await runLimited(ctx, "ssh", args, { timeoutMs: timeoutMs + 1000 });
  } catch (error) {
    if (error instanceof AnyarchError && error.code === "COMMAND_MISSING")
      throw unreachable(name, "ssh isn't installed here", error, "Install the OpenSSH client.");
    throw error;
  }
  if (result.timedOut) throw unreachable(name, `nothing answered within ${seconds} s`);
  const machine = /^anyarch-host (.*)$/m.exec(result.stdout)?.[1];
  if (machine === undefined) throw clientFailure(name, result.stderr || result.stdout);
  const answer = (program: string): string | undefined =>
    new RegExp(`^${program} (.*)$`, "m").exec(result.stdout)?.[1]?.trim();
  const [buildctl, docker] = [answer("buildctl"), answer("docker")];
  return {
    machine,
    ...(buildctl !== undefined && { buildctl }),
    ...(docker !== undefined && { docker }),
  };
}

/**
 * The better of the two ways: its BuildKit, else its Docker where `docker` is possible for the client.
 * Throws BUILDER_UNREACHABLE or BUILDER_UNAUTHORIZED where neither works.
 */
export function chooseSshWay(name: string, host: SshHost, canUseDocker: boolean): "buildkit" | "docker" {
  if (host.buildctl === "ok") return "buildkit";
  if (host.docker === "ok" && canUseDocker) return "docker";
  if (host.docker === "ok")
    throw unreachable(
      name,
      "no BuildKit answers there, and its Docker can only be used by buildx",
      undefined,
      "Install docker with the buildx plugin here, or start buildkitd there.",
    );
  const said = host.buildctl ?? host.docker;
  if (said === undefined)
    throw unreachable(
      name,
      `neither buildctl nor docker is installed there (${host.machine})`,
      undefined,
      "Install BuildKit or Docker on that machine, and see that `ssh HOST command -v buildctl docker` finds it.",
    );
  const program = host.buildctl === undefined ? "Docker" : "BuildKit";
  const failure = clientFailure(name, said);
  const why = failure.message.replace(/^.*?: /, "").replace(/\.$/, "");
  return fail(
    new AnyarchError(failure.code, `${name}: the ${program} there can't be used: ${why}.`, {
      hint: failure.hint,
      details: { ...failure.details, machine: host.machine },
    }),
  );
}

function fail(error: AnyarchError): never {
  throw error;
}
