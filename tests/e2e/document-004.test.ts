import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { crane, skopeo } from "../engines/clients.ts";
import { startDockerd } from "../engines/dockerd.ts";
import { type EngineName, engineNames, ensureEngines } from "../engines/install.ts";
import { openPodman } from "../engines/podman.ts";
import { registerQemu } from "../engines/qemu.ts";
import { clientEnvironment, startRegistry } from "../engines/registry.ts";
import { describeWith } from "../engines/suites.ts";
import type { BuildPlan } from "../../src/index.ts";
import { root } from "./anyarch.ts";
import { block, blocks, blocksOf, commands, corrected, workflowStep } from "./document/commands.ts";
import { startConnectProxy } from "./connect-proxy.ts";
import {
  basePlatforms,
  type DocumentFixture,
  LayoutOnDisk,
  type ReadConfig,
  type ReadManifest,
  openDocumentFixture,
} from "./document/fixture.ts";
import { debianTable, findMainArchive } from "./document/python-base.ts";
import { jsonIn, openShell, type Shell } from "./document/shell.ts";

/** The document itself, where it is beside the project or beside the folder of its worktrees. */
const document = ["../shared", "../../shared"]
  .map((shared) => join(root, shared, "mission/004_d657186dc38f930f.txt"))
  .find((path) => existsSync(path));
const engines = await ensureEngines(engineNames);
const archive = await findMainArchive();
const needed: EngineName[] = ["docker-registry", "openssl", "jq", "crane", "skopeo"];

describe.skipIf(document === undefined)("the copy of document 004's commands", () => {
  it("is what the document says", () => {
    expect(blocks.map(block)).toEqual(blocksOf(readFileSync(document ?? "", "utf8")));
  });
});

let fixture: DocumentFixture;
let shell: Shell;
/** The document's application, made by its own commands. */
let demo: string;
let layout: LayoutOnDisk;

/** Runs a block in the application's directory; a failure shows all that was said. */
async function follow(script: string, directory: string = demo): Promise<{ stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await shell.run(script, { cwd: directory });
  expect(code, `${script}\n${stdout}${stderr}`).toBe(0);
  return { stdout, stderr };
}

async function prepare(): Promise<void> {
  if (archive === undefined || engines.without(...needed) !== undefined) return;
  fixture = await openDocumentFixture(engines, archive);
  shell = fixture.shell;
  await follow(commands("04-create-app.sh"), fixture.cwd);
  demo = join(fixture.cwd, "cross-platform-demo");
  layout = new LayoutOnDisk(join(demo, "dist/image"));
}
beforeAll(prepare);
afterAll(async () => fixture?.stop());

/** The image's config that a registry gives for a platform, as crane reads it. */
async function remoteConfig(reference: string, platform: string): Promise<Record<string, unknown>> {
  const { stdout } = await crane(["config", "--platform", platform, reference], { registry: fixture.ghcr });
  return JSON.parse(stdout) as Record<string, unknown>;
}

const noMirror = archive === undefined ? " (apt's sources name no Debian mirror)" : "";

describeWith(engines, needed, `document 004${noMirror}`, () => {
  describe.skipIf(archive === undefined)("Quick Start", () => {
    it.each([
      ["01-build-amd64.sh", "amd64"],
      ["02-build-arm64.sh", "arm64"],
    ] as const)("004-04 %s: jq shows exactly architecture and os", async (name, architecture) => {
      const { stdout } = await follow(commands(name));
      expect(JSON.stringify(jsonIn(stdout).at(-1))).toBe(`{"architecture":"${architecture}","os":"linux"}`);
    });

    it("004-23 takes the base of each platform from its index, by digest", async () => {
      const raw = await crane(["manifest", `${fixture.hub.host}/library/python:3.11-slim`]);
      const { manifests } = JSON.parse(raw.stdout) as {
        manifests: { digest: string; platform: { architecture: string } }[];
      };
      for (const tag of ["amd64", "arm64"]) {
        const base = manifests.find(({ platform }) => platform.architecture === tag);
        const { annotations, layers } = layout.manifest(tag);
        expect(annotations).toMatchObject({
          "org.opencontainers.image.base.name": "python:3.11-slim",
          "org.opencontainers.image.base.digest": base?.digest,
        });
        const baseManifest = await crane([
          "manifest",
          `${fixture.hub.host}/library/python@${base?.digest ?? ""}`,
        ]);
        const { layers: baseLayers } = JSON.parse(baseManifest.stdout) as { layers: { digest: string }[] };
        expect(layers.slice(0, baseLayers.length).map(({ digest }) => digest)).toEqual(
          baseLayers.map(({ digest }) => digest),
        );
      }
    });

    it("004-39 03-build-all.sh: the loop over platforms builds and pushes each", async () => {
      const { stdout } = await follow(commands("03-build-all.sh"));
      for (const architecture of ["amd64", "arm64"]) {
        expect(stdout).toContain(`Building for linux/${architecture}...`);
        expect(stdout).toContain(`✓ Built and pushed ghcr.io/myorg/myapp:${architecture}`);
        const reference = `${fixture.ghcr.host}/myorg/myapp:${architecture}`;
        expect(await remoteConfig(reference, `linux/${architecture}`)).toMatchObject({
          architecture,
          os: "linux",
        });
        await crane(["validate", "--remote", reference], { registry: fixture.ghcr });
      }
      expect(stdout).toContain("✅ Multi-platform build complete!");
    });

    it("004-39 the loop stops where a platform can't be built", async () => {
      const loop = corrected(
        commands("03-build-all.sh"),
        "linux/amd64 linux/arm64",
        "linux/amd64 linux/s390x",
      );
      const { code, stdout, stderr } = await shell.run(loop, { cwd: demo });
      expect(code).toBe(1);
      expect(stdout).not.toContain("complete!");
      expect(stderr).toContain("No matching manifest for linux/s390x");
    });
  });

  describe.skipIf(archive === undefined)("Simple Example Application", () => {
    const both = () =>
      (["amd64", "arm64"] as const).map((architecture) => ({
        architecture,
        name: `docker.io/library/cross-platform-demo:${architecture}`,
      }));
    /** Digest of the entry with this full name. */
    const entryOf = (name: string) =>
      layout.entries.find(({ annotations }) => annotations?.["io.containerd.image.name"] === name);

    it("004-12 004-14 05-compare-platforms.sh: builds on the default base, and --verbose says more", async () => {
      const { stdout, stderr } = await follow(commands("05-compare-platforms.sh"));
      expect(stderr).toMatch(/not run; /); // Which maintainer scripts were left out: for --verbose only.
      const [amd64, arm64] = jsonIn(stdout);
      expect(stdout).toMatch(/=== AMD64 Config ===[^]*=== ARM64 Config ===/);
      // The document asks for the first entry both times, and the newest image is always that.
      expect([amd64, arm64]).toEqual(Array.from({ length: 2 }, () => ({ arch: "arm64", os: "linux" })));
      const quiet = await follow("anyarch build --tag cross-platform-demo:arm64 --platform linux/arm64");
      expect(quiet.stderr).not.toMatch(/not run; /);
    });

    it("004-15 004-40 both platforms are there to be compared without building again", async () => {
      const named = (architecture: string): string =>
        `select(.annotations["io.containerd.image.name"] == "docker.io/library/cross-platform-demo:${architecture}")`;
      let script = commands("05-compare-platforms.sh");
      script = script.slice(script.indexOf('echo "=== AMD64'));
      script = corrected(
        script,
        "anyarch build --tag cross-platform-demo:arm64 --platform linux/arm64\n",
        "",
      );
      script = corrected(script, ".manifests[0].digest", `.manifests[] | ${named("amd64")}.digest`);
      script = corrected(script, ".manifests[0].digest", `.manifests[] | ${named("arm64")}.digest`);
      const { stdout } = await follow(script);
      expect(jsonIn(stdout)).toEqual(both().map(({ architecture: arch }) => ({ arch, os: "linux" })));
      // What else is there is said, in the words that it is asked for with.
      const all = (await follow("anyarch inspect dist/image")).stdout;
      expect(all).toMatch(/^ {2}dist\/image:cross-platform-demo:amd64 +linux\/amd64$/m);
      for (const { architecture, name } of both()) {
        const shown = await follow(`anyarch inspect --format json dist/image:${name}`);
        expect(JSON.parse(shown.stdout)).toMatchObject({
          digest: entryOf(name)?.digest,
          platforms: [{ platform: `linux/${architecture}` }],
        });
        // By its tag, which other tools look for on the descriptor.
        const copied = join(fixture.cwd, `copied-${architecture}`);
        await skopeo(["copy", `oci:${layout.directory}:${architecture}`, `oci:${copied}:copy`]);
        const [from, to] = [layout.entry(architecture), new LayoutOnDisk(copied).entry("copy")];
        expect(to.digest).toBe(from.digest);
      }
    });

    it("004-05 004-06 configs say their platform, and everything is at blobs/sha256/<digest>", async () => {
      for (const { architecture, name } of both()) {
        const entry = entryOf(name);
        const manifest = layout.blob(entry?.digest ?? "") as ReadManifest;
        const config = layout.blob(manifest.config.digest) as ReadConfig;
        expect(config).toMatchObject({ architecture, os: "linux" });
        expect(config).not.toHaveProperty("variant");
        for (const { digest } of [manifest.config, ...manifest.layers]) {
          expect(layout.has(digest)).toBe(true);
          await follow(
            `echo "${digest.slice(7)}  ${layout.pathOf(digest)}" | sha256sum --check`,
            layout.directory,
          );
        }
        // A diff ID and a step of history for every layer: what the predecessor's images lacked.
        expect(config.rootfs.diff_ids).toHaveLength(manifest.layers.length);
        expect(config.history.filter((step) => step.empty_layer !== true)).toHaveLength(
          manifest.layers.length,
        );
        for (const [at, { digest }] of manifest.layers.entries()) {
          const unpacked = `zcat ${layout.pathOf(digest)} | sha256sum`;
          const { stdout } = await follow(unpacked, layout.directory);
          expect(`sha256:${stdout.split(" ")[0] ?? ""}`).toBe(config.rootfs.diff_ids[at]);
        }
      }
    });

    it("004-40 a tag that is built again leaves neither entry nor blobs behind", async () => {
      const before = layout.manifest("arm64");
      const entries = layout.entries.length;
      await follow("echo >> app.py; anyarch build --tag cross-platform-demo:arm64 --platform linux/arm64");
      const after = layout.manifest("arm64");
      expect(layout.entries).toHaveLength(entries);
      expect(after.config.digest).not.toBe(before.config.digest);
      expect(layout.has(before.config.digest)).toBe(false);
      const used = new Set(
        layout.entries.flatMap(({ digest }) => {
          const { config, layers } = layout.blob(digest) as ReadManifest;
          return [digest, config.digest, ...layers.map((layer) => layer.digest)];
        }),
      );
      const blobs = await readdir(join(layout.directory, "blobs/sha256"));
      expect(blobs.sort()).toEqual([...used].map((digest) => digest.slice(7)).sort());
      await follow(block("04-create-app.sh").replace(/mkdir.*\n/, ""));
    });

    it("004-24 the same input gives the same digest, in another directory and with an empty cache", async () => {
      const digests: string[] = [];
      for (const name of ["one", "two"]) {
        const directory = join(fixture.cwd, name);
        await mkdir(directory);
        await follow(block("04-create-app.sh"), directory);
        const { stdout } = await shell.run(
          "anyarch build --quiet --platform linux/amd64,linux/arm64 --base-image python:3.11-slim",
          {
            cwd: join(directory, "cross-platform-demo"),
            env: { ANYARCH_CACHE_DIR: join(directory, "cache"), TZ: name === "one" ? "Asia/Tokyo" : "UTC" },
          },
        );
        digests.push(stdout);
      }
      expect(digests[0]).toMatch(/^sha256:[0-9a-f]{64}\n$/);
      expect(digests[1]).toBe(digests[0]);
    });

    it("004-13 reads requires-python: it decides the default base, and a base must fit", async () => {
      const other = join(fixture.cwd, "newer");
      await mkdir(other);
      await follow(block("04-create-app.sh").replace('">=3.11"', '">=3.12"'), other);
      const directory = join(other, "cross-platform-demo");
      const refused = await shell.run("anyarch build --base-image python:3.11-slim", { cwd: directory });
      expect(refused.code).toBe(1);
      expect(refused.stderr).toMatch(/has Python 3\.11\.\d+, but the project requires Python >=3\.12/);
      expect(refused.stderr).toContain("--base-image python:3.12-slim");
      const withConfig = await shell.run(
        "echo '[build]' > other.toml; anyarch build --base-image python:3.11-slim --config other.toml",
        { cwd: directory },
      );
      const said = (stderr: string): string => stderr.slice(stderr.indexOf("error "));
      expect([withConfig.code, said(withConfig.stderr)]).toEqual([1, said(refused.stderr)]);
      // Without Debian's packages, the default is the image of the first Python that fits.
      const noApt = await shell.run("anyarch build", {
        cwd: directory,
        env: { ANYARCH_APT_ROOT: join(fixture.cwd, "nothing") },
      });
      expect(noApt.code).toBe(4);
      expect(noApt.stderr).toContain("The base image python:3.12-slim doesn't exist");
      const default311 = await shell.run("anyarch build --dry-run --format json", {
        cwd: demo,
        env: { ANYARCH_APT_ROOT: join(fixture.cwd, "nothing") },
      });
      expect(JSON.parse(default311.stdout)).toMatchObject({
        base: { location: "python:3.11-slim", digest: fixture.baseDigest },
        platforms: [{ facts: { python: { version: expect.stringMatching(/^3\.11\./) as string } } }],
      });
    });
  });

  describe.skipIf(archive === undefined)("Real-World Use Cases", () => {
    it("06-use-case-amd64-from-mac.sh: pushes an image for another machine", async () => {
      await follow(commands("06-use-case-amd64-from-mac.sh"));
      const reference = `${fixture.ghcr.host}/myorg/myapp:latest`;
      expect(await remoteConfig(reference, "linux/amd64")).toMatchObject({
        architecture: "amd64",
        os: "linux",
      });
    });

    it("004-16 07-use-case-graviton.sh: a tag without a registry is pushed to Docker Hub", async () => {
      await follow(commands("07-use-case-graviton.sh"));
      const { stdout } = await crane(["config", `${fixture.hub.host}/library/myapp:graviton`]);
      expect(JSON.parse(stdout)).toMatchObject({ architecture: "arm64", os: "linux" });
    });

    it("004-11 08-use-case-github-actions.yaml: each job pushes with its GITHUB_TOKEN, that goes to ghcr.io alone", async () => {
      const login = { username: "octocat", password: "ghs_TheTokenOfThisJob" };
      const options = { tls: true, auth: "bearer", login, hosts: ["ghcr.io"] } as const;
      await using ghcr = await startRegistry(options);
      await using elsewhere = await startRegistry({ ...options, hosts: ["registry.example"] });
      await using proxy = await startConnectProxy({
        "ghcr.io:443": ghcr.host,
        "registry.example:443": elsewhere.host,
      });
      const conf = join(fixture.cwd, "hub-only.conf");
      await writeFile(
        conf,
        `[[registry]]\nprefix = "docker.io"\nlocation = "${fixture.hub.host}"\ninsecure = true\n`,
      );
      const trust = await clientEnvironment(join(fixture.cwd, "trust"), [
        { ...ghcr, needsLogin: false },
        { ...elsewhere, needsLogin: false },
      ]);
      const job = {
        ...trust,
        CONTAINERS_REGISTRIES_CONF: conf,
        HTTPS_PROXY: proxy.url,
        NO_PROXY: "localhost",
        GITHUB_ACTOR: login.username,
        GITHUB_TOKEN: login.password,
      };
      const workflow = commands("08-use-case-github-actions.yaml");
      for (const platform of ["linux/amd64", "linux/arm64"]) {
        const output = join(fixture.cwd, `output-${platform.replace("/", "-")}`);
        const values = { "matrix.platform": platform, "github.repository": "myorg/myapp" };
        const env = { ...job, GITHUB_OUTPUT: output };
        await shell.run(workflowStep(workflow, "Extract architecture", values), { cwd: demo, env });
        const architecture = (await readFile(output, "utf8")).replace(/^arch=(.*)\n$/, "$1");
        const build = workflowStep(workflow, "Build image", {
          ...values,
          "steps.arch.outputs.arch": architecture,
        });
        const built = await shell.run(build, { cwd: demo, env });
        expect(built.code, built.stderr).toBe(0);
        expect(built.stdout + built.stderr).not.toContain(login.password);
        const { stdout } = await crane(["config", `${ghcr.host}/myorg/myapp:${architecture}`], {
          registry: ghcr,
        });
        expect(JSON.parse(stdout)).toMatchObject({ architecture, os: "linux" });
      }
      expect(proxy.targets).toContain("ghcr.io:443");
      expect(ghcr.tokenRequests().some(({ user }) => user === login.username)).toBe(true);
      // The same token opens nothing without its registry's name, and isn't even shown there.
      const refused = await shell.run(
        "anyarch build --tag registry.example/myorg/myapp:1 --base-image python:3.11-slim --push",
        {
          cwd: demo,
          env: job,
        },
      );
      expect(refused.code).toBe(4);
      expect(refused.stderr).toContain("REGISTRY_UNAUTHORIZED");
      expect(elsewhere.tokenRequests().filter(({ user }) => user !== undefined)).toEqual([]);
      const wrong = await shell.run(
        "anyarch build --tag ghcr.io/myorg/myapp:1 --base-image python:3.11-slim --push",
        {
          cwd: demo,
          env: { ...job, GITHUB_TOKEN: "ghs_AnotherToken" },
        },
      );
      expect(wrong.code).toBe(4);
      expect(wrong.stderr).toContain("REGISTRY_UNAUTHORIZED");
      expect(wrong.stderr).not.toContain("ghs_AnotherToken");
    });

    it("004-18 09-use-case-manifest-list.sh: an index of both, without docker or crane", async () => {
      let script = commands("09-use-case-manifest-list.sh");
      script = corrected(script, "docker manifest create", "anyarch index create");
      script = corrected(script, "docker manifest push ghcr.io/myorg/myapp:latest\n", "");
      await follow(script);
      const reference = `${fixture.ghcr.host}/myorg/myapp`;
      const { stdout } = await crane(["manifest", `${reference}:latest`], { registry: fixture.ghcr });
      const index = JSON.parse(stdout) as { manifests: { digest: string; platform: object }[] };
      expect(index.manifests.map(({ platform }) => platform)).toEqual([
        { architecture: "amd64", os: "linux" },
        { architecture: "arm64", os: "linux" },
      ]);
      await crane(["validate", "--remote", `${reference}:latest`], { registry: fixture.ghcr });
      for (const [at, architecture] of ["amd64", "arm64"].entries()) {
        const { stdout: digest } = await crane(["digest", `${reference}:${architecture}`], {
          registry: fixture.ghcr,
        });
        expect(index.manifests[at]?.digest).toBe(digest.trim());
      }
    });
  });

  describe.skipIf(archive === undefined)("Configuration File Example", () => {
    const config = () => layout.config("latest").config;

    it("004-19 004-20 004-21 11-config-file.sh: the file decides", async () => {
      await writeFile(join(demo, "pycontainer.toml"), block("10-pycontainer.toml"));
      await follow(commands("11-config-file.sh"));
      expect(layout.entry("latest").platform).toEqual({ architecture: "amd64", os: "linux" });
      expect(layout.manifest("latest").annotations).toMatchObject({
        "org.opencontainers.image.base.name": "python:3.11-slim",
      });
      expect(config()["Env"]).toContain("PYTHONUNBUFFERED=1");
      // Below [registry] url.
      expect(layout.entry("latest").annotations).toMatchObject({
        "io.containerd.image.name": "ghcr.io/myorg/myapp:latest",
      });
      // reproducible = true
      expect(layout.config("latest").history.at(-1)).toMatchObject({ created: "1970-01-01T00:00:00Z" });
    });

    it("004-21 a flag wins where it is given, and the rest of the file stays", async () => {
      expect(layout.entry("arm64").platform).toEqual({ architecture: "arm64", os: "linux" });
      expect(layout.config("arm64").config["Env"]).toContain("PYTHONUNBUFFERED=1");
      const plan = async (more: string): Promise<BuildPlan> => {
        const { stdout } = await follow(`anyarch build --dry-run --format json ${more}`);
        return JSON.parse(stdout) as BuildPlan;
      };
      // Found by itself, too.
      expect((await plan("")).platforms.map(({ platform }) => platform)).toEqual(["linux/amd64"]);
      expect((await plan("")).application.dependencies).not.toMatch(/left out/);
      expect((await plan("--no-include-deps")).application.dependencies).toMatch(/left out/);
      await follow("sed -i 's/include_deps = true/include_deps = false/' pycontainer.toml");
      expect((await plan("")).application.dependencies).toMatch(/left out/);
      expect((await plan("--include-deps")).application.dependencies).not.toMatch(/left out/);
      expect((await plan("--registry other.example/team --tag a:1")).tags).toEqual([
        "other.example/team/a:1",
      ]);
    });

    it("004-19 reproducible = false puts the time of the build into the image", async () => {
      await follow("sed -i 's/reproducible = true/reproducible = false/' pycontainer.toml");
      await follow("anyarch build --tag myapp:now");
      const created = (layout.config("now") as unknown as { created: string }).created;
      expect(Math.abs(Date.now() - Date.parse(created))).toBeLessThan(600_000);
    });

    it("an unknown key is an error with a suggestion", async () => {
      await follow("sed -i 's/^platform =/platfrom =/' pycontainer.toml");
      const { code, stderr } = await shell.run("anyarch build", { cwd: demo });
      expect(code).toBe(2);
      expect(stderr).toContain('[build] has an unknown key "platfrom"');
      expect(stderr).toContain('Did you mean "platform"?');
      await follow("rm pycontainer.toml");
    });
  });

  describe.skipIf(archive === undefined)("Platforms", () => {
    const platforms = [
      ["linux/arm/v7", { architecture: "arm", os: "linux", variant: "v7" }],
      ["linux/arm/v6", { architecture: "arm", os: "linux", variant: "v6" }],
    ] as const;

    it.each(platforms)("004-03 004-22 %s keeps its variant", async (platform, expected) => {
      if (archive === undefined) return;
      await writeFile(join(demo, "arm.toml"), debianTable(archive));
      const tag = `myapp:${expected.variant}`;
      await follow(`anyarch build --tag ${tag} --platform ${platform} --config arm.toml --verify full`);
      expect(layout.entry(expected.variant).platform).toEqual(expected);
      expect(layout.config(expected.variant)).toMatchObject(expected);
      const { stdout } = await follow(`anyarch verify --format json dist/image:${expected.variant}`);
      expect(JSON.parse(stdout)).toMatchObject({ platforms: [{ platform, ok: true }] });
    });

    it("004-03 linux/arm/v7 is selected from the base's index, and linux/arm/v6 isn't served by it", async () => {
      const build = "anyarch build --base-image python:3.11-slim --tag myapp:armhf --platform";
      await follow(`${build} linux/arm/v7`);
      expect(layout.config("armhf")).toMatchObject({ architecture: "arm", variant: "v7" });
      await follow(`${build} linux/arm`);
      expect(layout.entry("armhf").platform).toEqual({ architecture: "arm", os: "linux", variant: "v7" });
      const { code, stderr } = await shell.run(`${build} linux/arm/v6`, { cwd: demo });
      expect(code).toBe(1);
      expect(stderr).toContain("No matching manifest for linux/arm/v6");
    });

    it("004-32 no matching manifest: the cause, and what the base has", async () => {
      const build = "anyarch build --platform linux/s390x --base-image python:3.11-slim";
      const { code, stderr } = await shell.run(build, { cwd: demo });
      expect(code).toBe(1);
      expect(stderr).toContain(
        `No matching manifest for linux/s390x: the base python:3.11-slim has ${basePlatforms.join(", ")}.`,
      );
      // What the document asks docker for, asked of anyarch.
      const check = corrected(
        commands("14-check-base.sh"),
        "docker manifest inspect",
        "anyarch inspect --format json",
      );
      const { platforms: found } = JSON.parse((await follow(check)).stdout) as {
        platforms: { platform: string }[];
      };
      expect(found.map(({ platform }) => platform)).toEqual(basePlatforms);
    });

    it("004-33 15-platform-format.sh: takes what is correct and refuses what is wrong, with the right form", async () => {
      const lines = commands("15-platform-format.sh")
        .split("\n")
        .filter((line) => line.startsWith("--platform"));
      const results = [];
      for (const line of lines) {
        const { code, stderr } = await shell.run(`anyarch build --dry-run ${line}`, { cwd: demo });
        results.push([line, code]);
        if (code !== 0) {
          expect(stderr).toMatch(/Did you mean linux\/amd64\?/);
          expect(stderr).toContain("os/arch[/variant]");
        }
      }
      expect(results).toEqual([
        ["--platform linux/amd64", 0],
        ["--platform amd64", 2],
        ["--platform linux-amd64", 2],
      ]);
    });
  });
});

/** The image of 12-test-with-docker.sh in a layout of its own, beside one of another platform. */
async function buildForDocker(): Promise<string> {
  const [build = ""] = /^anyarch build.*$/m.exec(commands("12-test-with-docker.sh")) ?? [];
  const directory = join(fixture.cwd, "with-docker");
  await follow(`mkdir -p "${directory}"; cp app.py pyproject.toml "${directory}"`);
  await follow(`${build} --base-image python:3.11-slim`, directory);
  await follow(
    "anyarch build --tag myapp:latest --platform linux/amd64 --base-image python:3.11-slim",
    directory,
  );
  return directory;
}

const noBase = archive === undefined ? noMirror : "";

describeWith(engines, [...needed, "dockerd", "qemu"], `document 004 with Docker${noBase}`, () => {
  describe.skipIf(archive === undefined).each(["containerd", "classic"] as const)("store: %s", (store) => {
    it("004-07 004-29 12-test-with-docker.sh, 13-test-with-crane.sh, 16-check-architecture.sh", async () => {
      await registerQemu();
      await using docker = await startDockerd({ store });
      const withDocker = await openShell({
        bin: join(fixture.cwd, `bin-${store}`),
        cwd: await buildForDocker(),
        path: `${docker.path}:${engines.path}`,
        env: { ...fixture.env, ...docker.env },
        // This dockerd has no network to give to containers.
        programs: {
          docker: `if [ "$1" = run ]; then shift; set -- run --network none "$@"; fi\nexec "${engines.program("docker")}" "$@"`,
        },
      });
      const runAll = async (script: string): Promise<string> => {
        const { code, stdout, stderr } = await withDocker.run(script);
        expect(code, stderr).toBe(0);
        return stdout;
      };
      const lines = commands("12-test-with-docker.sh").split("\n");
      const load = lines.find((line) => line.startsWith("docker load")) ?? "";
      expect(await runAll(load)).toContain("Loaded image: myapp:arm64");
      const emulated = lines.find((line) => line.startsWith("docker run --platform")) ?? "";
      const output = await runAll(emulated);
      expect(output).toMatch(/^Python 3\.11\.\d+ /);
      expect(output).toContain("Platform: aarch64\n");
      expect(output).toContain("System: Linux\n");
      const check = await runAll(commands("16-check-architecture.sh"));
      expect(check).toBe('"amd64"\nx86_64\n');
      expect(await runAll("docker run --rm myapp:latest")).toContain("Platform: x86_64\n");
      await runAll("docker rm -f $(docker ps -aq); docker rmi myapp:arm64");

      let withCrane = commands("13-test-with-crane.sh");
      withCrane = corrected(
        withCrane,
        "crane copy dist/image docker-daemon:myapp:arm64",
        "anyarch copy dist/image:myapp:arm64 docker-archive:myapp.tar:myapp:arm64; docker load -i myapp.tar",
      );
      withCrane = corrected(
        withCrane,
        "crane manifest myapp:arm64",
        "anyarch inspect --raw dist/image:myapp:arm64",
      );
      const copied = await runAll(withCrane);
      expect(copied).toContain("Loaded image: myapp:arm64");
      const [manifest] = jsonIn(copied);
      expect(manifest).toEqual(new LayoutOnDisk(join(withDocker.cwd, "dist/image")).manifest("arm64"));
      expect(await runAll(emulated)).toContain("Platform: aarch64\n");
    });
  });
});

describeWith(engines, [...needed, "podman", "qemu"], `document 004 with podman${noBase}`, () => {
  describe.skipIf(archive === undefined)("podman", () => {
    it("004-07 004-12 loads the layout, and runs the demo on each platform", async () => {
      await registerQemu();
      const cwd = await buildForDocker();
      await using podman = await openPodman({ registries: [fixture.hub, fixture.ghcr] });
      const path = `${podman.path}:${engines.path}`;
      const withPodman = await openShell({
        bin: join(fixture.cwd, "bin-podman"),
        cwd,
        path,
        env: { ...fixture.env, ...podman.env, CONTAINERS_REGISTRIES_CONF: fixture.registriesConf },
      });
      const runAll = async (script: string): Promise<string> => {
        const { code, stdout, stderr } = await withPodman.run(script);
        expect(code, stderr).toBe(0);
        return stdout;
      };
      const loaded = await runAll("tar -C dist/image -cf - . | podman load");
      expect(loaded).toContain("localhost/myapp:arm64");
      expect(await runAll("podman run --rm --platform linux/arm64 localhost/myapp:arm64")).toContain(
        "Platform: aarch64\n",
      );
      expect(await runAll("podman run --rm localhost/myapp:latest")).toContain("Platform: x86_64\n");
      // Its console script is on the PATH, from any directory.
      expect(await runAll("podman run --rm --entrypoint demo --workdir / localhost/myapp:latest")).toContain(
        "System: Linux\n",
      );
    });

    it("004-18 pulls the right platform of the index that both were joined in", async () => {
      await registerQemu();
      const cwd = await buildForDocker();
      await using podman = await openPodman({ registries: [fixture.hub, fixture.ghcr] });
      await follow(
        `for arch in amd64 arm64; do
           anyarch build --tag ghcr.io/myorg/joined:$arch --platform linux/$arch --base-image python:3.11-slim --push
         done
         anyarch index create ghcr.io/myorg/joined:latest ghcr.io/myorg/joined:amd64 ghcr.io/myorg/joined:arm64`,
        cwd,
      );
      const reference = `${fixture.ghcr.host}/myorg/joined:latest`;
      for (const [platform, machine] of [
        ["linux/amd64", "x86_64"],
        ["linux/arm64", "aarch64"],
      ] as const) {
        const { stdout } = await podman.run([
          "run",
          "--rm",
          "--quiet",
          "--platform",
          platform,
          "--pull",
          "always",
          reference,
        ]);
        expect(stdout).toContain(`Platform: ${machine}\n`);
      }
    });

    it("004-03 runs linux/arm/v7", async () => {
      await registerQemu();
      const cwd = await buildForDocker();
      await using podman = await openPodman({ registries: [fixture.hub, fixture.ghcr] });
      const reference = "ghcr.io/myorg/armhf:1";
      await follow(
        `anyarch build --tag ${reference} --platform linux/arm/v7 --base-image python:3.11-slim --push`,
        cwd,
      );
      const pulled = `${fixture.ghcr.host}/myorg/armhf:1`;
      const { stdout } = await podman.run(["run", "--rm", "--quiet", "--platform", "linux/arm/v7", pulled]);
      expect(stdout).toContain("Platform: armv7l\n");
      expect(stdout).toContain("Architecture: ('32bit', ");
    });
  });
});
