import { existsSync, readdirSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { formatPlatform } from "../oci/platform.ts";
import type { Farm } from "./node.ts";
import { runLimited } from "./run-limited.ts";

/** Where a Dockerfile build ran, for reports of failures; plain JSON, holds no secret. */
export interface EnvironmentFacts {
  /** Version of anyarch, as its caller knows it. */
  readonly tool?: string;
  readonly node: string;
  /** As Node.js names them, with the kernel's release. */
  readonly host: { readonly os: string; readonly arch: string; readonly kernel: string };
  readonly mode: EnvironmentMode;
  /** "28.2.2"; absent without one. */
  readonly dockerClient?: string;
  readonly dockerServer?: string;
  /** "buildx 0.29.1" */
  readonly client?: string;
  readonly builders: readonly {
    readonly name: string;
    readonly driver?: string;
    readonly native?: string;
    /** BuildKit's. */
    readonly version?: string;
    /** Why it isn't used. */
    readonly unreachable?: string;
  }[];
  /** Interpreters for foreign programs that the kernel of this machine knows. */
  readonly emulators: readonly Emulator[];
}

export interface EnvironmentMode {
  readonly kind: "host" | "container" | "container-with-docker-socket";
  /** Whether Docker or this user's namespace is rootless. */
  readonly rootless: boolean;
  /** One sentence for people. */
  readonly text: string;
}

export interface Emulator {
  /** "qemu-aarch64" */
  readonly name: string;
  readonly interpreter: string;
  readonly enabled: boolean;
  /** "OCF": without F it doesn't work in containers. */
  readonly flags: string;
  /** "7.2.22", where the interpreter tells; that which is registered with F may be older. */
  readonly version?: string;
}

const limitMs = 3000;
const binfmt = "/proc/sys/fs/binfmt_misc";

/** Collects the facts, each within 3 s; what can't be found out is left away. Throws only when cancelled. */
export async function describeEnvironment(farm: Farm | undefined, ctx: Context): Promise<EnvironmentFacts> {
  const [docker, emulators] = await Promise.all([askDocker(ctx), listEmulators(ctx)]);
  const mode = currentMode(ctx, docker.rootless);
  return {
    node: process.version,
    host: { os: ctx.host.os, arch: ctx.host.arch, kernel: release() },
    mode,
    ...(docker.client !== undefined && { dockerClient: docker.client }),
    ...(docker.server !== undefined && { dockerServer: docker.server }),
    ...(farm !== undefined && { client: `${farm.backend.name} ${farm.backend.version}` }),
    builders: farm === undefined ? [] : describeBuilders(farm),
    emulators,
  };
}

function describeBuilders({ nodes, unreachable }: Farm): EnvironmentFacts["builders"] {
  return [
    ...nodes.map(({ spec, facts }) => ({
      name: spec.name,
      driver: facts.driver,
      native: formatPlatform(facts.native),
      ...(facts.version !== undefined && { version: facts.version }),
    })),
    ...unreachable.map(({ spec, error }) => ({ name: spec.name, unreachable: error.message })),
  ];
}

/** Which of the ways to have a daemon this is; `rootless` is what Docker says of itself. */
export function currentMode(ctx: Context, rootless = false): EnvironmentMode {
  return environmentMode({
    inContainer: isContainer(ctx),
    hasSocket: hasDocker(ctx.host.env["DOCKER_HOST"]),
    rootless: rootless || isInUserNamespace(),
  });
}

/** Pure; says which of the ways to have a daemon this is. */
export function environmentMode(found: {
  readonly inContainer: boolean;
  readonly hasSocket: boolean;
  readonly rootless: boolean;
}): EnvironmentMode {
  const { rootless } = found;
  const suffix = rootless ? ", rootless" : "";
  if (!found.inContainer) return { kind: "host", rootless, text: `On the host itself${suffix}.` };
  if (!found.hasSocket)
    return { kind: "container", rootless, text: `In a container without a Docker socket${suffix}.` };
  const text = `In a container with a Docker socket (Docker-in-Docker)${suffix}: what Docker builds is built in that daemon, files are sent to it from here.`;
  return { kind: "container-with-docker-socket", rootless, text };
}

/** Whether a daemon's socket is there, or an address of one that is elsewhere. */
function hasDocker(address: string | undefined): boolean {
  if (!address) return existsSync("/var/run/docker.sock");
  return !address.startsWith("unix://") || existsSync(address.slice("unix://".length));
}

function isContainer(ctx: Context): boolean {
  if (existsSync("/.dockerenv") || existsSync("/run/.containerenv")) return true;
  if (ctx.host.env["KUBERNETES_SERVICE_HOST"] || ctx.host.env["container"]) return true;
  return /\b(?:docker|kubepods|containerd|libpod)\b/.test(readText("/proc/1/cgroup"));
}

/** Whether root here is a plain user of the machine. */
function isInUserNamespace(): boolean {
  const [, outside] = readText("/proc/self/uid_map").trim().split(/\s+/);
  return outside !== undefined && outside !== "0";
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

interface DockerFacts {
  readonly client?: string;
  readonly server?: string;
  readonly rootless: boolean;
}

async function askDocker(ctx: Context): Promise<DockerFacts> {
  const [version, security] = await Promise.all([
    ask(ctx, "docker", ["version", "--format", "{{json .}}"]),
    ask(ctx, "docker", ["info", "--format", "{{json .SecurityOptions}}"]),
  ]);
  const client = /"Client":\{[^{}]*?"Version":"([^"]+)"/.exec(version)?.[1];
  const server = /"Server":\{.*?"Version":"([^"]+)"[^{}]*"ApiVersion"/.exec(version)?.[1];
  return {
    ...(client !== undefined && { client }),
    ...(server !== undefined && { server }),
    rootless: security.includes("name=rootless"),
  };
}

async function ask(ctx: Context, program: string, args: readonly string[]): Promise<string> {
  try {
    return (await runLimited(ctx, program, args, { timeoutMs: limitMs })).stdout;
  } catch (error) {
    if (isAbort(error) || ctx.signal.aborted) throw error;
    return "";
  }
}

async function listEmulators(ctx: Context): Promise<readonly Emulator[]> {
  let names: readonly string[];
  try {
    names = readdirSync(binfmt);
  } catch {
    return [];
  }
  const entries = names
    .filter((name) => name !== "register" && name !== "status")
    .flatMap((name) => readEmulator(name, readText(`${binfmt}/${name}`)) ?? []);
  return Promise.all(
    entries.map(async (entry) => {
      const version = await interpreterVersion(entry.interpreter, ctx);
      return version === undefined ? entry : { ...entry, version };
    }),
  );
}

/** An entry of binfmt_misc (Linux, admin-guide/binfmt-misc.rst); undefined where no ELF magic is in it. */
export function readEmulator(name: string, text: string): Emulator | undefined {
  const interpreter = /^interpreter (.+)$/m.exec(text)?.[1];
  if (interpreter === undefined || !/^magic 7f454c46/m.test(text)) return undefined;
  const flags = /^flags: *(\S*)$/m.exec(text)?.[1] ?? "";
  return { name, interpreter, enabled: text.startsWith("enabled"), flags };
}

async function interpreterVersion(interpreter: string, ctx: Context): Promise<string | undefined> {
  if (!existsSync(interpreter)) return undefined;
  return /version (\d\S*)/.exec(await ask(ctx, interpreter, ["--version"]))?.[1];
}
