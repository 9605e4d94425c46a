import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { PlatformOutcome } from "../../../src/buildkit/outcome.ts";
import { publishPlatforms } from "../../../src/buildkit/publish-platforms.ts";
import { AnyarchError } from "../../../src/errors/error.ts";
import type { BuildEvent } from "../../../src/events/event.ts";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import type { ImageIndex } from "../../../src/oci/content.ts";
import { formatPlatform } from "../../../src/oci/platform.ts";
import type { BuildOptions } from "../../../src/plan/build-options.ts";
import { type Buildkitd, startBuildkitd } from "../../engines/buildkitd.ts";
import { crane } from "../../engines/clients.ts";
import { startDockerd } from "../../engines/dockerd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { openPodman } from "../../engines/podman.ts";
import { type Registry, startRegistry } from "../../engines/registry.ts";
import { describeWith } from "../../engines/suites.ts";
import { failed, makeContext, makeRequest, planFor, solve } from "./built-platform.ts";

const needed = ["buildkit", "busybox", "docker-registry", "openssl", "crane"] as const;
const engines = await ensureEngines([...needed, "dockerd", "podman"]);

let temp: TempDir;
let registry: Registry;
let node: Buildkitd;
let context: string;
let ctx: Context;
const events: BuildEvent[] = [];

beforeAll(async () => {
  if (needed.some((name) => engines.without(name) !== undefined)) return;
  temp = await makeTempDir();
  registry = await startRegistry({ tls: true, auth: "basic" });
  node = await startBuildkitd({ registries: [registry] });
  const host = createNodeHost({
    env: { HOME: temp.path, PATH: process.env["PATH"], ...registry.env },
    cwd: temp.path,
    cacheDir: join(temp.path, "cache"),
  });
  ctx = createContext(host, { emit: (event) => events.push(event) });
  context = await makeContext(join(temp.path, "context"), [
    "FROM scratch",
    "ARG TARGETARCH",
    "COPY busybox-$TARGETARCH /bin/busybox",
    'CMD ["/bin/busybox", "uname", "-m"]',
  ]);
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  await temp?.[Symbol.asyncDispose]();
});

const platforms = ["linux/amd64", "linux/arm64"] as const;

/** Both platforms, delivered as said. */
const build = (to: (slug: string) => string, attest = false, from = context) =>
  Promise.all(
    platforms.map((platform) =>
      solve(node, { context: from, platform, to: to(platform.replace("/", "-")), attest, registry }),
    ),
  );

function publish(outcomes: readonly PlatformOutcome[], options: BuildOptions, from = context) {
  const request = makeRequest({ context: from, platforms, ...options }, ctx);
  return publishPlatforms(outcomes, planFor(request), request, {}, ctx);
}

const manifest = async (reference: string): Promise<ImageIndex> =>
  JSON.parse((await crane(["manifest", reference], { registry })).stdout) as ImageIndex;
const digest = async (reference: string): Promise<string> =>
  (await crane(["digest", reference], { registry })).stdout.trim();
const failure = async (work: Promise<unknown>): Promise<AnyarchError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AnyarchError);
  return error as AnyarchError;
};

describeWith(engines, needed, "publishPlatforms", () => {
  it("000-02 002-10 002-15 tags what nodes pushed by digest as one index with attestations, in two repositories", async () => {
    const app = `${registry.host}/team/app`;
    const outcomes = await build(() => app, true);
    const tags = [`${app}:1`, `${app}:latest`, `${registry.host}/other/app:1`];
    const before = (await registry.requests()).length;
    const result = await publish(outcomes, { tags, push: true });
    const asked = (await registry.requests()).slice(before);
    for (const tag of tags) {
      expect(await digest(tag)).toBe(result.digest);
      await crane(["validate", "--remote", tag, "--fast"], { registry });
    }
    const { manifests } = await manifest(tags[2] ?? "");
    const names = manifests.map((child) => formatPlatform(child.platform ?? { os: "?", architecture: "?" }));
    expect(names).toEqual([...platforms, "unknown/unknown", "unknown/unknown"]);
    const proofs = manifests.slice(2).map((child) => child.annotations);
    expect(proofs.map((one) => one?.["vnd.docker.reference.type"])).toEqual(
      Array(2).fill("attestation-manifest"),
    );
    expect(proofs.map((one) => one?.["vnd.docker.reference.digest"])).toEqual(
      manifests.slice(0, 2).map((child) => child.digest),
    );
    // Children are the nodes' own: nothing was uploaded, the second repository's blobs were mounted.
    for (const [index, outcome] of outcomes.entries()) {
      const delivered = await manifest(`${app}@${outcome.result.descriptor.digest}`);
      expect(delivered.manifests.map((child) => child.digest)).toContain(manifests[index]?.digest);
    }
    expect(asked.filter(({ method }) => method === "PATCH")).toEqual([]);
    expect(result.published[1]).toMatchObject({ mounted: expect.any(Number) as number });
    expect(result.platforms.map(({ platform, node: on, placement }) => [platform, on, placement])).toEqual(
      platforms.map((platform) => [platform, node.address, "cross"]),
    );
    expect(result.platforms.map(({ verified }) => verified?.elf)).toEqual([1, 1]);
    expect(result.platforms[0]?.layers).toMatchObject([
      { name: "COPY busybox-amd64 /bin/busybox", base: false },
    ]);
  });

  it("000-13 publishes a single platform as its manifest, and with attestations as an index", async () => {
    const app = `${registry.host}/single/app`;
    const one = { context, platform: "linux/arm64", registry };
    const alone = await solve(node, { ...one, to: join(temp.path, "alone") });
    const options = { platforms: ["linux/arm64"], push: true };
    const result = await publish([alone], { ...options, tags: [`${app}:1`] });
    expect(result.digest).toBe(alone.result.descriptor.digest);
    expect(await digest(`${app}:1`)).toBe(result.digest);
    const attested = await solve(node, { ...one, to: app, attest: true });
    await publish([attested], { ...options, tags: [`${app}:2`] });
    expect((await manifest(`${app}:2`)).manifests).toHaveLength(2);
  });

  it("merges layouts and pushed platforms alike; outputs hold the same digest", async () => {
    const app = `${registry.host}/mixed/app`;
    const [amd64] = await build((slug) => join(temp.path, `mixed-${slug}`));
    const arm64 = await solve(node, { context, platform: "linux/arm64", to: app, registry });
    const outputs = [`oci:${temp.path}/out`, `oci-archive:${temp.path}/out.tar`];
    const outcomes = amd64 === undefined ? [] : [amd64, arm64];
    const result = await publish(outcomes, { tags: [`${app}:1`], push: true, outputs });
    expect(await digest(`${app}:1`)).toBe(result.digest);
    await crane(["validate", "--remote", `${app}:1`], { registry });
    expect(result.published.map(({ location }) => location)).toEqual([...outputs, `${app}:1`]);
    expect(existsSync(join(temp.path, "out/blobs/sha256", result.digest.replace("sha256:", "")))).toBe(true);
    const again = await publish(outcomes, { outputs: [`oci:${temp.path}/again`] });
    expect(again.digest).toBe(result.digest);
  });

  it("publishes nothing without a required platform, and says what failed and how to go on", async () => {
    const tag = `${registry.host}/partial/app:1`;
    const [amd64] = await build((slug) => join(temp.path, `partial-${slug}`));
    if (amd64 === undefined) throw new Error("nothing was built");
    const outcomes = [amd64, failed("linux/arm64")];
    const error = await failure(publish(outcomes, { tags: [tag], push: true }));
    expect(error).toMatchObject({ code: "BUILDER_LOST", exitCode: 1 });
    expect(error.message).toMatch(/went away\.\nNothing was published\./);
    expect(error.hint).toMatch(/--fallback available/);
    expect(error.details).toMatchObject({
      platforms: [{ platform: "linux/amd64" }],
      omitted: [{ platform: "linux/arm64", attempts: [{ node: "ssh://arm" }] }],
    });
    expect((await crane(["digest", tag], { registry, anyExit: true })).code).not.toBe(0);

    const allowed = await publish(outcomes, { tags: [tag], push: true, fallback: "available" });
    expect(allowed.omitted).toMatchObject([{ platform: "linux/arm64", code: "BUILDER_LOST" }]);
    expect(await digest(tag)).toBe(allowed.digest);
    const optional = await publish([amd64, failed("linux/arm64", true)], { outputs: [`oci:${temp.path}/o`] });
    expect(optional.omitted).toHaveLength(1);
    await failure(publish([failed("linux/amd64", true)], { tags: [tag], push: true, fallback: "available" }));
  });

  it("stops before the tag where a platform holds what doesn't run there", async () => {
    const app = `${registry.host}/wrong/app`;
    const wrong = await makeContext(join(temp.path, "wrong"), [
      "FROM scratch",
      "COPY busybox-amd64 /bin/busybox",
    ]);
    const outcomes = await build(() => app, false, wrong);
    const options = { tags: [`${app}:1`], push: true };
    const error = await failure(publish(outcomes, options, wrong));
    expect(error.code).toBe("VERIFY_FAILED");
    expect(error.message).toMatch(/linux\/arm64 holds what doesn't run there[\s\S]*bin\/busybox/);
    expect((await crane(["digest", `${app}:1`], { registry, anyExit: true })).code).not.toBe(0);
    await publish(outcomes, { ...options, verify: "none" }, wrong);
    expect(await digest(`${app}:1`)).not.toBe("");
  });

  it("leaves the base to --verify full where nodes pushed it", async () => {
    const base = `${registry.host}/wrong/base`;
    const wrong = await makeContext(join(temp.path, "wrong-base"), ["FROM scratch", "COPY busybox-amd64 /b"]);
    const bases = await build(() => base, false, wrong);
    await publish(bases, { tags: [`${base}:1`], push: true, verify: "none" }, wrong);
    const onBase = await makeContext(join(temp.path, "on-base"), [
      `ARG TAG=1`,
      `FROM ${base}:\${TAG} AS start`,
      "LABEL a=b",
      "FROM start",
      "ARG TARGETARCH",
      "COPY busybox-$TARGETARCH /bin/busybox",
    ]);
    const outcomes = await build(() => `${registry.host}/wrong/on-base`, false, onBase);
    const options = { tags: [`${registry.host}/wrong/on-base:1`], push: true };
    const result = await publish(outcomes, options, onBase);
    expect(result.platforms.map(({ layers }) => layers.map((layer) => layer.base))).toEqual([
      [true, false],
      [true, false],
    ]);
    expect(result.platforms.map(({ verified }) => verified?.elf)).toEqual([1, 1]);
    const error = await failure(publish(outcomes, { ...options, verify: "full" }, onBase));
    expect(error.code).toBe("VERIFY_FAILED");
  });

  it("removes temporary tags, or says which stay, and keeps what they stood for", async () => {
    const app = `${registry.host}/temporary/app`;
    const options = { tags: [`${app}:1`], push: true, temporaryTags: true, context, platforms };
    const request = makeRequest(options, ctx);
    const outcomes = await build((slug) => `${app}:anyarch-${request.buildId}-${slug}`);
    events.length = 0;
    const result = await publishPlatforms(outcomes, planFor(request), request, {}, ctx);
    const tags = (await crane(["ls", app], { registry })).stdout.trim().split("\n");
    const warned = events.flatMap((event) =>
      event.type === "log" && event.level === "warning" ? event.message : [],
    );
    for (const tag of tags.filter((one) => one !== "1")) expect(warned.join("\n")).toContain(tag);
    expect(tags).toContain("1");
    expect(await digest(`${app}:1`)).toBe(result.digest);
    await crane(["validate", "--remote", `${app}:1`], { registry });
  });
});

describeWith(engines, [...needed, "dockerd", "podman"], "publishPlatforms into local engines", () => {
  const load = async (env: Readonly<Record<string, string>>, path: string, options: BuildOptions = {}) => {
    const outcomes = await build((slug) => join(temp.path, `load-${Math.random()}-${slug}`));
    const host = createNodeHost({
      env: { HOME: temp.path, PATH: path, ...env },
      cwd: temp.path,
      cacheDir: join(temp.path, "cache"),
    });
    const messages: string[] = [];
    const own = createContext(host, {
      emit: (event) => void (event.type === "log" && event.level !== "debug" && messages.push(event.message)),
    });
    const request = makeRequest({ context, platforms, tags: ["loaded:1"], load: true, ...options }, own);
    const result = await publishPlatforms(outcomes, planFor(request), request, {}, own);
    await host.close();
    return { result, messages };
  };

  it("loads all platforms where docker keeps indexes", async () => {
    await using docker = await startDockerd();
    const { result, messages } = await load(docker.env, docker.path);
    expect(result.published.map(({ location }) => location)).toEqual(["docker:loaded:1"]);
    expect(messages).toEqual([]);
    const { stdout } = await docker.run(["image", "inspect", "--format", "{{.Id}}", "loaded:1"]);
    expect(stdout.trim()).toBe(result.digest);
  });

  it("loads its own platform into docker's classic store, and says so", async () => {
    await using docker = await startDockerd({ store: "classic" });
    const { messages } = await load(docker.env, docker.path);
    expect(messages).toEqual([
      expect.stringMatching(/only linux\/amd64 of linux\/amd64, linux\/arm64 is loaded/),
    ]);
    const { stdout } = await docker.run(["run", "--rm", "--network", "none", "loaded:1"]);
    expect(stdout.trim()).toBe("x86_64");
  });

  it("loads into podman where there is no docker", async () => {
    const podman = await openPodman();
    try {
      await load(podman.env, podman.path);
      const { stdout } = await podman.run(["images", "--format", "{{.Repository}}:{{.Tag}}"]);
      expect(stdout.trim()).toBe("docker.io/library/loaded:1");
    } finally {
      await podman[Symbol.asyncDispose]();
    }
  });
});
