import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crane, skopeo } from "../../engines/clients.ts";
import { startDockerd } from "../../engines/dockerd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { openPodman } from "../../engines/podman.ts";
import { describeWith } from "../../engines/suites.ts";
import { both, farmEngines, startFarm, type TestFarm } from "./farm.ts";

const needed = [...farmEngines, "skopeo"] as const;
const engines = await ensureEngines([...needed, "buildx", "dockerd", "podman"]);

let farm: TestFarm;

beforeAll(async () => {
  if (engines.without(...needed) !== undefined) return;
  // No docker and no buildx in PATH.
  farm = await startFarm({ systemPath: "/usr/bin:/bin" });
  farm.write({
    "app/Dockerfile": ["FROM busybox:stable", "RUN uname -m > /machine", 'CMD ["cat", "/machine"]'],
  });
});

afterAll(async () => {
  await farm?.stop();
});

interface Index {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform?: { readonly os: string; readonly architecture: string };
  }[];
}

/** The index that a layout holds. */
function indexOf(directory: string): Index {
  const read = (path: string): Index =>
    JSON.parse(readFileSync(join(farm.workspace.path, directory, path), "utf8")) as Index;
  const [root] = read("index.json").manifests;
  return read(`blobs/${root?.digest.replace(":", "/")}`);
}

const path = (...folders: readonly string[]): string => [...folders, farm.env["PATH"] ?? ""].join(":");

describeWith(engines, needed, "Dockerfiles by buildctl, without docker", () => {
  it("000-15 are built on all machines, into a layout and an archive at once", async () => {
    const outputs = ["--output", "oci:out", "--output", "oci-archive:out.tar"];
    const args = [...farm.builders, ...both, ...outputs, "--format", "json", "app"];
    const built = await farm.anyarch(["build", ...args]);
    expect(built).toMatchObject({ code: 0 });
    const result = JSON.parse(built.stdout) as { digest: string; plan: unknown; platforms: unknown };
    expect(result).toMatchObject({
      plan: { backend: { name: "buildctl" } },
      platforms: [
        { platform: "linux/amd64", placement: "native", node: farm.names.amd64 },
        { platform: "linux/arm64", placement: "native", node: farm.names.arm64 },
      ],
    });
    expect(
      indexOf("out")
        .manifests.map((one) => one.platform?.architecture)
        .slice(0, 2),
    ).toEqual(["amd64", "arm64"]);
    const cwd = farm.workspace.path;
    const archive = await skopeo(["inspect", "--raw", "oci-archive:out.tar"], { cwd });
    expect(JSON.parse(archive.stdout)).toEqual(indexOf("out"));
  });

  it("000-02 000-17 are pushed under several tags", async () => {
    const tags = ["1", "latest"].map((tag) => `${farm.registry.host}/buildctl/app:${tag}`);
    const named = tags.flatMap((tag) => ["-t", tag]);
    const args = [...farm.builders, ...both, ...named, "--provenance=false", "--push", "-q", "app"];
    const built = await farm.anyarch(["build", ...args]);
    expect(built).toMatchObject({ code: 0 });
    for (const tag of tags) {
      const { stdout } = await crane(["digest", tag], { registry: farm.registry });
      expect(stdout).toBe(built.stdout);
      await crane(["validate", "--remote", tag], { registry: farm.registry });
    }
  });
});

describeWith(engines, [...needed, "buildx"], "Dockerfiles by either client", () => {
  it("are the same image", async () => {
    const { path: folder } = await ensureEngines(["buildx"]);
    const args = [...farm.builders, ...both, "--provenance=false", "--source-date-epoch=0", "--format=json"];
    const digests = [];
    for (const name of ["buildx", "buildctl"]) {
      const env = { PATH: path(folder), ANYARCH_BUILDKIT_BACKEND: name };
      const built = await farm.anyarch(["build", ...args, "--output", `oci:${name}`, "app"], { env });
      expect(built).toMatchObject({ code: 0 });
      const result = JSON.parse(built.stdout) as { digest: string; plan: { backend: { name: string } } };
      expect(result.plan.backend.name).toBe(name);
      digests.push(result.digest);
    }
    expect(digests[1]).toBe(digests[0]);
  });
});

describeWith(engines, [...needed, "buildx", "dockerd"], "Dockerfiles and the Docker that is here", () => {
  it("003-19 are loaded and run, all platforms where Docker keeps indexes", async () => {
    await using docker = await startDockerd({ mirror: farm.bases });
    const env = { ...docker.env, SSL_CERT_FILE: farm.env["SSL_CERT_FILE"], PATH: path(docker.path) };
    const load = (...args: readonly string[]) =>
      farm.anyarch(["build", ...farm.builders, "--load", ...args, "app"], { env });
    const runs = async (...args: readonly string[]): Promise<string> =>
      (await docker.run(["run", "--rm", "--network", "none", ...args])).stdout.trim();
    expect(await load("--platform", "linux/amd64", "-t", "one:1")).toMatchObject({ code: 0 });
    expect(await runs("one:1", "uname", "-m")).toBe("x86_64");
    expect(await load(...both, "-t", "two:1", "-t", "two:latest")).toMatchObject({ code: 0 });
    expect(await runs("--platform", "linux/arm64", "two:latest")).toBe("aarch64");
    expect(await runs("--platform", "linux/amd64", "two:1")).toBe("x86_64");
    // Its own BuildKit, with no builder named: what it makes comes here and goes to the registry from here.
    const tag = `${farm.registry.host}/docker/app:1`;
    const own = ["build", ...both, "--network", "host", "-t", tag, "--push", "--format", "json", "app"];
    const { path: buildx } = await ensureEngines(["buildx"]);
    const user = { ...env, DOCKER_CONFIG: farm.env["DOCKER_CONFIG"], PATH: path(buildx, docker.path) };
    const built = await farm.anyarch(own, { env: user });
    expect(built).toMatchObject({ code: 0 });
    expect(JSON.parse(built.stdout)).toMatchObject({
      platforms: [
        { placement: "native", node: "default" },
        { placement: "emulated", node: "default" },
      ],
      plan: { nodes: [{ driver: "docker" }] },
    });
    await crane(["validate", "--remote", tag, "--fast"], { registry: farm.registry });
  });

  it("003-19 are loaded for its own platform where it doesn't, with a word about the others", async () => {
    await using docker = await startDockerd({ store: "classic" });
    const env = { ...docker.env, PATH: path(docker.path) };
    const loaded = await farm.anyarch(
      ["build", ...farm.builders, ...both, "--load", "-t", "classic:1", "app"],
      { env },
    );
    expect(loaded).toMatchObject({ code: 0 });
    expect(loaded.stderr).toContain("only linux/amd64 of linux/amd64, linux/arm64 is loaded");
    const { stdout } = await docker.run(["run", "--rm", "--network", "none", "classic:1"]);
    expect(stdout).toBe("x86_64\n");
  });
});

describeWith(engines, [...needed, "podman"], "Dockerfiles and podman", () => {
  it("003-19 are loaded and run", async () => {
    await using podman = await openPodman();
    const { HOME = "", ...env } = podman.env;
    const built = await farm.anyarch(
      ["build", ...farm.builders, "--platform", "linux/arm64", "--load", "-t", "loaded:1", "app"],
      { env: { ...env, HOME, PATH: path(podman.path) } },
    );
    expect(built).toMatchObject({ code: 0 });
    const { stdout } = await podman.run(["run", "--rm", "loaded:1", "uname", "-m"]);
    expect(stdout).toBe("aarch64\n");
  });
});
