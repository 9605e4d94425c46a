import type { ExplicitCredentials } from "../registry/credentials.ts";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Backend } from "./backend.ts";
import { buildctlCommand, type BuildctlAccess } from "./buildctl-command.ts";
import { buildxCommand, type BuildxAccess } from "./buildx-command.ts";
import { openContainerBuilder, openRemoteBuilder, openUserBuilder } from "./buildx-builders.ts";
import { remoteEndpoint } from "./buildx-store.ts";
import type { ClientConfig } from "./client-config.ts";
import { greetContainer } from "./greet-container.ts";
import type { Endpoint, NodeSpec } from "./node.ts";
import { greetSocket } from "./preflight.ts";
import { quiet } from "./run-limited.ts";
import type { Command, Solve } from "./solve.ts";
import { askSshHost, chooseSshWay } from "./ssh-host.ts";

export interface FarmOptions {
  /** The client to use; default: $ANYARCH_BUILDKIT_BACKEND, else buildx, else buildctl. */
  readonly backend?: "buildx" | "buildctl";
  /** For the session's access to these registries, before what the user's Docker configuration has for them. */
  readonly credentials?: ExplicitCredentials;
  /** Whether BuildKit containers that were made on other machines stay for the next build; default true. */
  readonly keepBuilders?: boolean;
  /** Milliseconds for each step of a probe; default 10 000. */
  readonly probeTimeoutMs?: number;
  /** Milliseconds for starting a BuildKit container, its image's download included; default 180 000. */
  readonly bootTimeoutMs?: number;
}

/** What all connections share. */
export interface FarmTools {
  readonly backends: readonly [Backend, ...Backend[]];
  readonly config: ClientConfig;
  readonly options: FarmOptions;
  readonly probeTimeoutMs: number;
  readonly bootTimeoutMs: number;
}

/** A way to a BuildKit that was found open. */
export interface Connection extends AsyncDisposable {
  readonly driver: string;
  /** Whether its container has to be started first. */
  readonly boots: boolean;
  readonly access:
    | ({ readonly client: "buildx" } & BuildxAccess)
    | ({ readonly client: "buildctl" } & BuildctlAccess);
}

/** The program that solves something there; pure. */
export function commandOf(connection: Connection, solve: Solve): Command {
  const { access } = connection;
  return access.client === "buildx" ? buildxCommand(access, solve) : buildctlCommand(access, solve);
}

/**
 * Goes to a node as far as can be done without a build: network, identity, login. Throws BUILDER_UNREACHABLE,
 * BUILDER_UNTRUSTED, BUILDER_UNAUTHORIZED, or BUILDER_TOOL_MISSING where no client that is here knows the way.
 */
export async function connect(spec: NodeSpec, tools: FarmTools, ctx: Context): Promise<Connection> {
  const { endpoint } = spec;
  const buildx = tools.backends.find(({ name }) => name === "buildx");
  const buildctl = tools.backends.find(({ name }) => name === "buildctl");
  if (endpoint.kind === "builder" || endpoint.kind === "context") {
    if (buildx === undefined) throw needsBuildx(spec.name);
    if (endpoint.kind === "builder") {
      await greetStored(spec.name, endpoint, tools.probeTimeoutMs, ctx);
      return openUserBuilder(spec.name, endpoint, buildx, tools, ctx);
    }
    return openContainerBuilder(spec.name, endpoint.name, buildx, tools, ctx);
  }
  const way = await greet(spec, buildx !== undefined, tools.probeTimeoutMs, ctx);
  if (way === "docker" && buildx !== undefined && endpoint.kind === "ssh")
    return openContainerBuilder(spec.name, endpoint.url, buildx, tools, ctx);
  const preferred = isForBuildctl(endpoint) ? buildctl : tools.backends[0];
  if (preferred === undefined)
    throw new AnyarchError("BUILDER_TOOL_MISSING", `${spec.name} can only be used by buildctl.`, {
      hint: "Install buildctl (0.13 or newer).",
    });
  return preferred.name === "buildx"
    ? openRemoteBuilder(endpoint, preferred, tools)
    : openBuildctl(endpoint, preferred, tools);
}

/** Goes to a node that built before once more. Throws as {@link connect} does when it can't be reached. */
export async function greetAgain(spec: NodeSpec, timeoutMs: number, ctx: Context): Promise<void> {
  if (spec.endpoint.kind === "context") return;
  if (spec.endpoint.kind === "builder") await greetStored(spec.name, spec.endpoint, timeoutMs, ctx);
  else await greet(spec, true, timeoutMs, ctx);
}

async function greetStored(
  name: string,
  builder: Extract<Endpoint, { readonly kind: "builder" }>,
  timeoutMs: number,
  ctx: Context,
): Promise<void> {
  const endpoint = await remoteEndpoint(builder, ctx);
  if (endpoint !== undefined) await greet({ name, endpoint }, false, timeoutMs, ctx);
}

async function greet(
  { name, endpoint }: Pick<NodeSpec, "name" | "endpoint">,
  canUseDocker: boolean,
  timeoutMs: number,
  ctx: Context,
): Promise<"buildkit" | "docker"> {
  switch (endpoint.kind) {
    case "ssh":
      return chooseSshWay(name, await askSshHost(name, endpoint, timeoutMs, ctx), canUseDocker);
    case "tcp":
    case "unix":
      await greetSocket(name, endpoint, timeoutMs, ctx);
      return "buildkit";
    case "container":
      await greetContainer(name, endpoint.url, timeoutMs, ctx);
      return "buildkit";
    default:
      return "docker";
  }
}

/** Schemes that buildx's remote driver lacks. */
function isForBuildctl(endpoint: Endpoint): boolean {
  return endpoint.kind === "container" && /^(?:podman|nerdctl)-container:/.test(endpoint.url);
}

function needsBuildx(name: string): AnyarchError {
  return new AnyarchError("BUILDER_TOOL_MISSING", `${name} can only be used by docker's buildx.`, {
    hint: "Install docker with the buildx plugin (0.15 or newer), or name the BuildKit by its address.",
  });
}

function openBuildctl(
  endpoint: Endpoint,
  backend: Backend,
  { config, probeTimeoutMs }: FarmTools,
): Connection {
  const globalArgs: string[] = [];
  if ("url" in endpoint) globalArgs.push("--addr", endpoint.url);
  globalArgs.push("--timeout", String(Math.max(1, Math.ceil(probeTimeoutMs / 1000))));
  if (endpoint.kind === "tcp" && endpoint.tls !== undefined) {
    const { ca, cert, key, serverName } = endpoint.tls;
    if (ca !== undefined) globalArgs.push("--tlscacert", ca);
    if (cert !== undefined) globalArgs.push("--tlscert", cert);
    if (key !== undefined) globalArgs.push("--tlskey", key);
    if (serverName !== undefined) globalArgs.push("--tlsservername", serverName);
  }
  return {
    driver: "buildkitd",
    boots: false,
    access: {
      client: "buildctl",
      program: backend.program,
      globalArgs,
      env: { ...quiet, ...dockerConfig(config.env) },
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

function dockerConfig(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { DOCKER_CONFIG: directory } = env;
  return directory === undefined ? {} : { DOCKER_CONFIG: directory };
}
