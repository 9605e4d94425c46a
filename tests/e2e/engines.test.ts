import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTempDir, type TempDir } from "../../src/host/temp-dir.ts";
import { runBundle } from "../engines/bundle.ts";
import { busyboxPlatforms, makeBusyboxRoot, type BusyboxArchitecture } from "../engines/busybox.ts";
import { crane, skopeo, umoci } from "../engines/clients.ts";
import { startDockerd } from "../engines/dockerd.ts";
import { engineNames, ensureEngines, type EngineName } from "../engines/install.ts";
import { openPodman } from "../engines/podman.ts";
import { run } from "../engines/process.ts";
import { registerQemu } from "../engines/qemu.ts";
import { startRegistry, type Registry } from "../engines/registry.ts";
import { writeSampleLayout } from "../engines/sample-image.ts";
import { describeWith } from "../engines/suites.ts";

const engines = await ensureEngines(engineNames);
const architectures: BusyboxArchitecture[] = ["amd64", "arm64", "armhf"];
const machines = { amd64: "x86_64", arm64: "aarch64", armhf: "armv7l" };

let temp: TempDir;
let layout: string;
let sample: Awaited<ReturnType<typeof writeSampleLayout>>;

beforeAll(async () => {
  temp = await makeTempDir();
  layout = join(temp.path, "layout");
  if (engines.without("busybox") !== undefined) return;
  const images = [];
  for (const architecture of architectures) {
    const root = await makeBusyboxRoot(join(temp.path, architecture), architecture);
    images.push({ platform: busyboxPlatforms[architecture], root, config: { Cmd: ["/bin/uname", "-m"] } });
  }
  sample = await writeSampleLayout(layout, images, "1.0");
});

afterAll(async () => {
  await temp[Symbol.asyncDispose]();
});

/** Pushes the sample to a registry; its reference. */
async function pushSample(registry: Registry): Promise<string> {
  const target = `${registry.host}/team/sample:1.0`;
  const noTls = registry.tls ? [] : ["--dest-tls-verify=false"];
  await skopeo(["copy", "--all", ...noTls, `oci:${layout}:1.0`, `docker://${target}`], { registry });
  return target;
}

/** Digests of the sample's manifests, in the order of `architectures`. */
function digestOf(architecture: BusyboxArchitecture): string | undefined {
  return sample.manifests[architectures.indexOf(architecture)]?.digest;
}

describeWith(engines, ["docker-registry", "openssl", "crane", "skopeo", "busybox"], "registry", () => {
  it("pushes and copies an index over TLS with a password, byte for byte", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const target = await pushSample(registry);
    expect((await crane(["digest", target], { registry })).stdout.trim()).toBe(sample.index.digest);
    await crane(["copy", target, `${registry.host}/copy/sample:2.0`], { registry });
    const raw = await skopeo(["inspect", "--raw", `docker://${registry.host}/copy/sample:2.0`], { registry });
    const blob = join(layout, "blobs/sha256", sample.index.digest.slice("sha256:".length));
    expect(raw.stdout).toBe(await readFile(blob, "utf8"));
    await crane(["validate", "--remote", target], { registry });
  });

  it("refuses who doesn't log in, or doesn't trust its authority", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const anonymous = {
      SSL_CERT_FILE: registry.env["SSL_CERT_FILE"],
      DOCKER_CONFIG: join(temp.path, "nothing"),
    };
    const refused = await crane(["catalog", registry.host], { env: anonymous, anyExit: true });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("UNAUTHORIZED");
    const stranger = { DOCKER_CONFIG: registry.dockerConfigDir };
    const distrusted = await crane(["catalog", registry.host], { env: stranger, anyExit: true });
    expect(distrusted.stderr).toContain("certificate signed by unknown authority");
  });

  it.each([true, false])("gives out bearer tokens (TLS: %s)", async (tls) => {
    await using registry = await startRegistry({ tls, auth: "bearer", anonymousPull: true });
    const target = await pushSample(registry);
    const anonymous = {
      SSL_CERT_FILE: registry.env["SSL_CERT_FILE"],
      DOCKER_CONFIG: join(temp.path, "nothing"),
    };
    const digest = await crane(["digest", target], { env: anonymous });
    expect(digest.stdout.trim()).toBe(sample.index.digest);
    const tag = await crane(["tag", target, "stolen"], { env: anonymous, anyExit: true });
    expect(tag.code).not.toBe(0);
    const requests = registry.tokenRequests();
    const asAnna = requests.filter(({ user }) => user === "anna").flatMap(({ scopes }) => scopes);
    expect(asAnna.some((scope) => /:team\/sample:(?:pull,push|push,pull)$/.test(scope))).toBe(true);
    expect(requests.some(({ user }) => user === undefined)).toBe(true);
  });

  it("logs its requests, so that a test can tell that no blob was uploaded", async () => {
    await using registry = await startRegistry();
    const target = await pushSample(registry);
    const first = await registry.requests();
    const uploads = (method: string): number =>
      first.filter((entry) => entry.method === method && entry.path.includes("/blobs/uploads/")).length;
    expect(uploads("POST")).toBe(6); // A layer and a configuration for each of three platforms.
    expect(uploads("PUT")).toBe(6);
    await crane(["tag", target, "again"]);
    const second = (await registry.requests()).slice(first.length);
    expect(second.filter(({ path }) => path.includes("/blobs/"))).toEqual([]);
    expect(second).toContainEqual({ method: "PUT", path: "/v2/team/sample/manifests/again", status: 201 });
  });

  it("can be read-only", async () => {
    await using registry = await startRegistry({ readOnly: true });
    await expect(pushSample(registry)).rejects.toThrow();
    expect((await registry.requests()).some(({ status }) => status === 405)).toBe(true);
  });
});

describeWith(engines, ["runc", "busybox", "qemu"], "runc", () => {
  it.each(architectures)("runs a container of %s", async (architecture) => {
    await registerQemu();
    const root = join(temp.path, architecture);
    const uname = await runBundle({ root, args: ["/bin/sh", "-c", "uname -m; id -u; exit 7"] });
    expect(uname).toMatchObject({ code: 7, stdout: `${machines[architecture]}\n0\n` });
    const options = { env: ["A=b"], cwd: "/tmp", user: { uid: 1000, gid: 1000 } };
    const user = await runBundle({ root, args: ["/bin/sh", "-c", "id -u; pwd; echo $A"], ...options });
    expect(user).toMatchObject({ code: 0, stdout: "1000\n/tmp\nb\n" });
  });
});

const withPodman: EngineName[] = ["podman", "docker-registry", "openssl", "skopeo", "busybox", "qemu"];

describeWith(engines, withPodman, "podman", () => {
  it("pulls by platform from registries with a password, and runs what it pulled", async () => {
    await registerQemu();
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    await using plain = await startRegistry();
    const target = await pushSample(registry);
    await pushSample(plain);
    await using podman = await openPodman({ registries: [registry, plain] });
    for (const architecture of architectures) {
      const platform = Object.values(busyboxPlatforms[architecture]).join("/");
      await podman.run(["pull", "--quiet", "--platform", platform, target]);
      const format = "{{.RepoDigests}} {{.Os}}/{{.Architecture}}";
      const inspected = await podman.run(["image", "inspect", "--format", format, target]);
      expect(inspected.stdout).toContain(`@${digestOf(architecture)}`);
      expect(inspected.stdout).toContain(` linux/${busyboxPlatforms[architecture].architecture}`);
      const ran = await podman.run(["run", "--rm", "--platform", platform, target]);
      expect(ran.stdout.trim()).toBe(machines[architecture]);
    }
    await podman.run(["pull", "--quiet", `${plain.host}/team/sample:1.0`]);
  });
});

describeWith(
  engines,
  ["dockerd", "crane", "docker-registry", "openssl", "skopeo", "busybox", "qemu"],
  "dockerd",
  () => {
    it("pulls by platform into containerd's store, and runs what it pulled", async () => {
      await registerQemu();
      await using registry = await startRegistry({ tls: true, auth: "basic" });
      const target = await pushSample(registry);
      await using docker = await startDockerd({ registries: [registry] });
      for (const architecture of architectures) {
        const platform = Object.values(busyboxPlatforms[architecture]).join("/");
        await docker.run(["pull", "--quiet", "--platform", platform, target]);
        const args = ["run", "--rm", "--network", "none", "--platform", platform, target];
        // On a busy machine dockerd now and then loses what a container printed that ended at once.
        const said = async (): Promise<string> => (await docker.run(args)).stdout.trim();
        await expect.poll(said, { timeout: 20_000 }).toBe(machines[architecture]);
      }
      const inspected = await docker.run(["image", "inspect", "--format", "{{.Id}}", target]);
      expect(inspected.stdout.trim()).toBe(sample.index.digest);
    });

    it.each(["containerd", "classic"] as const)("refuses a wrong diffID (%s store)", async (store) => {
      const broken = join(temp.path, `broken-${store}`);
      const root = join(temp.path, "amd64");
      const image = { platform: busyboxPlatforms.amd64, root, diffId: `sha256:${"0".repeat(64)}` };
      await writeSampleLayout(broken, [image], "1.0");
      await using registry = await startRegistry();
      const target = `${registry.host}/team/broken:1.0`;
      await skopeo(["copy", "--all", "--dest-tls-verify=false", `oci:${broken}:1.0`, `docker://${target}`]);
      const validated = await crane(["validate", "--remote", target], { anyExit: true });
      expect(validated.stderr).toContain("mismatched layer[0] diffid");
      await using docker = await startDockerd({ store });
      expect((await docker.run(["info", "--format", "{{.Driver}}"])).stdout.trim()).toBe(
        store === "classic" ? "overlay2" : "overlayfs",
      );
      await expect(docker.run(["pull", "--quiet", target])).rejects.toThrow(/layer|diff/i);
    });
  },
);

describeWith(engines, ["node24", "node24-arm64", "uv", "python", "umoci", "jq", "qemu"], "tools", () => {
  it("runs Node.js 24 natively and for arm64", async () => {
    await registerQemu();
    const script = "console.log(process.version.split('.')[0], process.arch)";
    expect((await run(engines.program("node24"), ["-e", script])).stdout).toBe("v24 x64\n");
    expect((await run(engines.program("node24-arm64"), ["-e", script])).stdout).toBe("v24 arm64\n");
  });

  it("has uv, Python with pip, and jq", async () => {
    expect((await run(engines.program("uv"), ["--version"])).stdout).toMatch(/^uv \d/);
    expect((await run(engines.program("python"), ["-m", "pip", "--version"])).stdout).toMatch(/^pip \d/);
    expect((await run(engines.program("jq"), [".a"], { input: '{"a":1}' })).stdout).toBe("1\n");
  });

  it("unpacks an image with umoci", async () => {
    const single = join(temp.path, "single");
    const root = join(temp.path, "arm64");
    await writeSampleLayout(single, [{ platform: busyboxPlatforms.arm64, root }], "1.0");
    const bundle = join(temp.path, "bundle");
    await umoci(["unpack", "--image", `${single}:1.0`, bundle]);
    const [unpacked, original] = [join(bundle, "rootfs/bin/busybox"), join(root, "bin/busybox")];
    expect((await readFile(unpacked)).equals(await readFile(original))).toBe(true);
  });
});

describe("a missing engine", () => {
  it("is named with its reason", async () => {
    const child = `
      process.env.ANYARCH_ENGINES_MISSING = JSON.stringify({ jq: "no mirror" });
      const { ensureEngines } = await import(${JSON.stringify(join(import.meta.dirname, "../engines/install.ts"))});
      const engines = await ensureEngines(["jq"]);
      console.log(engines.without("jq"), JSON.stringify(engines.missing));
      try { engines.program("jq"); } catch (error) { console.log(error.message); }
    `;
    const args = ["--import", "tsx", "--input-type=module", "-e", child];
    const { stdout } = await run(process.execPath, args, { cwd: join(import.meta.dirname, "../..") });
    expect(stdout).toBe(
      'jq: no mirror {"jq":"no mirror"}\nThe engine\'s program jq isn\'t there. jq: no mirror\n',
    );
  });
});
