import type { HostProbe } from "../../../src/doctor/probe.ts";

/** A machine that can't be had here, as its files and programs were seen to answer. */
export interface Recording {
  readonly files?: Readonly<Record<string, string>>;
  readonly folders?: Readonly<Record<string, readonly string[]>>;
  /** Command line → standard output, or how it failed. What isn't named isn't installed. */
  readonly commands?: Readonly<
    Record<string, string | { readonly code: number; readonly stderr: string; readonly stdout?: string }>
  >;
  readonly env?: Readonly<Record<string, string>>;
  /** Whether programs of other CPUs run. */
  readonly runsForeign?: boolean;
}

export function recordedProbe({
  files = {},
  folders = {},
  commands = {},
  env = {},
  runsForeign = false,
}: Recording): HostProbe {
  const programs = new Set(Object.keys(commands).map((line) => line.split(" ")[0]));
  return {
    name: "a recorded machine",
    local: false,
    read: async (path) => {
      const text = files[path];
      return text === undefined ? { kind: "missing" } : { kind: "text", text };
    },
    readBytes: async () => undefined,
    list: async (path) => folders[path],
    run: async (program, args) => {
      const answer = commands[[program, ...args].join(" ")];
      if (answer === undefined && !programs.has(program)) return undefined;
      if (typeof answer === "string") return { code: 0, stdout: answer, stderr: "", timedOut: false };
      return { code: 1, stdout: "", stderr: "", timedOut: false, ...answer };
    },
    shell: async () => ({
      code: runsForeign ? 0 : 126,
      stdout: "",
      stderr: "Exec format error",
      timedOut: false,
    }),
    env: (name) => env[name],
  };
}

const version = (server: object | null, context = "default"): string =>
  JSON.stringify({
    Client: { Version: "28.3.2", Os: "darwin", Arch: "arm64", Context: context },
    Server: server,
  });

/** Docker Desktop 4.43 on an M2, as its commands answer; the containerd store is on. */
export function appleWithDesktop(settings: Readonly<Record<string, unknown>>): Recording {
  const buildkit = {
    Name: "desktop-linux",
    Endpoint: "desktop-linux",
    Status: "running",
    Version: "v0.23.2",
    Platforms: [
      "linux/arm64",
      "linux/amd64",
      "linux/amd64/v2",
      "linux/riscv64",
      "linux/ppc64le",
      "linux/s390x",
      "linux/386",
      "linux/arm/v7",
      "linux/arm/v6",
    ],
  };
  return {
    env: { HOME: "/Users/ana" },
    files: {
      "/Users/ana/Library/Group Containers/group.com.docker/settings-store.json": JSON.stringify(settings),
    },
    commands: {
      "uname -srm": "Darwin 24.5.0 arm64",
      "id -u": "501",
      "id -un": "ana",
      "sysctl -n machdep.cpu.brand_string": "Apple M2 Pro",
      "sysctl -n sysctl.proc_translated": "0",
      "docker version --format {{json .}}": version(
        { Version: "28.3.2", Os: "linux", Arch: "arm64", KernelVersion: "6.10.14-linuxkit" },
        "desktop-linux",
      ),
      "docker info --format {{json .}}": JSON.stringify({
        Driver: "overlayfs",
        DriverStatus: [["driver-type", "io.containerd.snapshotter.v1"]],
        OperatingSystem: "Docker Desktop",
        Architecture: "aarch64",
        CgroupVersion: "2",
        DockerRootDir: "/var/lib/docker",
        Name: "docker-desktop",
      }),
      "docker context ls --format json": `${JSON.stringify({ Name: "default", DockerEndpoint: "unix:///var/run/docker.sock", Current: false })}\n${JSON.stringify({ Name: "desktop-linux", DockerEndpoint: "unix:///Users/ana/.docker/run/docker.sock", Current: true })}`,
      "docker buildx version": "github.com/docker/buildx v0.25.0-desktop.1 faaea65da4",
      "docker buildx ls --format json": JSON.stringify({
        Name: "desktop-linux",
        Driver: "docker",
        Current: true,
        Nodes: [buildkit],
      }),
    },
  };
}
