import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crane, skopeo, umoci } from "../engines/clients.ts";
import { startDockerd } from "../engines/dockerd.ts";
import { ensureEngines } from "../engines/install.ts";
import { openPodman } from "../engines/podman.ts";
import { run } from "../engines/process.ts";
import { registerQemu } from "../engines/qemu.ts";
import { startRegistry, type Registry } from "../engines/registry.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, makeWorkspace, type Run, type Workspace } from "./anyarch.ts";
import { askService, machines, orjsonDigest, prepareExample, sharedCacheDir } from "./example-service.ts";

const platforms = Object.keys(machines);
const engines = await ensureEngines([
  "docker-registry",
  "openssl",
  "crane",
  "skopeo",
  "umoci",
  "podman",
  "dockerd",
  "runc",
  "qemu",
]);

interface Manifest {
  readonly mediaType: string;
  readonly manifests: readonly { readonly digest: string; readonly platform: Record<string, string> }[];
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly mediaType: string }[];
}

describeWith(engines, ["docker-registry", "openssl", "crane", "skopeo"], "examples/api", () => {
  let registry: Registry;
  let workspace: Workspace;
  let env: Record<string, string>;
  let api: string;
  let reference: string;
  let built: Run;
  let requests: Awaited<ReturnType<Registry["requests"]>>;
  let index: Manifest;

  const craneJson = async <T>(...args: string[]): Promise<T> =>
    JSON.parse((await crane(args, { registry })).stdout) as T;

  beforeAll(async () => {
    registry = await startRegistry({ tls: true, auth: "basic" });
    workspace = makeWorkspace({ cacheDir: sharedCacheDir() });
    env = { ...workspace.env, ...registry.env };
    api = prepareExample("api", join(workspace.path, "api"));
    reference = `${registry.host}/api:1`;
    const flags = ["--platform", platforms.join(","), "-t", reference, "--push"];
    // Every layer is made by the code that is tested; only what was downloaded is kept between runs.
    built = await anyarch(["build", api, ...flags, "--no-cache"], { cwd: workspace.path, env });
    requests = await registry.requests();
    index = await craneJson<Manifest>("manifest", reference);
  });

  afterAll(async () => {
    workspace[Symbol.dispose]();
    await registry[Symbol.asyncDispose]();
  });

  it("004-01 004-08 pushes three platforms as one index with one command", async () => {
    expect(built, built.stderr).toMatchObject({ code: 0 });
    const digest = (await crane(["digest", reference], { registry })).stdout.trim();
    expect(built.stdout).toContain(`index of 3 platforms ${digest}`);
    expect(built.stdout).toContain(`${reference}  16 sent`);
    for (const [at, { digest: own }] of index.manifests.entries()) {
      expect(built.stdout).toMatch(
        new RegExp(`^${platforms[at]} +${own.slice(0, 19)} .* ELF of \\d+ files$`, "m"),
      );
    }
    // Children first, the index by digest, then the tag; nothing else is left at the registry or beside the example.
    const put = requests.filter(({ method, path }) => method === "PUT" && path.includes("/manifests/"));
    expect(put.map(({ path }) => path.replace("/v2/api/manifests/", "")).slice(-2)).toEqual([digest, "1"]);
    expect(put).toHaveLength(5);
    expect(existsSync(join(workspace.path, "dist"))).toBe(false);
    expect(existsSync(join(api, "dist"))).toBe(false);
  });

  it("004-09 shows what it does, for each platform", () => {
    for (const platform of platforms) {
      expect(built.stderr).toContain(`✓ ${platform}  layer native python packages`);
      expect(built.stderr).toMatch(
        new RegExp(`^✓ ${platform}  verify every file  \\d+ files, \\d+ of them ELF, all right`, "m"),
      );
    }
    expect(built.stderr).toContain(`✓ copy the build to ${registry.host}/api`);
    expect(built.stderr).not.toMatch(/warning|error/);
  });

  it("004-03 004-05 004-23 names each platform exactly, in the index and in the configs", async () => {
    expect(index.mediaType).toBe("application/vnd.oci.image.index.v1+json");
    expect(index.manifests.map(({ platform }) => platform)).toStrictEqual([
      { architecture: "amd64", os: "linux" },
      { architecture: "arm64", os: "linux" },
      { architecture: "arm", os: "linux", variant: "v7" },
    ]);
    for (const { digest, platform } of index.manifests) {
      const config = await craneJson<Record<string, unknown>>("config", `${registry.host}/api@${digest}`);
      const { architecture, os, variant } = config;
      expect({ architecture, os, ...(variant !== undefined && { variant }) }).toStrictEqual(platform);
      expect("variant" in config).toBe(platform["architecture"] === "arm");
    }
  });

  it("004-07 004-38 is valid for crane, and skopeo copies all of it with its digests", async () => {
    await crane(["validate", "--remote", reference], { registry });
    const digest = (await crane(["digest", reference], { registry })).stdout.trim();
    const copied = `docker://${registry.host}/mirror/api:1`;
    const flags = ["copy", "--all", "--preserve-digests", "--quiet", `docker://${reference}`];
    await skopeo([...flags, copied], { registry });
    expect((await crane(["digest", `${registry.host}/mirror/api:1`], { registry })).stdout.trim()).toBe(
      digest,
    );
    const layout = join(workspace.path, "skopeo");
    await skopeo([...flags, `oci:${layout}:1`], { registry });
    const top = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as Manifest;
    expect(top.manifests.map((manifest) => manifest.digest)).toEqual([digest]);
    const kept = await anyarch(["verify", `oci:${layout}:1`, "--deep"], { env });
    expect(kept, kept.stdout).toMatchObject({ code: 0 });
  });

  it("004-10 004-25 004-26 shares what is pure and has each target's own native packages", async () => {
    const layers = await Promise.all(
      index.manifests.map(async ({ digest }) => {
        const manifest = await craneJson<Manifest>("manifest", `${registry.host}/api@${digest}`);
        return manifest.layers.map((layer) => layer.digest);
      }),
    );
    const [amd64 = [], arm64 = [], arm = []] = layers;
    expect(layers.map((own) => own.length)).toEqual([5, 5, 5]);
    // Debian's architecture-independent packages, pure wheels, the application.
    for (const at of [0, 2, 4]) expect(new Set([amd64[at], arm64[at], arm[at]]).size).toBe(1);
    for (const at of [1, 3]) expect(new Set([amd64[at], arm64[at], arm[at]]).size).toBe(3);
    expect(built.stdout).toMatch(/^shared by the platforms: .*python packages \(.*application/m);
    const machine = {
      "linux/amd64": "Advanced Micro Devices X86-64",
      "linux/arm64": "AArch64",
      "linux/arm/v7": "ARM",
    };
    for (const [at, platform] of Object.keys(machine).entries()) {
      const files = join(workspace.path, `native-${at}`);
      const blob = `${registry.host}/api@${layers[at]?.[3]}`;
      const script = `mkdir "$2" && "$1" blob "$3" | tar -xz -C "$2" && find "$2" -name '*.so' -exec readelf -h {} +`;
      const { stdout } = await run("sh", ["-c", script, "sh", engines.program("crane"), files, blob], {
        env: registry.env,
      });
      const found = [...stdout.matchAll(/Machine: +(.+)/g)].map(([, name]) => name);
      expect(found.length).toBeGreaterThanOrEqual(2);
      expect(new Set(found)).toEqual(new Set([machine[platform as keyof typeof machine]]));
    }
  });

  it("004-31 inspects the index, byte for byte and by platform", async () => {
    const raw = await anyarch(["inspect", reference, "--raw"], { env });
    expect(raw.stdout).toBe((await crane(["manifest", reference], { registry })).stdout);
    const [, , arm] = index.manifests;
    const rawArm = await anyarch(["inspect", reference, "--raw", "--platform", "linux/arm/v7"], { env });
    const ofArm = await crane(["manifest", `${registry.host}/api@${arm?.digest}`], { registry });
    expect(rawArm.stdout).toBe(ofArm.stdout);
    const { stdout } = await anyarch(["inspect", reference, "--format", "json"], { env });
    const whole = JSON.parse(stdout) as { platforms: { platform: string; digest: string; config: object }[] };
    expect(whole).toMatchObject({ schema: "anyarch.inspect/v1", location: reference, others: [] });
    expect(whole.platforms.map(({ digest }) => digest)).toEqual(index.manifests.map(({ digest }) => digest));
    const config = await craneJson<{ config: object }>("config", "--platform", "linux/arm64", reference);
    expect(whole.platforms[1]?.config).toEqual(config.config);
    const one = await anyarch(["inspect", reference, "--platform", "linux/arm64"], { env });
    expect(one.stdout.match(/^linux\/\S+/gm)).toEqual(["linux/arm64"]);
    expect(one.stdout).toContain("uvicorn main:app");
    const none = await anyarch(["inspect", reference, "--platform", "linux/s390x"], { env });
    expect(none).toMatchObject({ code: 1, stdout: "" });
    expect(none.stderr).toContain("it is for linux/amd64, linux/arm64, linux/arm/v7");
  });

  it("003-35 verifies what was pushed", async () => {
    const { code, stdout } = await anyarch(["verify", reference, "--format", "json"], { env });
    const report = JSON.parse(stdout) as { platforms: { platform: string; ok: boolean; elf: number }[] };
    expect(code).toBe(0);
    expect(report.platforms.map(({ platform, ok }) => [platform, ok])).toEqual(
      platforms.map((name) => [name, true]),
    );
    for (const { elf } of report.platforms) expect(elf).toBeGreaterThan(300);
    const text = await anyarch(["verify", reference, "--deep"], { env });
    expect(text.code).toBe(0);
    expect(text.stdout.match(/^✓ linux\/\S+ {2}\d+ ELF of \d+ files$/gm)).toHaveLength(3);
  });

  it("000-02 gives several tags one digest, and makes nothing anew for them", async () => {
    const before = (await registry.requests()).length;
    const files = { metadata: join(workspace.path, "metadata.json"), id: join(workspace.path, "id") };
    const tags = ["-t", reference, "-t", `${registry.host}/api:latest`];
    const outputs = ["--metadata-file", files.metadata, "--iidfile", files.id];
    const flags = ["--platform", platforms.join(","), ...tags, "--push", ...outputs];
    const again = await anyarch(["build", api, ...flags], { cwd: workspace.path, env });
    expect(again, again.stderr).toMatchObject({ code: 0 });
    const digests = await Promise.all(
      ["1", "latest"].map(
        async (tag) => (await crane(["digest", `${registry.host}/api:${tag}`], { registry })).stdout,
      ),
    );
    expect(new Set(digests).size).toBe(1);
    const [digest = ""] = digests;
    expect(readFileSync(files.id, "utf8")).toBe(digest.trim());
    expect(JSON.parse(readFileSync(files.metadata, "utf8"))).toMatchObject({
      "containerimage.digest": digest.trim(),
      "anyarch.platforms": platforms.map((platform) => ({ platform })),
      "anyarch.omitted": [],
    });
    const sent = (await registry.requests()).slice(before).filter(({ method }) => method === "PUT");
    expect(sent.map(({ path }) => path)).toEqual(["/v2/api/manifests/1", "/v2/api/manifests/latest"]);
  });

  it("004-02 004-16 pushes one foreign platform as a plain manifest, which umoci unpacks", async () => {
    const single = `${registry.host}/graviton:1`;
    const layout = join(workspace.path, "graviton");
    const flags = ["--platform", "linux/arm64", "-t", single, "--push", "-o", `oci:${layout}`];
    const pushed = await anyarch(["build", api, ...flags], { cwd: workspace.path, env });
    expect(pushed, pushed.stderr).toMatchObject({ code: 0 });
    const manifest = await craneJson<Manifest>("manifest", single);
    expect(manifest.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
    expect((await crane(["digest", single], { registry })).stdout.trim()).toBe(index.manifests[1]?.digest);
    if (engines.without("umoci") !== undefined) return;
    await umoci(["unpack", "--image", `${layout}:1`, join(workspace.path, "bundle")]);
    const python = join(workspace.path, "bundle/rootfs/usr/bin/python3.11");
    expect((await run("readelf", ["-h", python])).stdout).toMatch(/Machine: +AArch64/);
  });

  describeWith(engines, ["podman", "runc", "qemu"], "podman with runc", () => {
    it("004-07 pulls and runs each platform; the service answers with what it runs on", async () => {
      await registerQemu();
      await using podman = await openPodman({ registries: [registry] });
      for (const [at, platform] of platforms.entries()) {
        await podman.run(["pull", "--quiet", "--platform", platform, reference]);
        const format = "{{.RepoDigests}} {{.Os}}/{{.Architecture}}";
        const { stdout } = await podman.run(["image", "inspect", "--format", format, reference]);
        expect(stdout).toContain(`@${index.manifests[at]?.digest}`);
        expect(stdout).toContain(` linux/${index.manifests[at]?.platform["architecture"]}`);
      }
      const answers = await Promise.all(
        platforms.map((platform, at) =>
          askService(podman, `${registry.host}/api@${index.manifests[at]?.digest}`, platform),
        ),
      );
      const about = (machine: string): unknown => ({
        machine,
        python: expect.stringMatching(/^3\.11\./) as string,
        pydantic_core: expect.stringMatching(/^2\./) as string,
        orjson: orjsonDigest,
      });
      expect(answers.map((answer) => answer.about)).toEqual(Object.values(machines).map(about));
      for (const { orders } of answers) {
        expect(orders).toEqual([
          { accepted: true, item: "tea", count: 3 },
          { accepted: false, errors: 1 },
        ]);
      }
    });
  });

  describeWith(engines, ["dockerd", "qemu"], "docker with containerd", () => {
    it("004-07 pulls each platform and runs it", async () => {
      await registerQemu();
      await using docker = await startDockerd({ registries: [registry] });
      const code =
        "import platform, orjson, pydantic_core; print(platform.machine(), orjson.dumps([1, None]))";
      for (const [platform, machine] of Object.entries(machines)) {
        await docker.run(["pull", "--quiet", "--platform", platform, reference]);
        const python = ["--entrypoint", "/opt/venv/bin/python", reference, "-c", code];
        const ran = await docker.run(["run", "--rm", "--network", "none", "--platform", platform, ...python]);
        expect(ran.stdout).toBe(`${machine} b'[1,null]'\n`);
      }
      const { stdout } = await docker.run(["image", "inspect", "--format", "{{.Id}}", reference]);
      expect(stdout.trim()).toBe((await crane(["digest", reference], { registry })).stdout.trim());
      const { about } = await askService(docker, reference, "linux/amd64");
      expect(about).toMatchObject({ machine: "x86_64", orjson: orjsonDigest });
    });
  });
});
