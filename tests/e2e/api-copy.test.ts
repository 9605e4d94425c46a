import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crane } from "../engines/clients.ts";
import { startDockerd } from "../engines/dockerd.ts";
import { ensureEngines } from "../engines/install.ts";
import { openPodman } from "../engines/podman.ts";
import { startRegistry, type Registry } from "../engines/registry.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, makeWorkspace, type Run, type Workspace } from "./anyarch.ts";
import { askService, machines, orjsonDigest, prepareExample, sharedCacheDir } from "./example-service.ts";

const platforms = Object.keys(machines);
const engines = await ensureEngines(["docker-registry", "openssl", "crane", "podman", "dockerd", "runc"]);

interface Manifest {
  readonly manifests: readonly { readonly digest: string; readonly platform: Record<string, string> }[];
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
  readonly annotations?: Record<string, string>;
}

describeWith(engines, ["docker-registry", "openssl", "crane"], "copies of examples/api", () => {
  let registry: Registry;
  let workspace: Workspace;
  let env: Record<string, string>;
  let api: string;
  let digest: string;
  let reference: string;

  /** Runs a command that must succeed. */
  const ok = async (...args: string[]): Promise<Run> => {
    const result = await anyarch(args, { cwd: workspace.path, env });
    expect(result, `${args.join(" ")}\n${result.stderr}`).toMatchObject({ code: 0 });
    return result;
  };
  const digestOf = async (name: string): Promise<string> =>
    (await crane(["digest", `${registry.host}/${name}`], { registry })).stdout.trim();
  const manifestOf = async (name: string): Promise<Manifest> =>
    JSON.parse((await crane(["manifest", `${registry.host}/${name}`], { registry })).stdout) as Manifest;

  beforeAll(async () => {
    registry = await startRegistry({ tls: true, auth: "basic" });
    workspace = makeWorkspace({ cacheDir: sharedCacheDir() });
    env = { ...workspace.env, ...registry.env };
    api = prepareExample("api", join(workspace.path, "api"));
    const built = await ok("build", api, "--platform", platforms.join(","), "-t", "api:1", "--quiet");
    digest = built.stdout.trim();
    reference = `${registry.host}/api:1`;
  });

  afterAll(async () => {
    workspace[Symbol.dispose]();
    await registry[Symbol.asyncDispose]();
  });

  it("004-06 004-09 pushes what dist/image holds, blob by blob as it lies there", async () => {
    const pushed = await ok("push", reference, `${registry.host}/api:stable`);
    expect(pushed.stdout).toContain(digest);
    expect(pushed.stderr).toContain(`✓ copy oci:dist/image to ${registry.host}/api`);
    expect([await digestOf("api:1"), await digestOf("api:stable")]).toEqual([digest, digest]);
    await crane(["validate", "--remote", reference], { registry });
    const read = (name: string): Buffer =>
      readFileSync(join(workspace.path, "dist/image/blobs/sha256", name.replace("sha256:", "")));
    const index = JSON.parse(read(digest).toString()) as Manifest;
    expect(index).toEqual(await manifestOf("api:1"));
    for (const { digest: own } of index.manifests) {
      const manifest = JSON.parse(read(own).toString()) as Manifest;
      for (const { digest: blob } of [manifest.config, ...manifest.layers]) {
        expect(`sha256:${createHash("sha256").update(read(blob)).digest("hex")}`).toBe(blob);
      }
    }
    const again = await ok("push", reference);
    expect(again.stdout).toMatch(/0 sent \(0 B\).*1 there already/);
  });

  it("carries a whole index from registry to layout to archive to registry with one digest", async () => {
    await ok("push", reference);
    await ok("copy", reference, "oci:layout:1");
    await ok("copy", "oci:layout:1", "oci-archive:api.tar:1");
    const last = await ok("copy", "oci-archive:api.tar:1", `${registry.host}/again:1`, "--format", "json");
    expect(JSON.parse(last.stdout)).toMatchObject({ schema: "anyarch.copy/v1", digest });
    expect(await digestOf("again:1")).toBe(digest);
    await crane(["validate", "--remote", `${registry.host}/again:1`], { registry });
    for (const place of ["oci:layout:1", "oci-archive:api.tar:1"]) {
      expect((await ok("inspect", place)).stdout).toContain(digest);
      expect((await ok("verify", place)).stdout.match(/^✓ linux/gm)).toHaveLength(3);
    }
  });

  it("004-31 mounts blobs within a registry instead of sending them", async () => {
    await ok("push", reference);
    const before = (await registry.requests()).length;
    await ok("copy", reference, `${registry.host}/elsewhere:1`);
    const requests = (await registry.requests()).slice(before);
    const blobs = requests.filter(({ path, method }) => path.includes("/blobs/") && method !== "HEAD");
    expect(blobs.every(({ path, status }) => path.includes("mount=") && status === 201)).toBe(true);
    expect(blobs.length).toBeGreaterThan(8);
    expect(await digestOf("elsewhere:1")).toBe(digest);
  });

  it("says which platform to choose for an archive that holds one only", async () => {
    const refused = await anyarch(["copy", "oci:dist/image", "docker-archive:all.tar"], {
      cwd: workspace.path,
      env,
    });
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("not linux/amd64, linux/arm64, linux/arm/v7");
    expect(refused.stderr).toContain("Choose one with --platform");
    const flags = ["--platform", "linux/amd64,linux/arm64", "-o", "docker-archive:all.tar"];
    const unbuilt = await anyarch(["build", api, ...flags], { cwd: workspace.path, env });
    expect(unbuilt).toMatchObject({ code: 2, stdout: "" });
    expect(unbuilt.stderr).not.toContain("layer");
  });

  describeWith(engines, ["podman", "dockerd"], "docker-archive", () => {
    it("004-07 004-29 loads into podman and into docker's two stores", async () => {
      const archive = join(workspace.path, "arm64.tar");
      const name = "example.test/team/api:1";
      await ok("copy", "oci:dist/image", `docker-archive:${archive}:${name}`, "--platform", "linux/arm64");
      const format = "{{.Os}}/{{.Architecture}} {{json .Config.Entrypoint}}";
      const expected = 'linux/arm64 ["/opt/venv/bin/uvicorn","main:app"';
      await using podman = await openPodman();
      expect((await podman.run(["load", "--input", archive])).stdout).toContain(name);
      expect((await podman.run(["image", "inspect", "--format", format, name])).stdout).toContain(expected);
      for (const store of ["containerd", "classic"] as const) {
        await using docker = await startDockerd({ store });
        expect((await docker.run(["load", "--input", archive])).stdout).toContain(name);
        const inspected = await docker.run(["image", "inspect", "--format", format, name]);
        expect(inspected.stdout).toContain(expected);
      }
    });
  });

  it("004-09 004-18 makes an index of tags that were pushed one platform at a time", async () => {
    const tags = { "linux/amd64": "1-amd64", "linux/arm64": "1-arm64", "linux/arm/v7": "1-armv7" };
    for (const [platform, tag] of Object.entries(tags)) {
      await ok("build", api, "--platform", platform, "-t", `${registry.host}/multi:${tag}`, "--push");
    }
    const sources = Object.values(tags).map((tag) => `${registry.host}/multi:${tag}`);
    const before = (await registry.requests()).length;
    const made = await ok("index", "create", `${registry.host}/multi:1`, ...sources);
    // The very index that one build for all of them makes; no blob was touched for it.
    expect(made.stdout).toContain(digest);
    expect(await digestOf("multi:1")).toBe(digest);
    const requests = (await registry.requests()).slice(before);
    expect(requests.filter(({ path, method }) => path.includes("/blobs/") && method !== "GET")).toEqual([]);
    await crane(["validate", "--remote", `${registry.host}/multi:1`], { registry });
    const twice = await anyarch(
      ["index", "create", `${registry.host}/multi:2`, ...sources, `${registry.host}/multi:1-arm64`],
      { env },
    );
    expect(twice, twice.stderr).toMatchObject({ code: 0 });
    expect(await digestOf("multi:2")).toBe(digest);
  });

  describeWith(engines, ["podman", "dockerd"], "an index that was put together", () => {
    it("004-18 lets podman and docker choose the architecture", async () => {
      const multi = `${registry.host}/multi:1`;
      await using podman = await openPodman({ registries: [registry] });
      await using docker = await startDockerd({ registries: [registry] });
      const index = await manifestOf("multi:1");
      for (const [platform, at] of [
        [undefined, 0],
        ["linux/arm64", 1],
        ["linux/arm/v7", 2],
      ] as const) {
        const flags = platform === undefined ? [] : ["--platform", platform];
        const own = index.manifests[at];
        await podman.run(["pull", "--quiet", ...flags, multi]);
        const format = "{{.Architecture}} {{.RepoDigests}}";
        const { stdout } = await podman.run(["image", "inspect", "--format", format, multi]);
        expect(stdout).toContain(`${own?.platform["architecture"]} `);
        expect(stdout).toContain(`@${own?.digest}`);
        await docker.run(["pull", "--quiet", ...flags, multi]);
      }
      expect((await docker.run(["image", "inspect", "--format", "{{.Id}}", multi])).stdout.trim()).toBe(
        digest,
      );
    });
  });

  it("004-23 builds on a registry's image: facts by looking into it, its blobs mounted", async () => {
    const hello = prepareExample("hello-python", join(workspace.path, "hello"));
    const base = `${registry.host}/python:3.11-slim`;
    await ok("build", hello, "--platform", platforms.join(","), "-t", base, "--push");
    const baseIndex = await manifestOf("python:3.11-slim");
    const baseLayers = await Promise.all(
      baseIndex.manifests.map(async (own) =>
        (await manifestOf(`python@${own.digest}`)).layers.map((layer) => layer.digest),
      ),
    );
    using own = makeWorkspace();
    const build = (tag: string): Promise<Run> => {
      const flags = ["--platform", platforms.join(","), "-t", `${registry.host}/service:${tag}`, "--push"];
      const options = { cwd: own.path, env: { ...env, ...own.env } };
      return anyarch(["build", api, "--base-image", base, ...flags, "--format", "json", "-q"], options);
    };
    const before = (await registry.requests()).length;
    const built = await build("1");
    expect(built, built.stderr).toMatchObject({ code: 0 });
    const requests = (await registry.requests()).slice(before);
    const { plan } = JSON.parse(built.stdout) as {
      plan: { platforms: { facts: { python: object; libc: object } }[] };
    };
    for (const { facts } of plan.platforms) {
      expect(facts.python).toMatchObject({
        version: expect.stringMatching(/^3\.11\.\d+$/) as string,
        executable: "/usr/bin/python3.11",
      });
      expect(facts.libc).toEqual({ family: "glibc", version: "2.36" });
    }
    const mounted = requests.filter(({ path, status }) => path.includes("mount=") && status === 201);
    const decoded = mounted.map(({ path }) => new URL(path, "http://x").searchParams);
    expect(new Set(decoded.map((query) => query.get("mount")))).toEqual(new Set(baseLayers.flat()));
    expect(new Set(decoded.map((query) => query.get("from")))).toEqual(new Set(["python"]));
    // Pure packages, the application, three times native packages and configuration.
    const sent = requests.filter(
      ({ path, method }) => method === "PUT" && path.includes("/service/blobs/uploads/"),
    );
    expect(sent).toHaveLength(8);

    const again = (await registry.requests()).length;
    expect(await build("2")).toMatchObject({ code: 0 });
    const later = (await registry.requests()).slice(again);
    expect(
      later.filter(
        ({ method, path }) => method === "GET" && path.includes("/blobs/") && path.includes("python"),
      ),
    ).toHaveLength(3);

    await crane(["validate", "--remote", `${registry.host}/service:1`], { registry });
    const index = await manifestOf("service:1");
    for (const [at, { digest: made }] of index.manifests.entries()) {
      const manifest = await manifestOf(`service@${made}`);
      expect(manifest.layers.slice(0, 3).map((layer) => layer.digest)).toEqual(baseLayers[at]);
      expect(manifest.annotations).toMatchObject({
        "org.opencontainers.image.base.name": base,
        "org.opencontainers.image.base.digest": baseIndex.manifests[at]?.digest,
      });
    }
    if (engines.without("podman", "runc") !== undefined) return;
    await using podman = await openPodman({ registries: [registry] });
    const { about } = await askService(podman, `${registry.host}/service:1`, "linux/amd64");
    expect(about).toMatchObject({ machine: "x86_64", orjson: orjsonDigest });
  });
});
