import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBaseRegistry } from "../../engines/base-images.ts";
import { startBuildkitd, type Buildkitd } from "../../engines/buildkitd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { startRegistry, type Registry } from "../../engines/registry.ts";
import { makeSshClient, startSshd } from "../../engines/sshd.ts";
import { describeWith } from "../../engines/suites.ts";
import { mountSmallDisk } from "../bad-input/unprivileged.ts";
import { snapshot } from "../bad-input/leftovers.ts";
import { type FlakyRegistry, startFlakyRegistry } from "./flaky-registry.ts";
import { expectError, expectIdle, openSite, type Site } from "./site.ts";

const needed = ["buildkit", "busybox", "docker-registry", "openssl", "sshd"] as const;
const engines = await ensureEngines(needed);

let bases: Registry;
let registry: Registry;
let flaky: FlakyRegistry;
let secured: Registry;
let node: Buildkitd;
let site: Site;
const searchPath = (...folders: readonly string[]): string =>
  [...folders, process.env["PATH"] ?? ""].join(":");

beforeAll(async () => {
  if (engines.without(...needed) !== undefined) return;
  bases = await startBaseRegistry(["busybox:stable"]);
  registry = await startRegistry();
  flaky = await startFlakyRegistry(registry);
  secured = await startRegistry({ tls: true, auth: "basic" });
  node = await startBuildkitd({ registries: [secured], mirrors: { "docker.io": bases } });
  site = openSite({ PATH: searchPath(node.path), ANYARCH_BUILDKIT_BACKEND: "buildctl" });
  site.write(["FROM busybox:stable", "RUN echo built > /out"]);
});

afterAll(async () => {
  await node?.stop();
  await secured?.stop();
  await flaky?.[Symbol.asyncDispose]();
  await registry?.stop();
  await bases?.stop();
  site?.[Symbol.dispose]();
});

/** Tags and manifests that a registry has, by its own files. */
function published({ storage }: Registry): readonly string[] {
  return Object.keys(snapshot(storage)).filter((path) => /_manifests\/(?:tags|revisions)\/./.test(path));
}

const on = (endpoint: string): string[] => ["--platform", "linux/amd64", "--builder", endpoint];

describeWith(engines, needed, "a registry that answers 503", () => {
  it("for a while: the build goes on by itself", async () => {
    const target = `${flaky.host}/while/app:1`;
    flaky.fail(3, ({ path }) => path.includes("/blobs/uploads/"));
    const run = await site.build([...on(node.address), "--tag", target, "--push"]);
    expect(run.code, run.stderr).toBe(0);
    expect(flaky.failures()).toBe(3);
    expect(run.stdout).toContain(target);
    await site.expectTidy();
  });

  it("for a while, for a base image: the platform is tried again on the same builder", async () => {
    await using flakyBases = await startFlakyRegistry(bases);
    flakyBases.fail(2, ({ path }) => path.includes("/manifests/"));
    site.write([`FROM ${flakyBases.host}/library/busybox:stable`, "RUN echo built > /out"], "Flaky");
    const run = await site.build([...on(node.address), "--file", "Flaky"]);
    expect(run.code, run.stderr).toBe(0);
    expect(flakyBases.failures()).toBe(2);
    expect(run.stderr).toMatch(/unix:\S+: the registry answered 503; trying again in \d\.\d s \(1 of 2\)/);
    expect(run.stdout).toMatch(/try [23]/);
    await site.expectTidy();
  });

  it("for ever: it is given up with 4, and what is built is cancelled", async () => {
    const before = published(registry);
    flaky.fail(Number.POSITIVE_INFINITY, ({ method }) => method !== "GET" && method !== "HEAD");
    const run = await site.build([...on(node.address), "--tag", `${flaky.host}/ever/app:1`, "--push"]);
    expectError(run, "REGISTRY_ERROR", 4, flaky.host, "503");
    const said = run.stderr.split("\n").filter((line) => line.startsWith("linux/amd64  "));
    expect(new Set(said).size, "BuildKit repeats itself for each layer").toBe(said.length);
    expect(published(registry)).toEqual(before);
    await site.expectTidy();
  });

  it("since it was asked whether it takes a push: given up with 4, and nothing is in it", async () => {
    const before = published(registry);
    flaky.fail(
      Number.POSITIVE_INFINITY,
      ({ method, path }) => method === "PUT" && path.includes("/manifests/"),
    );
    const target = `${flaky.host}/late/app:1`;
    const run = await site.build([...on(node.address), "--tag", target, "--push", "--retries", "1"]);
    flaky.fail(0, () => false);
    expectError(run, "REGISTRY_ERROR", 4, flaky.host, "503", "Nothing was published");
    expect(run.stderr).toMatch(/the registry answered 503; trying again in \d\.\d s \(1 of 1\)/);
    expect(published(registry)).toEqual(before);
    await site.expectTidy();
    await expectIdle(node);
  });
});

describeWith(engines, needed, "a builder that can't be used", () => {
  it("nobody listens on its ssh port", async () => {
    const run = await site.build(on("ssh://ci@127.0.0.1:9"));
    expectError(run, "BUILDER_UNREACHABLE", 4, "ssh://ci@127.0.0.1:9", /refused/);
    await site.expectTidy();
  });

  it("its ssh host key isn't the one that is known", async () => {
    await using host = await startSshd();
    await using other = await startSshd();
    const knownHosts = [host.knownHost.replace(/\S+$/, other.knownHost.split(" ")[2] ?? "")];
    await using client = await makeSshClient({ "arm.test": host }, { knownHosts });
    const run = await site.build(on(host.url), { env: { PATH: searchPath(client.path, node.path) } });
    expectError(
      run,
      "BUILDER_UNTRUSTED",
      4,
      host.url,
      /host key isn't the one that is known/,
      /ssh-keygen -R/,
    );
    await site.expectTidy();
  });

  it("its certificate has expired: named without the files' paths", async () => {
    await using expired = await startBuildkitd({ listen: "tcp-tls", certificateDays: -1 });
    const { address, caFile, clientCert, clientKey } = expired;
    const endpoint = `${address}?ca=${caFile}&cert=${clientCert}&key=${clientKey}`;
    const run = await site.build(on(endpoint));
    expectError(run, "BUILDER_UNTRUSTED", 4, `${address}: `, /certificate has expired/, /Renew/);
    expect(run.stderr).not.toContain(`${address}?`);
    await site.expectTidy();
  });
});

describeWith(engines, needed, "a wrong password of a registry", () => {
  const secret = "wr0ng-p4ssword";
  const target = (): string => `${secured.host}/team/app:1`;
  const trusting = (): Record<string, string | undefined> => ({ ...secured.env, DOCKER_CONFIG: undefined });

  it.each(["stored", "given"])("that is %s", async (how) => {
    const config = join(site.root, "stale");
    mkdirSync(config, { recursive: true });
    const auth = Buffer.from(`${secured.username}:${secret}`).toString("base64");
    const auths = how === "stored" ? { [secured.host]: { auth } } : {};
    writeFileSync(join(config, "config.json"), JSON.stringify({ auths }));
    const before = published(secured);
    const flags = how === "given" ? ["--username", secured.username, "--password-stdin"] : [];
    const run = await site.build([...on(node.address), "--tag", target(), "--push", ...flags], {
      env: { ...trusting(), DOCKER_CONFIG: config, REGISTRY_AUTH_FILE: undefined },
      ...(how === "given" && { input: secret }),
    });
    expectError(run, "REGISTRY_UNAUTHORIZED", 4, secured.host, /docker login|--password-stdin/);
    for (const hidden of [secret, auth]) expect(run.stderr).not.toContain(hidden);
    expect(published(secured)).toEqual(before);
    await site.expectTidy();
  });

  it("and the right one, given beside a stale one", async () => {
    const run = await site.build(
      [...on(node.address), "--tag", target(), "--push", "--username", secured.username, "--password-stdin"],
      { env: { ...trusting(), DOCKER_CONFIG: join(site.root, "stale") }, input: secured.password },
    );
    expect(run.code, run.stderr).toBe(0);
    expect(run.stderr + run.stdout).not.toContain(secured.password);
    await site.expectTidy();
  });
});

describeWith(engines, needed, "no space is left", () => {
  const big = ["FROM busybox:stable", "RUN dd if=/dev/urandom of=/big bs=1M count=24"];

  it("on the builder", async () => {
    await using small = await startBuildkitd({ mirrors: { "docker.io": bases }, diskBytes: 16 << 20 });
    site.write(big, "Big");
    const run = await site.build([...on(small.address), "--file", "Big"]);
    expectError(
      run,
      "DISK_FULL",
      1,
      small.address,
      /no space is left on the builder/,
      /builder.*(?:prune|space)/i,
    );
    await site.expectTidy();
    await expectIdle(small);
  });

  it.each(["output", "temporary files"])("here, for %s", async (what) => {
    site.write(big, "Big");
    const place = join(site.root, what === "output" ? "small" : "temp");
    mkdirSync(place, { recursive: true });
    {
      using disk = mountSmallDisk(place, 8 << 20);
      const output = join(what === "output" ? disk.path : site.root, "image");
      const run = await site.build([...on(node.address), "--file", "Big", "--output", `oci:${output}`]);
      expectError(run, "DISK_FULL", 1, place);
      expect(snapshot(disk.path)).toEqual({});
    }
    await site.expectTidy();
    await expectIdle(node);
  });
});
