import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeTempDir, type TempDir } from "../../src/host/temp-dir.ts";
import { busyboxPlatforms, makeBusyboxRoot, type BusyboxArchitecture } from "../engines/busybox.ts";
import { crane, skopeo } from "../engines/clients.ts";
import { ensureEngines } from "../engines/install.ts";
import { startRegistry } from "../engines/registry.ts";
import { writeSampleLayout } from "../engines/sample-image.ts";
import { describeWith } from "../engines/suites.ts";

const engines = await ensureEngines(["docker-registry", "openssl", "crane", "skopeo", "busybox"]);

describeWith(engines, ["docker-registry", "openssl", "crane", "skopeo", "busybox"], "registry", () => {
  let temp: TempDir;
  let sample: Awaited<ReturnType<typeof writeSampleLayout>>;

  beforeAll(async () => {
    temp = await makeTempDir();
    const architectures: BusyboxArchitecture[] = ["amd64", "arm64", "armhf"];
    const images = [];
    for (const architecture of architectures) {
      const root = await makeBusyboxRoot(join(temp.path, architecture), architecture);
      images.push({ platform: busyboxPlatforms[architecture], root, config: { Cmd: ["/bin/sh"] } });
    }
    sample = await writeSampleLayout(join(temp.path, "layout"), images, "1.0");
  });
  afterAll(async () => {
    await temp[Symbol.asyncDispose]();
  });

  it("pushes and copies an index over TLS with a password, byte for byte", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const target = `${registry.host}/team/sample`;
    await skopeo(["copy", "--all", `oci:${join(temp.path, "layout")}:1.0`, `docker://${target}:1.0`], {
      registry,
    });
    expect((await crane(["digest", `${target}:1.0`], { registry })).stdout.trim()).toBe(sample.index.digest);
    await crane(["copy", `${target}:1.0`, `${registry.host}/copy/sample:2.0`], { registry });
    const raw = await skopeo(["inspect", "--raw", `docker://${registry.host}/copy/sample:2.0`], { registry });
    const blob = join(temp.path, "layout/blobs/sha256", sample.index.digest.slice("sha256:".length));
    expect(raw.stdout).toBe(await readFile(blob, "utf8"));
  });

  it("refuses who doesn't log in, or doesn't trust its authority", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const anonymous = { SSL_CERT_FILE: registry.caFile, DOCKER_CONFIG: join(temp.path, "nothing") };
    const refused = await crane(["catalog", registry.host], { env: anonymous, anyExit: true });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain("UNAUTHORIZED");
    const stranger = { DOCKER_CONFIG: registry.dockerConfigDir };
    const distrusted = await crane(["catalog", registry.host], { env: stranger, anyExit: true });
    expect(distrusted.stderr).toContain("certificate signed by unknown authority");
  });

  it.each([true, false])("gives out bearer tokens (TLS: %s)", async (tls) => {
    await using registry = await startRegistry({ tls, auth: "bearer", anonymousPull: true });
    const target = `${registry.host}/team/sample:1.0`;
    const noTls = tls ? [] : ["--dest-tls-verify=false"];
    await skopeo(["copy", "--all", ...noTls, `oci:${join(temp.path, "layout")}:1.0`, `docker://${target}`], {
      registry,
    });
    const anonymous = {
      SSL_CERT_FILE: registry.env["SSL_CERT_FILE"],
      DOCKER_CONFIG: join(temp.path, "nothing"),
    };
    const digest = await crane(["digest", target], { env: anonymous });
    expect(digest.stdout.trim()).toBe(sample.index.digest);
    const tag = await crane(["tag", target, "stolen"], { env: anonymous, anyExit: true });
    expect(tag.code).not.toBe(0);
    const requests = registry.tokenRequests();
    expect(requests.some(({ user, scopes }) => user === "anna" && scopes[0]?.endsWith(":pull,push"))).toBe(
      true,
    );
    expect(requests.some(({ user }) => user === undefined)).toBe(true);
  });

  it("logs its requests, so that a test can tell that no blob was uploaded", async () => {
    await using registry = await startRegistry();
    const target = `${registry.host}/team/sample`;
    const layout = `oci:${join(temp.path, "layout")}:1.0`;
    await skopeo(["copy", "--all", "--dest-tls-verify=false", layout, `docker://${target}:1.0`]);
    const first = await registry.requests();
    const uploads = (method: string): number =>
      first.filter((entry) => entry.method === method && entry.path.includes("/blobs/uploads/")).length;
    expect(uploads("POST")).toBe(6); // A layer and a configuration for each of three platforms.
    expect(uploads("PUT")).toBe(6);
    await crane(["tag", `${target}:1.0`, "again"]);
    const second = (await registry.requests()).slice(first.length);
    expect(second.filter(({ path }) => path.includes("/blobs/"))).toEqual([]);
    expect(second).toContainEqual({ method: "PUT", path: "/v2/team/sample/manifests/again", status: 201 });
  });

  it("can be read-only", async () => {
    await using registry = await startRegistry({ readOnly: true });
    const layout = `oci:${join(temp.path, "layout")}:1.0`;
    const copy = ["copy", "--all", "--dest-tls-verify=false", layout, `docker://${registry.host}/a:1`];
    expect((await skopeo(copy, { anyExit: true })).code).not.toBe(0);
    expect((await registry.requests()).some(({ status }) => status === 405)).toBe(true);
  });
});
