import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeTempDir, type TempDir } from "../../src/host/temp-dir.ts";
import { startBaseRegistry } from "../engines/base-images.ts";
import { loadBuildkitImage } from "../engines/buildkit-image.ts";
import { registryConfig, startBuildkitd, type Buildkitd } from "../engines/buildkitd.ts";
import { crane } from "../engines/clients.ts";
import { startDockerd } from "../engines/dockerd.ts";
import { ensureEngines } from "../engines/install.ts";
import { ProgramFailed, run, type RunOptions } from "../engines/process.ts";
import { registerQemu } from "../engines/qemu.ts";
import { startRegistry } from "../engines/registry.ts";
import { makeSshClient, startSshd } from "../engines/sshd.ts";
import { describeWith } from "../engines/suites.ts";

const nodes = ["buildkit", "busybox", "qemu", "qemu-daemon", "openssl"] as const;
const engines = await ensureEngines([...nodes, "buildx", "sshd", "dockerd", "docker-registry", "crane"]);

let temp: TempDir;
let context: string;

beforeAll(async () => {
  temp = await makeTempDir();
  context = join(temp.path, "context");
  await mkdir(context);
  if (engines.without("busybox") !== undefined) return;
  for (const architecture of ["amd64", "arm64"]) {
    const program = join(engines.root("busybox"), architecture, "bin/busybox");
    await copyFile(program, join(context, `busybox-${architecture}`));
  }
  const steps = [
    "FROM scratch AS build",
    "ARG TARGETARCH BUILDPLATFORM",
    "COPY busybox-$TARGETARCH /bin/busybox",
    'RUN ["/bin/busybox", "sh", "-c", "echo $(/bin/busybox uname -m) on $BUILDPLATFORM > /out"]',
    "FROM scratch",
    "COPY --from=build /out /out",
  ];
  await writeFile(join(context, "Dockerfile"), steps.join("\n"));
});

afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

let built = 0;

/** What the Dockerfile's RUN step wrote, built by `buildctl … build` as `buildctl` runs it. */
async function build(buildctl: (args: readonly string[]) => Promise<unknown>): Promise<string> {
  built += 1;
  const output = join(temp.path, `out-${built}`);
  const local = ["--local", `context=${context}`, "--local", `dockerfile=${context}`];
  await buildctl(["build", "--frontend", "dockerfile.v0", ...local, "--output", `type=local,dest=${output}`]);
  return (await readFile(join(output, "out"), "utf8")).trim();
}

const path = (...folders: readonly string[]): string => [...folders, process.env["PATH"] ?? ""].join(":");

async function firstPlatform(node: Buildkitd): Promise<string | undefined> {
  const { stdout } = await node.buildctl(["debug", "workers"]);
  return /linux\/\S+/.exec(stdout)?.[0].replace(/,.*/, "");
}

describeWith(engines, nodes, "BuildKit nodes", () => {
  it("build natively over a unix socket, and as an arm64 machine under QEMU", async () => {
    await using amd64 = await startBuildkitd();
    expect(await build(amd64.buildctl)).toBe("x86_64 on linux/amd64");
    expect(await firstPlatform(amd64)).toBe("linux/amd64");
    await using arm64 = await startBuildkitd({ architecture: "arm64" });
    expect(await build(arm64.buildctl)).toBe("aarch64 on linux/arm64");
    expect(await firstPlatform(arm64)).toBe("linux/arm64");
    expect((await arm64.buildctl(["debug", "info"])).stdout).toContain("v0.26.3");
  });

  it("take a client with a certificate over TCP, and nobody else", async () => {
    await using node = await startBuildkitd({ listen: "tcp-tls" });
    expect(await build(node.buildctl)).toBe("x86_64 on linux/amd64");
    const stranger = ["--addr", node.address, "--tlscacert", node.caFile ?? "", "debug", "workers"];
    await expect(run(engines.program("buildctl"), stranger)).rejects.toThrow(ProgramFailed);
    await using expired = await startBuildkitd({ listen: "tcp-tls", certificateDays: -1 });
    await expect(expired.buildctl(["debug", "workers"])).rejects.toThrow("certificate has expired");
  });

  it("are gone at once when killed, with what they ran", async () => {
    await using node = await startBuildkitd({ listen: "tcp" });
    const dockerfile = join(temp.path, "hang");
    await mkdir(dockerfile);
    const steps = ["FROM scratch", "COPY busybox-amd64 /bin/busybox", 'RUN ["/bin/busybox", "sleep", "321"]'];
    await writeFile(join(dockerfile, "Dockerfile"), steps.join("\n"));
    const local = ["--local", `context=${context}`, "--local", `dockerfile=${dockerfile}`];
    const building = node.buildctl(["build", "--progress=plain", "--frontend", "dockerfile.v0", ...local], {
      anyExit: true,
    });
    const sleeping = async (): Promise<boolean> =>
      (await run("pgrep", ["-f", "/bin/busybox sleep 321"], { anyExit: true })).code === 0;
    for (let waited = 0; waited < 20_000 && !(await sleeping()); waited += 50) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await sleeping()).toBe(true);
    await node.kill();
    expect((await building).code).not.toBe(0);
    expect(await sleeping()).toBe(false);
  });
});

describeWith(engines, [...nodes, "docker-registry"], "base images", () => {
  it("are what FROM lines mean, on every platform", async () => {
    await using bases = await startBaseRegistry(["busybox:stable"]);
    const dockerfile = join(temp.path, "from-busybox");
    await mkdir(dockerfile);
    const steps = [
      "FROM busybox:stable AS build",
      "RUN uname -m > /out",
      "FROM scratch",
      "COPY --from=build /out /",
    ];
    await writeFile(join(dockerfile, "Dockerfile"), steps.join("\n"));
    await using node = await startBuildkitd({ mirrors: { "docker.io": bases } });
    const output = join(temp.path, "from-busybox-out");
    const local = ["--local", `context=${dockerfile}`, "--local", `dockerfile=${dockerfile}`];
    const both = ["--opt", "platform=linux/amd64,linux/arm64", "--output", `type=local,dest=${output}`];
    await registerQemu();
    await node.buildctl(["build", "--frontend", "dockerfile.v0", ...local, ...both]);
    expect(await readFile(join(output, "linux_amd64/out"), "utf8")).toBe("x86_64\n");
    expect(await readFile(join(output, "linux_arm64/out"), "utf8")).toBe("aarch64\n");
  });
});

describeWith(engines, [...nodes, "sshd"], "BuildKit nodes behind SSH", () => {
  it("build for who knows the host's key", async () => {
    await using node = await startBuildkitd({ architecture: "arm64" });
    const commandEnvironment = { BUILDKIT_HOST: node.address, PATH: path(node.path) };
    await using host = await startSshd({ commandEnvironment });
    await using client = await makeSshClient({ "arm.test": host });
    const over = (address: string, more: string): ((args: readonly string[]) => Promise<unknown>) => {
      const options: RunOptions = { env: { PATH: path(more) } };
      return (args) => run(engines.program("buildctl"), ["--addr", address, ...args], options);
    };
    expect(await build(over("ssh://arm.test", client.path))).toBe("aarch64 on linux/arm64");
    expect(await build(over(host.url, client.path))).toBe("aarch64 on linux/arm64");
    await using other = await startSshd();
    const knownHosts = [host.knownHost.replace(/\S+$/, other.knownHost.split(" ")[2] ?? "")];
    await using stranger = await makeSshClient({ "arm.test": host }, { knownHosts });
    await expect(build(over("ssh://arm.test", stranger.path))).rejects.toThrow(
      "Host key verification failed",
    );
  });
});

describeWith(engines, [...nodes, "buildx", "dockerd", "docker-registry", "crane"], "buildx", () => {
  it("builds on nodes by its remote driver, as a plugin and by itself", async () => {
    await using amd64 = await startBuildkitd();
    await using arm64 = await startBuildkitd({ architecture: "arm64", listen: "tcp-tls" });
    const config = join(temp.path, "docker");
    await mkdir(config);
    const plugins = { cliPluginsExtraDirs: [dirname(engines.program("docker-buildx"))] };
    await writeFile(join(config, "config.json"), JSON.stringify(plugins));
    const env = { DOCKER_CONFIG: config, DOCKER_HOST: "unix:///nonexistent/docker.sock" };
    const docker = engines.program("docker");
    const create = ["buildx", "create", "--name", "farm", "--driver", "remote"];
    await run(docker, [...create, "--platform", "linux/amd64", amd64.address], { env });
    const files = { cacert: arm64.caFile, cert: arm64.clientCert, key: arm64.clientKey };
    const tls = Object.entries(files).map(([name, value]) => `${name}=${value ?? ""}`);
    const append = ["--append", "--platform", "linux/arm64", "--driver-opt", tls.join(","), arm64.address];
    await run(docker, [...create, ...append], { env });
    const output = join(temp.path, "buildx");
    const both = ["--platform", "linux/amd64,linux/arm64", "--output", `type=local,dest=${output}`];
    await run(engines.program("buildx"), ["--builder", "farm", "build", ...both, context], { env });
    expect(await readFile(join(output, "linux_amd64/out"), "utf8")).toBe("x86_64 on linux/amd64\n");
    expect(await readFile(join(output, "linux_arm64/out"), "utf8")).toBe("aarch64 on linux/arm64\n");
  });

  it("builds by its docker-container driver in a dockerd, and by the dockerd's own BuildKit", async () => {
    await registerQemu();
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    await using docker = await startDockerd({ registries: [registry] });
    await loadBuildkitImage(docker);
    const configuration = join(temp.path, "in-container.toml");
    await writeFile(configuration, registryConfig([registry]));
    const buildx = (...args: readonly string[]): Promise<unknown> =>
      run(engines.program("buildx"), args, { env: { ...docker.env, PATH: path(docker.path) } });
    const driver = ["--driver", "docker-container", "--driver-opt", "network=host"];
    await buildx(
      "create",
      "--name",
      "contained",
      ...driver,
      "--buildkitd-config",
      configuration,
      "--bootstrap",
    );
    const target = `${registry.host}/team/contained:1`;
    const platforms = ["--platform", "linux/amd64,linux/arm64"];
    await buildx("build", "--builder", "contained", ...platforms, "--push", "-t", target, context);
    const manifest = JSON.parse((await crane(["manifest", target], { registry })).stdout) as {
      readonly manifests: readonly { readonly platform: { readonly architecture: string } }[];
    };
    const architectures = manifest.manifests.map(({ platform }) => platform.architecture);
    expect(architectures).toEqual(expect.arrayContaining(["amd64", "arm64"]));
    await buildx("rm", "contained");
    expect((await docker.run(["ps", "--all", "--quiet"])).stdout).toBe("");
    const output = join(temp.path, "embedded");
    const native = ["--network", "host", "--output", `type=local,dest=${output}`];
    await buildx("build", "--builder", "default", ...native, context);
    expect(await readFile(join(output, "out"), "utf8")).toBe("x86_64 on linux/amd64\n");
  });
});
