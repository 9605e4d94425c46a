import { existsSync, realpathSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ExecResult } from "../../../src/host/exec.ts";
import { startBaseRegistry } from "../../engines/base-images.ts";
import { loadBuildkitImage } from "../../engines/buildkit-image.ts";
import { startDockerd, type Docker } from "../../engines/dockerd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import type { Registry } from "../../engines/registry.ts";
import { describeWith } from "../../engines/suites.ts";
import { root } from "../anyarch.ts";
import { expectError, openSite, signalAt, type Site } from "./site.ts";

const needed = ["dockerd", "buildx", "buildkit", "busybox", "docker-registry"] as const;
const engines = await ensureEngines(needed);

let bases: Registry;
let docker: Docker;
let site: Site;

beforeAll(async () => {
  if (engines.without(...needed) !== undefined) return;
  bases = await startBaseRegistry(["busybox:stable"]);
  docker = await startDockerd({ mirror: bases });
  const path = [docker.path, engines.path, process.env["PATH"] ?? ""].join(":");
  site = openSite({ DOCKER_HOST: docker.env["DOCKER_HOST"] ?? "", PATH: path });
});

afterAll(async () => {
  await docker?.stop();
  await bases?.stop();
  site?.[Symbol.dispose]();
});

/**
 * A container with this machine's Node.js and libraries, this project, docker's client, and the daemon's socket: as CI
 * systems have it, but quicker to start than an image of 200 MB.
 */
function inContainer(script: string): Promise<ExecResult> {
  const clients = ["docker", "docker-buildx"].map((name) => dirname(engines.program(name)));
  const node = dirname(realpathSync(process.execPath));
  const libraries = ["/lib", "/lib64", "/usr"].filter((folder) => existsSync(folder));
  const project = [root, realpathSync(join(root, "node_modules"))];
  const folders = new Set([...libraries, node, ...project, ...clients.map((folder) => dirname(folder))]);
  const mounts = [...folders].map((folder) => `${folder}:${folder}:ro`);
  const shared = [...mounts, `${docker.socket}:/var/run/docker.sock`, `${site.work}:/work`];
  const path = [...clients, node, "/bin"].join(":");
  const settings = [
    "--workdir",
    "/work",
    "--network",
    "host",
    "--env",
    `PATH=${path}`,
    "--env",
    "NO_COLOR=1",
  ];
  const volumes = shared.flatMap((volume) => ["--volume", volume]);
  return docker.run(["run", "--rm", ...volumes, ...settings, "busybox:stable", "sh", "-c", script], {
    anyExit: true,
  });
}

describeWith(engines, needed, "in a container with Docker's socket", () => {
  it("000-04 000-05 builds in that daemon, says so, and lists the versions of Docker and buildx when it fails", async () => {
    site.write(["FROM busybox:stable", "ARG FAIL", 'RUN test -z "$FAIL" && uname -m > /out']);
    const build = `node ${root}/lib/cli/main.js build . --platform linux/amd64 --network host`;
    const { code, stdout, stderr } = await inContainer(`test -e /.dockerenv && ${build}`);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(
      "In a container with a Docker socket (Docker-in-Docker): what Docker builds is built in that daemon",
    );
    expect(stdout).toMatch(/linux\/amd64 .*native on default/);
    const failed = await inContainer(`${build} --build-arg FAIL=1`);
    expectError(failed, "BUILD_FAILED", 1, "exit code 1");
    const report = failed.stderr.slice(failed.stderr.indexOf("\nbuilt with\n"));
    expect(report).toContain("In a container with a Docker socket (Docker-in-Docker)");
    expect(report).toContain(`Node.js ${process.version}, linux x64`);
    expect(report).toMatch(/buildx \d+\.\d+/);
    expect(report).toMatch(/docker client \d+\.\d+\S*, server \d+\.\d+/);
    expect(report).toMatch(/builder default: linux\/amd64, docker, BuildKit v0\.\d+/);
  });
});

describeWith(engines, needed, "a BuildKit container that was made for a build", () => {
  it("001-06 001-07 is found again, never the current builder, and all that is left after Ctrl-C", async () => {
    await loadBuildkitImage(docker);
    await copyFile(join(engines.root("busybox"), "amd64/bin/busybox"), join(site.work, "busybox"));
    const steps = ["FROM scratch", "COPY busybox /bin/busybox"];
    site.write([...steps, 'RUN ["/bin/busybox", "uname", "-m"]']);
    const waiting = "while :; do echo waiting; /bin/busybox sleep 0.2; done";
    site.write([...steps, `RUN ["/bin/busybox", "sh", "-c", "${waiting}"]`], "Waiting");
    const args = ["--platform", "linux/amd64", "--builder", "context://default"];
    const env = { ANYARCH_BUILDKIT_DRIVER_OPTS: "network=host" };
    const good = await site.build(args, { env });
    expect(good.code, good.stderr).toBe(0);
    const names = async (): Promise<readonly string[]> =>
      (await docker.run(["ps", "--all", "--format", "{{.Names}}"])).stdout.trim().split("\n");
    const before = await names();
    expect(before).toEqual([expect.stringMatching(/^buildx_buildkit_anyarch-[0-9a-f]{12}0$/)]);
    const cancelled = await site.build([...args, "--file", "Waiting"], {
      env,
      ...signalAt("│ waiting", "SIGINT"),
    });
    expect(cancelled.code, cancelled.stderr).toBe(130);
    expect(await names()).toEqual(before);
    const processes = async (): Promise<string> => (await docker.run(["top", before[0] ?? ""])).stdout;
    await expect.poll(processes, { timeout: 5000 }).not.toContain("waiting");
    const { stdout } = await run(engines.program("docker-buildx"), ["ls"], { env: { ...site.env } });
    expect(stdout).toMatch(/^default\*/m);
    await site.expectTidy();
  });
});
