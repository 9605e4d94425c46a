import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseEndpoint } from "../buildkit/endpoint.ts";
import { clientFailure, unreachable } from "../buildkit/node-failure.ts";
import { runLimited } from "../buildkit/run-limited.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { makeTempDir } from "../host/temp-dir.ts";
import type { HostProbe } from "./probe.ts";
import { shellProbe } from "./shell-probe.ts";

const asked = [
  "DOCKER_HOST",
  "DOCKER_CONTEXT",
  "DOCKER_CONFIG",
  "DOCKER_DEFAULT_PLATFORM",
  "BUILDKIT_HOST",
  "BUILDX_BUILDER",
  "HOME",
  "XDG_RUNTIME_DIR",
  "XDG_CACHE_HOME",
  "ANYARCH_CACHE_DIR",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "container",
  "KUBERNETES_SERVICE_HOST",
  "WSL_DISTRO_NAME",
] as const;

/**
 * A machine by ssh: one login, which all that is asked shares (ControlMaster), and which ends with the probe. Nothing
 * is asked at the terminal; host keys are checked as the user's own ssh does. Throws BUILDER_INVALID for what is no
 * `ssh://` address, BUILDER_UNREACHABLE, BUILDER_UNTRUSTED, BUILDER_UNAUTHORIZED.
 */
export async function openSshProbe(url: string, ctx: Context): Promise<HostProbe & AsyncDisposable> {
  const endpoint = parseEndpoint(url, ctx.host.cwd);
  if (endpoint.kind !== "ssh")
    throw new AnyarchError("BUILDER_INVALID", `"${url}" can't be examined: it is no ssh address.`, {
      hint: "anyarch doctor examines this machine, anyarch doctor ssh://USER@HOST another one.",
    });
  // The path of a socket has to be short.
  const directory = await makeTempDir(tmpdir(), "anyarch-ssh-");
  const control = ["-o", `ControlPath=${join(directory.path, "s")}`];
  const port = endpoint.port === undefined ? [] : ["-p", String(endpoint.port)];
  const common = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", ...control, ...port];
  const close = async (): Promise<void> => {
    await ctx.host
      .exec("ssh", [...common, "-O", "exit", "--", endpoint.destination], { timeoutMs: 5000 })
      .catch(() => undefined);
    await directory[Symbol.asyncDispose]();
  };
  try {
    // In the background by itself, so that it lets go of our pipes.
    await logIn(
      url,
      ["-M", "-N", "-f", "-o", "ControlPersist=no", ...common, "--", endpoint.destination],
      ctx,
    );
    const command = ["ssh", ...common, "-T", "--", endpoint.destination, "sh"] as const;
    const env = await readEnvironment(shellProbe({ name: url, command }, ctx));
    return { ...shellProbe({ name: url, command, env }, ctx), [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function logIn(name: string, args: readonly string[], ctx: Context): Promise<void> {
  let result;
  try {
    result = await runLimited(ctx, "ssh", args, { timeoutMs: 12_000 });
  } catch (error) {
    if (error instanceof AnyarchError && error.code === "COMMAND_MISSING")
      throw unreachable(name, "ssh isn't installed here", error, "Install the OpenSSH client.");
    throw error;
  }
  if (result.timedOut) throw unreachable(name, "nothing answered within 12 s");
  if (result.code !== 0) throw clientFailure(name, result.stderr || result.stdout);
}

async function readEnvironment(probe: HostProbe): Promise<Record<string, string>> {
  const { stdout, stderr, code } = await probe.shell("env");
  if (code !== 0) throw clientFailure(probe.name, stderr || "no POSIX shell answers there");
  const env: Record<string, string> = {};
  for (const line of stdout.split("\n")) {
    const equals = line.indexOf("=");
    const key = line.slice(0, equals);
    if ((asked as readonly string[]).includes(key)) env[key] = line.slice(equals + 1);
  }
  return env;
}
