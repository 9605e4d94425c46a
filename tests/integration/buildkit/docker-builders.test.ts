import { afterAll, beforeAll, expect, it } from "vitest";
import { describeEnvironment } from "../../../src/buildkit/environment.ts";
import { createContext } from "../../../src/host/node-host.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { formatPlatform } from "../../../src/oci/platform.ts";
import { loadBuildkitImage } from "../../engines/buildkit-image.ts";
import { startDockerd, type Docker } from "../../engines/dockerd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import { makeSshClient, startSshd } from "../../engines/sshd.ts";
import { describeWith } from "../../engines/suites.ts";
import { failures, farmOf, userHost } from "./farm-fixture.ts";

const needed = ["buildkit", "buildx", "dockerd", "sshd", "openssl", "qemu"] as const;
const engines = await ensureEngines(needed);

let home: TempDir;
let docker: Docker;

beforeAll(async () => {
  home = await makeTempDir();
  if (engines.without(...needed) !== undefined) return;
  docker = await startDockerd();
  await loadBuildkitImage(docker);
}, 60_000);

afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
  await home[Symbol.asyncDispose]();
});

const own = { ANYARCH_BUILDKIT_DRIVER_OPTS: "network=host" };

async function containers(): Promise<readonly string[]> {
  const { stdout } = await docker.run(["ps", "--all", "--format", "{{.Names}}"]);
  return stdout.split("\n").filter(Boolean);
}

describeWith(engines, needed, "builders on a Docker", () => {
  it("001-05 001-06 001-07 are made once, started, found again and removed on request", async () => {
    const host = userHost(engines, home.path, own);
    const env = host.env;
    const address = docker.env["DOCKER_HOST"] ?? "";
    const cli = engines.program("docker");
    await run(cli, ["context", "create", "there", "--docker", `host=${address}`], { env });
    const list = async (): Promise<string> =>
      (await run(engines.program("docker-buildx"), ["ls"], { env })).stdout;
    const first = await farmOf(host, { builders: ["context://there"] });
    expect(failures(first)).toEqual([]);
    expect(first.nodes[0]?.facts).toMatchObject({ driver: "docker-container", pushByDigest: true });
    expect(first.nodes[0]?.facts.version).toMatch(/^v0\.26/);
    await first[Symbol.asyncDispose]();
    const [container = "", ...others] = await containers();
    expect(container).toMatch(/^buildx_buildkit_anyarch-[0-9a-f]{12}0$/);
    expect(others).toEqual([]);
    expect(await list()).toMatch(/^default\*/m);

    // Again, with the container stopped meanwhile: started, not made anew.
    await docker.run(["stop", container]);
    const again = await farmOf(host, { builders: ["context://there"], options: { keepBuilders: false } });
    expect(failures(again)).toEqual([]);
    expect(await containers()).toEqual([container]);

    // A container that runs BuildKit is a builder as well.
    const direct = userHost(engines, home.path, { ...own, DOCKER_HOST: address });
    await using inside = await farmOf(direct, { builders: [`docker-container://${container}`] });
    expect(failures(inside)).toEqual([]);
    expect(inside.nodes.map(({ facts }) => formatPlatform(facts.native))).toEqual(["linux/amd64"]);

    await again[Symbol.asyncDispose]();
    expect(await containers()).toEqual([]);
    expect(await list()).not.toContain("anyarch");
    await using gone = await farmOf(direct, { builders: [`docker-container://${container}`] });
    expect(failures(gone)).toEqual([
      `BUILDER_UNREACHABLE: docker-container://${container} can't be used: there is no such container.`,
    ]);
  }, 120_000);

  it("000-15 are made through ssh, where a host has Docker and no BuildKit", async () => {
    const address = docker.env["DOCKER_HOST"] ?? "";
    const path = ["/usr/bin", "/bin", docker.path].join(":");
    await using remote = await startSshd({ commandEnvironment: { DOCKER_HOST: address, PATH: path } });
    await using client = await makeSshClient({ "docker.test": remote });
    const PATH = [client.path, engines.path, process.env["PATH"]].join(":");
    const host = userHost(engines, home.path, { ...own, PATH });
    const farm = await farmOf(host, { builders: ["ssh://docker.test"], options: { keepBuilders: false } });
    expect(failures(farm)).toEqual([]);
    expect(farm.nodes[0]?.facts.driver).toBe("docker-container");
    await farm[Symbol.asyncDispose]();
    expect(await containers()).toEqual([]);
  }, 120_000);

  it("are the Docker that is here, by itself, when its store can hold images of all platforms", async () => {
    const host = userHost(engines, home.path, { ...own, DOCKER_HOST: docker.env["DOCKER_HOST"] });
    await using farm = await farmOf(host, { builders: [] });
    expect(failures(farm)).toEqual([]);
    expect(farm.nodes.map(({ spec, facts }) => [spec.name, facts.driver, facts.pushByDigest])).toEqual([
      ["default", "docker", false],
    ]);
    const facts = await describeEnvironment(farm, createContext(host));
    expect(facts.dockerServer).toMatch(/^\d+\.\d+\.\d+/);
    expect(facts.dockerClient).toMatch(/^\d+\.\d+\.\d+/);
    expect(facts.client).toMatch(/^buildx /);
    expect(facts.builders).toMatchObject([{ name: "default", driver: "docker", native: "linux/amd64" }]);
    expect(facts.emulators.find(({ name }) => name.includes("aarch64"))?.version).toMatch(/^\d+\.\d+/);
    expect(facts.mode.text).toMatch(facts.mode.kind === "host" ? /host/ : /Docker-in-Docker/);
  }, 60_000);

  it("stand in for a Docker whose own store holds one platform only", async () => {
    await using classic = await startDockerd({ store: "classic" });
    await loadBuildkitImage(classic);
    const host = userHost(engines, home.path, { ...own, DOCKER_HOST: classic.env["DOCKER_HOST"] });
    await using farm = await farmOf(host, { builders: [], options: { keepBuilders: false } });
    expect(failures(farm)).toEqual([]);
    expect(farm.nodes.map(({ spec, facts }) => [spec.name, facts.driver])).toEqual([
      ["default", "docker-container"],
    ]);
  }, 120_000);
});
