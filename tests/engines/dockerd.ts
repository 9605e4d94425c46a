import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExecResult } from "../../src/host/exec.ts";
import { withCleanup, type Stoppable } from "./cleanup.ts";
import { needEngine } from "./install.ts";
import { makeMountableTempDir } from "./mounts.ts";
import { run, startDaemon, type RunOptions } from "./process.ts";
import { clientEnvironment, type Registry } from "./registry.ts";

export interface DockerOptions {
  /** Which the docker command is logged in to. dockerd takes any certificate of a registry on the loopback. */
  readonly registries?: readonly Registry[];
  /** Images are kept by containerd (default), which can hold all platforms of an index, or by the classic graph driver. */
  readonly store?: "containerd" | "classic";
  /** Asked in place of docker.io. */
  readonly mirror?: Registry;
  /** What is put in front of the daemon's command line: namespaces that it runs in, and which end it. */
  readonly within?: readonly string[];
}

export interface Docker extends Stoppable {
  /** Runs the docker command. Throws on a non-zero exit, unless `anyExit`. */
  run(args: readonly string[], options?: RunOptions): Promise<ExecResult>;
  /** The daemon's unix socket. */
  readonly socket: string;
  /** DOCKER_HOST, DOCKER_CONFIG and what the registries need. */
  readonly env: Readonly<Record<string, string>>;
  /** For PATH. */
  readonly path: string;
  /** What the daemon wrote so far. */
  output(): string;
}

/**
 * Starts dockerd 26 and its containerd on a unix socket, with all their data in a temporary directory (0.5 s).
 * Containers have no network but `--network none|host`. Needs root; throws when the engine is missing.
 */
export async function startDockerd(options: DockerOptions = {}): Promise<Docker> {
  const engines = await needEngine("dockerd");
  return await withCleanup(async (own) => {
    const { path: directory } = own(await makeMountableTempDir());
    const file = (name: string): string => join(directory, name);
    const socket = file("docker.sock");
    const config = {
      features: { "containerd-snapshotter": options.store !== "classic" },
      "data-root": file("data"),
      "exec-root": file("exec"),
      pidfile: file("docker.pid"),
      hosts: [`unix://${socket}`],
      iptables: false,
      ip6tables: false,
      "ip-forward": false,
      "userland-proxy": false,
      bridge: "none",
      "shutdown-timeout": 1,
      ...(options.mirror === undefined ? {} : { "registry-mirrors": [options.mirror.url] }),
      // For containers with `--init`, as buildx makes them. No script of ours: it is run in the container.
      "init-path": join(engines.root("dockerd"), "usr/bin/tini-static"),
    };
    await writeFile(file("daemon.json"), JSON.stringify(config));
    const { DOCKER_CONFIG, ...client } = await clientEnvironment(file("client"), options.registries ?? []);
    const line = [engines.program("dockerd"), "--config-file", file("daemon.json")];
    const [program = "", ...words] = [...(options.within ?? []), ...line];
    const daemon = own(
      await startDaemon(program, words, {
        env: {
          PATH: `${engines.path}:${process.env["PATH"] ?? ""}`,
          HOME: directory,
          DOCKER_HOST: undefined,
        },
        ready: (output) => output.includes("API listen on"),
      }),
    );
    const env = { ...client, DOCKER_CONFIG: DOCKER_CONFIG ?? "", DOCKER_HOST: `unix://${socket}` };
    const docker: Docker["run"] = (args, more = {}) =>
      run(engines.program("docker"), args, { ...more, env: { ...env, ...more.env } });
    return { run: docker, socket, env, path: engines.path, output: () => daemon.output() };
  });
}
