import { existsSync } from "node:fs";
import { mkdir, readdir, rmdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { ExecResult } from "../../src/host/exec.ts";
import { createAuthority } from "./certificates.ts";
import { withCleanup, type Stoppable } from "./cleanup.ts";
import { startEnclosed } from "./enclosure.ts";
import { needEngine, type Engines } from "./install.ts";
import { makeMountableTempDir, mountSmallDisk } from "./mounts.ts";
import { run, type RunOptions } from "./process.ts";
import { registerQemu } from "./qemu.ts";
import type { Registry } from "./registry.ts";

export interface BuildkitdOptions {
  /** "arm64" is a true arm64 build under QEMU: it takes linux/arm64 for its own. Default "amd64". */
  readonly architecture?: "amd64" | "arm64";
  /** "tcp-tls" asks the client for a certificate too. Default "unix". */
  readonly listen?: "unix" | "tcp" | "tcp-tls";
  /** For "tcp-tls": how many days its certificate is valid for; -1: it has expired. Default 10. */
  readonly certificateDays?: number;
  /** For "tcp" and "tcp-tls"; default: any that is free. */
  readonly port?: number;
  /** What it says it can build, first its own; default: what it finds, and for "arm64" only linux/arm64. */
  readonly platforms?: readonly string[];
  /** Whose certificates it trusts, and which plain ones it may use. Credentials come from the client. */
  readonly registries?: readonly Registry[];
  /** Name of a registry (`docker.io`) → the one of the tests that is asked in its place. */
  readonly mirrors?: Readonly<Record<string, Registry>>;
  /** Names that lead to 127.0.0.1 for the daemon (not in its containers). */
  readonly hosts?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Bytes of the disk that its data are on, a file system of its own; default: the machine's. */
  readonly diskBytes?: number;
  /** More of buildkitd.toml: whole tables only. */
  readonly configuration?: string;
}

export interface Buildkitd extends Stoppable {
  readonly architecture: "amd64" | "arm64";
  /** For BUILDKIT_HOST and `buildctl --addr`: `unix:///…` or `tcp://127.0.0.1:PORT`. */
  readonly address: string;
  /** All its data; removed at the end. */
  readonly root: string;
  /** On this machine; the emulator's for "arm64". For SIGSTOP, say. */
  readonly pid: number;
  /** PEM files for "tcp-tls": the authority that issued both certificates, and the client's. */
  readonly caFile: string | undefined;
  readonly clientCert: string | undefined;
  readonly clientKey: string | undefined;
  /** For PATH: buildctl, buildkitd, runc. */
  readonly path: string;
  /** SIGKILL, to it and to all that it runs; data stay until `stop()`. */
  kill(): Promise<void>;
  /** What it wrote so far. */
  log(): string;
  /** Runs buildctl with its address and certificates. Throws on a non-zero exit, unless `anyExit`. */
  readonly buildctl: (args: readonly string[], options?: RunOptions) => Promise<ExecResult>;
}

const toml = (values: Readonly<Record<string, unknown>>): string =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join("");

/**
 * The tables `[registry."…"]` of buildkitd.toml for registries of the tests, under `localhost:PORT` and the other names
 * they are given. BuildKit takes http for a registry on the loopback unless it is told otherwise.
 */
export function registryConfig(
  registries: readonly Registry[],
  mirrors: Readonly<Record<string, Registry>> = {},
  names: readonly string[] = [],
): string {
  const access = ({ tls, caFile }: Registry): string =>
    toml(tls ? { http: false, insecure: false, ca: [caFile] } : { http: true });
  const all = new Map<string, Registry>();
  for (const registry of [...registries, ...Object.values(mirrors)]) {
    all.set(registry.host, registry);
    for (const name of names) all.set(`${name}:${registry.host.split(":")[1] ?? ""}`, registry);
  }
  const tables = [...all].map(([host, registry]) => `[registry."${host}"]\n${access(registry)}`);
  const mirrored = Object.entries(mirrors).map(
    ([name, { host }]) => `[registry."${name}"]\n${toml({ mirrors: [host] })}`,
  );
  return [...tables, ...mirrored].join("\n");
}

interface Certificates {
  readonly caFile: string;
  readonly server: { readonly certificateFile: string; readonly keyFile: string };
  readonly client: { readonly certificateFile: string; readonly keyFile: string };
}

async function issueCertificates(directory: string, days?: number): Promise<Certificates> {
  const authority = await createAuthority(directory);
  const server = await authority.issue("buildkitd", [], days);
  return { caFile: authority.caFile, server, client: await authority.issue("client") };
}

function daemonConfiguration(
  options: BuildkitdOptions,
  parts: { root: string; address: string; cgroup: string; certificates: Certificates | undefined },
): string {
  const { certificates } = parts;
  const own = options.architecture === "arm64" ? ["linux/arm64"] : undefined;
  const worker = {
    enabled: true,
    snapshotter: "overlayfs",
    networkMode: "host",
    binary: "runc",
    defaultCgroupParent: parts.cgroup,
    platforms: options.platforms ?? own,
  };
  const tls = certificates && {
    cert: certificates.server.certificateFile,
    key: certificates.server.keyFile,
    ca: certificates.caFile,
  };
  return [
    toml({ root: parts.root }),
    `[grpc]\n${toml({ address: [parts.address] })}`,
    ...(tls === undefined ? [] : [`[grpc.tls]\n${toml(tls)}`]),
    `[worker.oci]\n${toml(worker)}`,
    `[worker.containerd]\n${toml({ enabled: false })}`,
    registryConfig(options.registries ?? [], options.mirrors, options.hosts),
    options.configuration ?? "",
  ].join("\n");
}

async function removeTree(group: string): Promise<void> {
  for (const child of await readdir(group, { withFileTypes: true }).catch(() => [])) {
    if (child.isDirectory()) await removeTree(join(group, child.name));
  }
  await rmdir(group).catch(() => undefined);
}

/** runc leaves a killed container's control groups behind: empty ones can be removed, soon after the last process. */
async function removeCgroups(name: string): Promise<void> {
  const top = "/sys/fs/cgroup";
  const controllers = await readdir(top).catch(() => []);
  for (const group of [join(top, name), ...controllers.map((one) => join(top, one, name))]) {
    for (let attempt = 0; attempt < 50 && existsSync(group); attempt += 1) {
      if (attempt > 0) await new Promise((resolve) => setTimeout(resolve, 20));
      await removeTree(group);
    }
  }
}

async function hostsFile(path: string, names: readonly string[]): Promise<Record<string, string>> {
  if (names.length === 0) return {};
  await writeFile(path, ["127.0.0.1 localhost", ...names.map((name) => `127.0.0.1 ${name}`), ""].join("\n"));
  return { "/etc/hosts": path };
}

interface Program {
  readonly command: readonly [string, ...string[]];
  /** For PATH. */
  readonly path: string;
}

async function daemonProgram(engines: Engines, architecture: "amd64" | "arm64"): Promise<Program> {
  if (architecture === "amd64") return { command: [engines.program("buildkitd")], path: engines.path };
  await registerQemu(); // For what runs in its containers.
  const emulator = await needEngine("qemu-daemon");
  const daemon = join(engines.root("buildkit"), "bin/arm64/buildkitd");
  return {
    command: [emulator.program("qemu-aarch64"), daemon],
    path: `${engines.path}:${emulator.path}`,
  };
}

/**
 * Starts buildkitd 0.26 with the OCI worker (overlayfs, runc) and all its data in a temporary directory (0.1 s, under
 * QEMU 0.5 s). Its containers share the machine's network. Needs root; throws when the engine is missing.
 */
export async function startBuildkitd(options: BuildkitdOptions = {}): Promise<Buildkitd> {
  const engines = await needEngine("buildkit");
  const { architecture = "amd64", listen = "unix" } = options;
  return await withCleanup(async (own) => {
    const { path: directory } = own(await makeMountableTempDir());
    const file = (name: string): string => join(directory, name);
    const root = file("root");
    await mkdir(root);
    if (options.diskBytes !== undefined) await mountSmallDisk(root, options.diskBytes);
    const certificates =
      listen === "tcp-tls" ? await issueCertificates(file("tls"), options.certificateDays) : undefined;
    const wanted =
      listen === "unix" ? `unix://${file("buildkitd.sock")}` : `tcp://127.0.0.1:${options.port ?? 0}`;
    const cgroup = basename(directory);
    own({ [Symbol.asyncDispose]: () => removeCgroups(cgroup) });
    const configuration = daemonConfiguration(options, { root, address: wanted, cgroup, certificates });
    await writeFile(file("buildkitd.toml"), configuration);
    const { command, path } = await daemonProgram(engines, architecture);
    const running = /running server on ([^\s"]+)/;
    const daemon = own(
      await startEnclosed(command[0], [...command.slice(1), "--config", file("buildkitd.toml")], {
        env: {
          PATH: `${path}:${process.env["PATH"] ?? ""}`,
          HOME: directory,
          BUILDKIT_HOST: undefined,
          OTEL_TRACES_EXPORTER: "none",
          ...options.env,
        },
        replaced: await hostsFile(file("hosts"), options.hosts ?? []),
        ready: (output) => running.test(output),
      }),
    );
    const address = listen === "unix" ? wanted : `tcp://${running.exec(daemon.output())?.[1] ?? ""}`;
    const files = {
      caFile: certificates?.caFile,
      clientCert: certificates?.client.certificateFile,
      clientKey: certificates?.client.keyFile,
    };
    const { caFile = "", clientCert = "", clientKey = "" } = files;
    const tls = certificates && ["--tlscacert", caFile, "--tlscert", clientCert, "--tlskey", clientKey];
    return {
      architecture,
      address,
      root,
      pid: daemon.pid,
      path: engines.path,
      ...files,
      kill: () => daemon.stop(),
      log: () => daemon.output(),
      buildctl: (args, more = {}) =>
        run(engines.program("buildctl"), ["--addr", address, ...(tls ?? []), ...args], more),
    };
  });
}
