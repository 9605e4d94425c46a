import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crane, skopeo } from "../../engines/clients.ts";
import { ensureEngines } from "../../engines/install.ts";
import { openPodman, type Podman } from "../../engines/podman.ts";
import { run } from "../../engines/process.ts";
import { startRegistry } from "../../engines/registry.ts";
import { describeWith } from "../../engines/suites.ts";
import { root } from "../anyarch.ts";
import { both, farmEngines, startFarm, type TestFarm } from "./farm.ts";

const needed = [...farmEngines, "buildx", "podman", "skopeo"] as const;
const engines = await ensureEngines(needed);

let farm: TestFarm;
let podman: Podman;

beforeAll(async () => {
  if (engines.without(...needed) !== undefined) return;
  farm = await startFarm({ clients: [await ensureEngines(["buildx"])] });
  podman = await openPodman({ registries: [farm.registry] });
  farm.write({
    "app/greeting": "hello\n",
    "docker/App.Dockerfile": [
      "FROM busybox:stable AS build",
      "ARG LEVEL=none",
      "COPY greeting /in",
      'RUN echo "$(cat /in) from $(uname -m), $LEVEL" > /out',
      "FROM busybox:stable",
      "COPY --from=build /out /out",
      'CMD ["sh", "-c", "uname -m; cat /out"]',
    ],
  });
});

afterAll(async () => {
  await podman?.stop();
  await farm?.stop();
});

interface Index {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform?: { readonly architecture: string };
    readonly annotations?: Readonly<Record<string, string>>;
  }[];
}

const image = (name: string): string => `${farm.registry.host}/${name}`;
const digest = async (reference: string): Promise<string> =>
  (await crane(["digest", reference], { registry: farm.registry })).stdout.trim();
const rawIndex = async (reference: string): Promise<Index> =>
  JSON.parse(
    (await skopeo(["inspect", "--raw", `docker://${reference}`], { registry: farm.registry })).stdout,
  ) as Index;
const metadata = (name: string): Readonly<Record<string, unknown>> =>
  JSON.parse(readFileSync(join(farm.workspace.path, name), "utf8")) as Record<string, unknown>;

/** What the image says when it is pulled and run on a platform. */
async function runs(reference: string, platform: string): Promise<string> {
  const args = ["run", "--rm", "--pull", "always", "--platform", platform, reference];
  return (await podman.run(args)).stdout;
}

const native = () => [
  { platform: "linux/amd64", placement: "native", node: farm.names.amd64 },
  { platform: "linux/arm64", placement: "native", node: farm.names.arm64 },
];

describeWith(engines, needed, "Dockerfiles on two machines", () => {
  it("000-01 000-02 000-03 000-15 000-17 001-07 001-08 002-15 003-31 004-28 are pushed as one index under all tags, and run", async () => {
    const tags = [image("team/app:1.0"), image("team/app:latest"), image("other/app:1.0")];
    const args = ["--build-arg", "LEVEL=low", "--build-arg", "linux/arm64=LEVEL=high", "--push"];
    const named = [...tags.flatMap((tag) => ["-t", tag]), "--metadata-file", "meta.json"];
    const file = ["-f", "docker/App.Dockerfile", "app"];
    const before = await run("docker-buildx", ["ls"], { env: farm.env });
    const built = await farm.anyarch(["build", ...farm.builders, ...both, ...named, ...args, ...file]);
    expect(built).toMatchObject({ code: 0 });
    expect(built.stdout).toMatch(/linux\/amd64 .*native on tcp:.*\n.*linux\/arm64 .*native on ssh:/);
    const told = metadata("meta.json");
    expect(told).toMatchObject({ "image.name": tags.join(","), "anyarch.platforms": native() });
    for (const tag of tags) expect(await digest(tag)).toBe(told["containerimage.digest"]);
    const { manifests } = await rawIndex(tags[2] ?? "");
    expect(manifests.map(({ platform }) => platform?.architecture).slice(0, 2)).toEqual(["amd64", "arm64"]);
    expect(await runs(tags[1] ?? "", "linux/amd64")).toBe("x86_64\nhello from x86_64, low\n");
    expect(await runs(tags[2] ?? "", "linux/arm64")).toBe("aarch64\nhello from aarch64, high\n");
    // The user's builders, and which of them is the current one, are as they were.
    expect((await run("docker-buildx", ["ls"], { env: farm.env })).stdout).toBe(before.stdout);
  });

  it("002-09 002-10 keep each platform's provenance, and an inline cache that another build uses", async () => {
    const tag = image("team/proved:1");
    const common = [...farm.builders, ...both, "-t", tag, "-f", "docker/App.Dockerfile", "--push"];
    const attest = ["--provenance", "mode=max", "--cache-to", "type=inline"];
    expect(await farm.anyarch(["build", ...common, ...attest, "app"])).toMatchObject({ code: 0 });
    const { manifests } = await rawIndex(tag);
    const images = manifests.slice(0, 2).map((one) => one.digest);
    expect(manifests.map(({ platform }) => platform?.architecture)).toEqual([
      "amd64",
      "arm64",
      "unknown",
      "unknown",
    ]);
    expect(manifests.slice(2).map(({ annotations }) => annotations)).toEqual(
      images.map((subject) => ({
        "vnd.docker.reference.digest": subject,
        "vnd.docker.reference.type": "attestation-manifest",
      })),
    );
    // buildx finds each platform's by these annotations; it speaks plain HTTP only to a registry on the loopback.
    await using plain = await startRegistry();
    await crane(["copy", tag, `${plain.host}/proved:1`], { registry: farm.registry });
    const inspect = ["imagetools", "inspect", `${plain.host}/proved:1`, "--format", "{{json .Provenance}}"];
    const inspected = await run("docker-buildx", inspect, { env: farm.env });
    const proofs = JSON.parse(inspected.stdout) as Record<string, object>;
    for (const platform of ["linux/amd64", "linux/arm64"])
      expect(proofs).toMatchObject({
        [platform]: { SLSA: { invocation: { environment: { platform } }, buildConfig: {} } },
      });
    const config = JSON.parse((await crane(["config", tag], { registry: farm.registry })).stdout) as object;
    expect(config).toHaveProperty(["moby.buildkit.cache.v0"]);

    // A machine that has built nothing yet takes the step from the image.
    const fresh = await farm.more({});
    const again = ["--builder", fresh.address, "--platform", "linux/amd64", "--progress", "plain"];
    const from = ["--cache-from", `type=registry,ref=${tag}`, "-f", "docker/App.Dockerfile"];
    const cached = await farm.anyarch(["build", ...again, ...from, "--verbose", "app"]);
    expect(cached).toMatchObject({ code: 0 });
    expect(cached.stderr).toMatch(/= .*RUN echo .*cached/);
  });

  it("000-15 000-16 are built by what anyarch.toml names", async () => {
    const tag = image("configured/app:1");
    farm.write({
      "project/Dockerfile": ["FROM busybox:stable", "RUN uname -m > /machine", 'CMD ["cat", "/machine"]'],
      "project/anyarch.toml": [
        "[build]",
        'platform = ["linux/amd64", "linux/arm64"]',
        `tag = ["${tag}"]`,
        "push = true",
        "[builders]",
        `"linux/amd64" = "${farm.endpoints.amd64}"`,
        '"linux/arm64" = "ssh://arm64.example"',
      ],
    });
    const cwd = join(farm.workspace.path, "project");
    const built = await farm.anyarch(["build", "--metadata-file", "../configured.json"], { cwd });
    expect(built).toMatchObject({ code: 0 });
    expect(metadata("configured.json")).toMatchObject({
      "anyarch.platforms": [{ placement: "native" }, { placement: "native", node: "ssh://arm64.example" }],
    });
    expect(await runs(tag, "linux/arm64")).toBe("aarch64\n");
  });

  it("000-01 000-15 are built by a program that uses the library", async () => {
    const tags = [image("program/app:1"), image("program/app:latest")];
    farm.write({
      "program.mjs": [
        `import { docker } from ${JSON.stringify(join(root, "lib/index.js"))};`,
        'const result = await docker.build("docker/App.Dockerfile", (o) => o',
        '  .withPlatforms("linux/amd64", "linux/arm64")',
        `  .withTag(${JSON.stringify(tags[0])}).withTag(${JSON.stringify(tags[1])})`,
        '  .withContext("app").withBuildArg("LEVEL", "api")',
        `  .withBuilder("linux/amd64", ${JSON.stringify(farm.endpoints.amd64)})`,
        `  .withArmBuilder(${JSON.stringify(farm.endpoints.arm64)})`,
        "  .withFallbackToAvailable().withoutLoad().withTimeoutMinutes(5).withPush());",
        "console.log(JSON.stringify(result));",
      ],
    });
    const { stdout } = await run(process.execPath, ["program.mjs"], {
      cwd: farm.workspace.path,
      env: farm.env,
    });
    const result = JSON.parse(stdout) as { digest: string; omitted: unknown[]; platforms: unknown[] };
    expect(result).toMatchObject({ omitted: [], platforms: native() });
    for (const tag of tags) expect(await digest(tag)).toBe(result.digest);
    expect(await runs(tags[1] ?? "", "linux/arm64")).toBe("aarch64\nhello from aarch64, api\n");
  });

  it("003-36 are built to try them out without a push", async () => {
    const before = (await farm.registry.requests()).length;
    const args = [...farm.builders, ...both, "-f", "docker/App.Dockerfile", "app"];
    expect(await farm.anyarch(["build", ...args])).toMatchObject({ code: 0 });
    expect((await farm.registry.requests()).slice(before)).toEqual([]);
    expect(existsSync(join(farm.workspace.path, "dist/image/index.json"))).toBe(true);
    const verified = await farm.anyarch(["verify", "oci:dist/image", ...both]);
    expect(verified).toMatchObject({ code: 0 });
  });
});
