import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse as parseYaml } from "yaml";
import { ensureEngines } from "../engines/install.ts";
import { startRegistry, type Registry } from "../engines/registry.ts";
import { describeWith } from "../engines/suites.ts";
import { hasReadelf, readelf } from "../integration/verify/readelf.ts";
import { anyarch, makeWorkspace, type Workspace } from "./anyarch.ts";
import { prepareExample, sharedCacheDir } from "./example-service.ts";

const engines = await ensureEngines(["docker-registry"]);
const platforms = ["linux/amd64", "linux/arm64"];

interface Report {
  readonly schema: string;
  readonly digest: string;
  readonly platforms: readonly {
    readonly platform: string;
    readonly digest: string;
    readonly compressed: number;
    readonly unpacked: number;
    readonly elf: number;
    readonly libc: readonly { readonly family: string; readonly version: string; readonly needed: string }[];
    readonly kernel: string;
    readonly words: { readonly processor: string };
  }[];
  readonly places: readonly {
    readonly id: string;
    readonly cloud: string;
    readonly runs: readonly { readonly platform: string; readonly setting?: string }[];
    readonly lacks: readonly { readonly platform: string }[];
  }[];
}

interface Manifest {
  readonly manifests: readonly { readonly digest: string }[];
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

describeWith(engines, ["docker-registry"], "anyarch requirements", () => {
  let registry: Registry;
  let workspace: Workspace;
  let reference: string;

  const run = (...args: string[]) =>
    anyarch(args, { cwd: workspace.path, env: { ...workspace.env, ...registry.env } });
  const readme = (): string => readFileSync(join(workspace.path, "README.md"), "utf8");
  const fromRegistry = async (kind: string, name: string): Promise<Buffer> => {
    const accept = ["manifest", "index"].map((type) => `application/vnd.oci.image.${type}.v1+json`).join();
    const answer = await fetch(`http://${registry.host}/v2/hello/${kind}/${name}`, { headers: { accept } });
    expect(answer.status).toBe(200);
    return Buffer.from(await answer.arrayBuffer());
  };
  const manifest = async (name: string): Promise<Manifest> =>
    JSON.parse((await fromRegistry("manifests", name)).toString()) as Manifest;

  beforeAll(async () => {
    registry = await startRegistry();
    workspace = makeWorkspace({ cacheDir: sharedCacheDir() });
    prepareExample("hello-python", join(workspace.path, "hello"));
    reference = `${registry.host}/hello:1`;
    const built = await run("build", "hello", "--platform", platforms.join(), "-t", reference, "--push");
    expect(built, built.stderr).toMatchObject({ code: 0 });
  });

  afterAll(async () => {
    workspace[Symbol.dispose]();
    await registry[Symbol.asyncDispose]();
  });

  it("003-29 says of each platform what readelf and the registry say", async (context) => {
    if (!hasReadelf()) return context.skip("without readelf");
    const result = await run("requirements", reference, "--format", "json");
    expect(result, result.stderr).toMatchObject({ code: 0 });
    const report = JSON.parse(result.stdout) as Report;
    expect(report.schema).toBe("anyarch.requirements/v1");
    const index = await manifest("1");
    expect(report.platforms.map(({ platform }) => platform)).toEqual(platforms);
    expect(report.platforms.map(({ digest }) => digest)).toEqual(index.manifests.map(({ digest }) => digest));
    for (const each of report.platforms) {
      const root = join(workspace.path, "root", each.platform);
      mkdirSync(root, { recursive: true });
      const { layers } = await manifest(each.digest);
      expect(each.compressed).toBe(layers.reduce((sum, { size }) => sum + size, 0));
      let unpacked = 0;
      for (const { digest } of layers) {
        const tar = execFileSync("gzip", ["-dc"], {
          input: await fromRegistry("blobs", digest),
          maxBuffer: 1 << 30,
        });
        unpacked += tar.length;
        const wanted = ["--wildcards", "*/libc.so.6", "*/python3.11"];
        spawnSync("tar", ["-x", "-C", root, ...wanted], { input: tar }); // It fails where the layer has none.
      }
      expect(each.unpacked).toBe(unpacked);
      const triplet = each.platform === "linux/amd64" ? "x86_64-linux-gnu" : "aarch64-linux-gnu";
      const libc = join(root, "usr/lib", triplet, "libc.so.6");
      const python = join(root, "usr/bin/python3.11");
      const theirs = readelf([libc, python]);
      const own = theirs.get(libc);
      expect(each.libc).toMatchObject([{ family: "glibc", version: own?.glibcProvided }]);
      // What some program wants at least, and the library has at most.
      const [needed = ""] = each.libc.map((libcNeed) => libcNeed.needed);
      const order = [theirs.get(python)?.glibc, needed, own?.glibcProvided];
      expect(order).toEqual(order.toSorted((a = "", b = "") => a.localeCompare(b, "en", { numeric: true })));
      expect(each.kernel).toBe(own?.kernel);
    }
  });

  it("003-29 keeps a section of the README up to date and leaves the rest alone", async () => {
    const file = join(workspace.path, "README.md");
    const around = ["# Hello\r\n\r\ntext\r\n", "\r\n## Licence\r\n\r\nfree"] as const;
    const markers = "<!-- anyarch:requirements -->\r\nold\r\n<!-- /anyarch:requirements -->";
    writeFileSync(file, around.join(markers));
    expect(await run("requirements", reference, "--check")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringContaining(`--write README.md, puts it right`) as string,
    });
    expect(readme()).toContain("old");
    const written = await run("requirements", reference, "--write");
    expect(written, written.stderr).toMatchObject({ code: 0, stdout: "README.md  written\n" });
    const text = readme();
    expect(text.startsWith(around[0]) && text.endsWith(around[1])).toBe(true);
    expect(text.replaceAll("\r\n", "")).not.toContain("\n");
    expect(text).toMatch(/\| linux\/arm64 +\| ARMv8 or later, 64 bit +\| glibc 2\.36 /);
    expect(text).toContain(`anyarch build . --platform linux/amd64,linux/arm64 --tag ${reference}`);
    expect(text).toContain(`docker run --rm --platform linux/arm64 ${reference}`);
    const before = statSync(file).ino;
    expect(await run("requirements", reference, "--write", "--check")).toMatchObject({ code: 0 });
    expect(await run("requirements", reference, "--write")).toMatchObject({
      stdout: "README.md  up to date\n",
    });
    expect([readme(), statSync(file).ino]).toEqual([text, before]);
    // Another image has other requirements.
    const fewer = await run("requirements", reference, "--platform", "linux/arm64", "--check");
    expect(fewer).toMatchObject({ code: 1 });
  });

  it("004-35 says where it runs at AWS, Azure and Google Cloud, and with which settings", async () => {
    const report = async (...args: string[]): Promise<Report> =>
      JSON.parse((await run("requirements", reference, "--format", "json", ...args)).stdout) as Report;
    const { places } = await report();
    const settings = Object.fromEntries(
      places.map(({ id, runs }) => [id, runs.map(({ platform, setting }) => setting ?? platform)]),
    );
    expect(settings).toMatchObject({
      "aws-ecs": ["runtimePlatform.cpuArchitecture: X86_64", "runtimePlatform.cpuArchitecture: ARM64"],
      "aws-lambda": ["Architectures: [x86_64]", "Architectures: [arm64]"],
      "azure-container-apps": ["linux/amd64"],
      "gcp-cloud-run": ["linux/amd64"],
      "raspberry-pi-64": ["linux/arm64"],
      "raspberry-pi-32": [],
    });
    const arm = await report("--platform", "linux/arm64", "--cloud", "gcp");
    expect(arm.places.map(({ cloud }) => cloud)).toEqual(["gcp", "gcp", "gcp"]);
    expect(arm.places.at(-1)).toMatchObject({ runs: [], lacks: [{ platform: "linux/amd64" }] });
    const markdown = await run("requirements", reference, "--cloud", "gcp", "--format", "markdown");
    const [, yaml = ""] = /```yaml\n(.*?)```/s.exec(markdown.stdout) ?? [];
    expect(parseYaml(yaml)).toMatchObject({
      spec: { tolerations: [{ key: "kubernetes.io/arch", value: "arm64", effect: "NoSchedule" }] },
    });
    const wrong = await run("requirements", reference, "--cloud", "ibm");
    expect(wrong).toMatchObject({ code: 2, stdout: "" });
    expect(wrong.stderr).toContain('--cloud is "ibm", not one of aws, azure, gcp.');
  });
});
