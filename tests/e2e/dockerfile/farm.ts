import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type BaseImageName, startBaseRegistry } from "../../engines/base-images.ts";
import { type Buildkitd, type BuildkitdOptions, startBuildkitd } from "../../engines/buildkitd.ts";
import { type Stoppable, withCleanup } from "../../engines/cleanup.ts";
import { ensureEngines, type Engines, needEngine } from "../../engines/install.ts";
import { registerQemu } from "../../engines/qemu.ts";
import { type Registry, startRegistry } from "../../engines/registry.ts";
import { makeSshClient, type SshClient, startSshd, type SshHost } from "../../engines/sshd.ts";
import { anyarch, makeWorkspace, type Run, type RunOptions, type Workspace } from "../anyarch.ts";

/** What a farm needs beside its clients. */
export const farmEngines = [
  "buildkit",
  "busybox",
  "qemu",
  "qemu-daemon",
  "sshd",
  "docker-registry",
  "openssl",
  "crane",
] as const;

export interface TestFarmOptions {
  /** Folders of clients for PATH, best first: buildx, say. buildctl is always there. */
  readonly clients?: readonly Engines[];
  readonly bases?: readonly BaseImageName[];
  /** The rest of PATH; this machine's by default. */
  readonly systemPath?: string;
}

/** Two machines, a registry, and a user who knows them. */
export interface TestFarm extends Stoppable {
  /** linux/amd64 by TCP; takes a client with a certificate only. */
  readonly amd64: Buildkitd;
  /** linux/arm64, reached by {@link ssh} as `ssh://arm64.example` too. */
  readonly arm64: Buildkitd;
  readonly ssh: SshHost;
  /** With TLS and a password. */
  readonly registry: Registry;
  /** What `docker.io` is for the machines. */
  readonly bases: Registry;
  /** Endpoints for `--builder`. */
  readonly endpoints: { readonly amd64: string; readonly arm64: string };
  /** What reports call them. */
  readonly names: { readonly amd64: string; readonly arm64: string };
  /** `--builder linux/amd64=… --builder linux/arm64=…`. */
  readonly builders: readonly string[];
  readonly workspace: Workspace;
  /** Of the user: home, PATH, certificates, logins. */
  readonly env: Readonly<Record<string, string>>;
  /** One more machine that takes the same base images and pushes to the registry. */
  more(options: BuildkitdOptions): Promise<Buildkitd>;
  /** Writes files into the working directory, and makes their folders. */
  write(files: Readonly<Record<string, string | readonly string[]>>): void;
  /** Runs `anyarch` in the working directory. */
  anyarch(args: readonly string[], options?: Pick<RunOptions, "onStart" | "env" | "cwd">): Promise<Run>;
}

/** `tcp://…?ca=…&cert=…&key=…`. */
function tlsEndpoint({ address, caFile, clientCert, clientKey }: Buildkitd): string {
  return `${address}?ca=${caFile}&cert=${clientCert}&key=${clientKey}`;
}

/** Starts all of it (3 s); it ends with what it is handed to. */
export async function startFarm(options: TestFarmOptions = {}): Promise<TestFarm> {
  await registerQemu();
  return await withCleanup(async (own) => {
    const workspace = makeWorkspace();
    own({ [Symbol.asyncDispose]: () => Promise.resolve(workspace[Symbol.dispose]()) });
    const registry = own(await startRegistry({ tls: true, auth: "basic" }));
    const bases = own(await startBaseRegistry(options.bases ?? ["busybox:stable"]));
    const images = { registries: [registry], mirrors: { "docker.io": bases } };
    const more = async (changes: BuildkitdOptions): Promise<Buildkitd> =>
      own(await startBuildkitd({ ...images, ...changes }));
    const amd64 = await more({ listen: "tcp-tls" });
    const arm64 = await more({ architecture: "arm64" });
    const { host, client } = await behindSsh(arm64, own);
    const clients = [...(options.clients ?? []).map(({ path }) => path), amd64.path];
    const env = {
      ...workspace.env,
      ...registry.env,
      DOCKER_HOST: "unix:///nonexistent/docker.sock",
      PATH: [client.path, ...clients, options.systemPath ?? process.env["PATH"]].join(":"),
    };
    const endpoints = { amd64: tlsEndpoint(amd64), arm64: host.url };
    const write: TestFarm["write"] = (files) => {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(workspace.path, name)), { recursive: true });
        writeFileSync(
          join(workspace.path, name),
          typeof content === "string" ? content : `${content.join("\n")}\n`,
        );
      }
    };
    return {
      amd64,
      arm64,
      ssh: host,
      registry,
      bases,
      endpoints,
      names: { amd64: amd64.address, arm64: host.url },
      builders: [`--builder=linux/amd64=${endpoints.amd64}`, `--builder=linux/arm64=${endpoints.arm64}`],
      workspace,
      env,
      more,
      write,
      anyarch: (args, run = {}) =>
        anyarch(args, { cwd: workspace.path, ...run, env: { ...env, ...run.env } }),
    };
  });
}

async function behindSsh(
  node: Buildkitd,
  own: <R extends AsyncDisposable>(resource: R) => R,
): Promise<{ readonly host: SshHost; readonly client: SshClient }> {
  const { path } = await needEngine("buildkit");
  const host = own(
    await startSshd({ commandEnvironment: { BUILDKIT_HOST: node.address, PATH: `${path}:/usr/bin:/bin` } }),
  );
  return { host, client: own(await makeSshClient({ "arm64.example": host })) };
}

export const both = ["--platform", "linux/amd64,linux/arm64"] as const;

/** Options that call `action` once, when the build has written `text` to stderr. */
export function when(
  text: string,
  action: (kill: (signal: NodeJS.Signals) => void) => void,
): Pick<RunOptions, "onStart"> {
  return {
    onStart(kill, stderr) {
      const timer = setInterval(() => {
        if (!stderr().includes(text)) return;
        clearInterval(timer);
        action(kill);
      }, 20);
      timer.unref();
    },
  };
}

/** Engines of tests on a farm whose user has buildx. */
export const buildxFarmEngines = [...farmEngines, "buildx"] as const;

/** A farm with buildx and these files for all tests of a file, handed over before they run. */
export function farmForAll(
  engines: Engines,
  files: Parameters<TestFarm["write"]>[0],
  take: (farm: TestFarm) => void,
): void {
  let farm: TestFarm | undefined;
  beforeAll(async () => {
    if (engines.without(...buildxFarmEngines) !== undefined) return;
    farm = await startFarm({ clients: [await ensureEngines(["buildx"])] });
    farm.write(files);
    take(farm);
  });
  afterAll(async () => {
    await farm?.stop();
  });
}
