import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureEngines } from "../../engines/install.ts";
import { startRegistry, type Registry } from "../../engines/registry.ts";
import { describeWith } from "../../engines/suites.ts";
import { snapshot } from "./leftovers.ts";
import { expectFailure, makeStage, openScene, type Scene, type Stage } from "./scene.ts";
import { startWeakProxy } from "./weak-proxy.ts";

const engines = await ensureEngines(["docker-registry", "openssl"]);

let stage: Stage;
beforeAll(async () => {
  stage = await makeStage();
});
afterAll(() => stage[Symbol.dispose]());

const build = (base: string, ...more: string[]): string[] => ["build", ".", "--base-image", base, ...more];

/** Names of repositories and tags that the registry has by its own files. */
function tagsOf(registry: Registry): readonly string[] {
  return Object.keys(snapshot(registry.storage))
    .map((path) => /repositories\/(.*)\/_manifests\/tags\/([^/]+)$/.exec(path))
    .filter((match) => match !== null)
    .map(([, repository, tag]) => `${repository}:${tag}`);
}

/** Manifests that somebody could pull by digest. */
function revisionsOf(registry: Registry): readonly string[] {
  return Object.keys(snapshot(registry.storage)).filter((path) => path.includes("/_manifests/revisions/"));
}

function logIn(scene: Scene, auths: Record<string, { auth: string }>): Record<string, string> {
  const directory = join(scene.root, "docker");
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.json"), JSON.stringify({ auths }));
  return { DOCKER_CONFIG: directory };
}

describeWith(engines, ["docker-registry"], "a registry", () => {
  it("doesn't have the base", async () => {
    using scene = openScene(stage);
    await using registry = await startRegistry();
    const base = `${registry.host}/team/python:3.11`;
    const says = [base, "doesn't exist", "name", "tag"];
    await expectFailure(scene, build(base), { code: "BASE_NOT_FOUND", says });
  });

  it("004-32: has the base without the platform: it lists those that there are", async () => {
    using scene = openScene(stage);
    await using registry = await startRegistry();
    const base = `${registry.host}/team/python:3.11`;
    const copied = await scene.run(["copy", scene.base, `docker://${base}`]);
    expect(copied.code, copied.stderr).toBe(0);
    const says = ["No matching manifest for linux/arm/v7", base, "linux/amd64, linux/arm64"];
    const args = build(base, "--platform", "linux/arm/v7");
    await expectFailure(scene, args, { code: "BASE_PLATFORM_MISSING", says });
  });

  it.each(["basic", "bearer"] as const)("refuses a wrong password (%s)", async (auth) => {
    using scene = openScene(stage);
    await using registry = await startRegistry({ auth });
    const target = `${registry.host}/team/demo:1.0`;
    const secret = "wr0ng-p4ssword";
    const encoded = Buffer.from(`anna:${secret}`).toString("base64");
    const env = logIn(scene, { [registry.host]: { auth: encoded } });
    const failure = {
      code: "REGISTRY_UNAUTHORIZED",
      says: [registry.host, "anna", /docker login|--password-stdin/],
      hides: [secret, encoded],
    } as const;
    await expectFailure(scene, build(target), failure, { env });
    await expectFailure(scene, build(scene.base, "--tag", target, "--push"), failure, { env });
    const flags = ["--username", "anna", "--password-stdin"];
    await expectFailure(scene, build(scene.base, "--tag", target, "--push", ...flags), failure, {
      input: secret,
    });
    await expectFailure(scene, ["push", target, ...flags], failure, { input: secret });
    expect(tagsOf(registry)).toEqual([]);
  });

  it("asks for a password where none is known", async () => {
    using scene = openScene(stage);
    await using registry = await startRegistry({ auth: "basic" });
    const says = [registry.host, "docker login"];
    const args = build(scene.base, "--tag", `${registry.host}/team/demo:1.0`, "--push");
    await expectFailure(scene, args, { code: "REGISTRY_UNAUTHORIZED", says });
  });

  it("is read-only", async () => {
    using scene = openScene(stage);
    await using registry = await startRegistry({ readOnly: true });
    const says = [registry.host, "405"];
    const args = build(scene.base, "--tag", `${registry.host}/team/demo:1.0`, "--push");
    await expectFailure(scene, args, { code: "REGISTRY_ERROR", says });
    expect(tagsOf(registry)).toEqual([]);
  });

  it("vanishes in the middle of a push: no tag, no manifest; the next push completes it", async () => {
    using scene = openScene(stage);
    await using registry = await startRegistry();
    scene.write("noise.bin", randomBytes(3 << 20));
    const path = "team/demo:1.0";
    {
      await using proxy = await startWeakProxy(registry.host);
      proxy.vanishAfter(1 << 20);
      const says = [proxy.host, /connection/i, /network|proxy/];
      const args = build(scene.base, "--tag", `${proxy.host}/${path}`, "--push");
      await expectFailure(scene, args, { code: "NETWORK_ERROR", says });
      expect(proxy.sent()).toBeGreaterThan(1 << 20);
    }
    expect(tagsOf(registry)).toEqual([]);
    expect(revisionsOf(registry)).toEqual([]);
    const run = await scene.build(["--tag", `${registry.host}/${path}`, "--push"]);
    expect(run.code, run.stderr).toBe(0);
    expect(tagsOf(registry)).toContain(path);
  });

  it.each([
    ["is broken", '{"auths": {"secret-token"', /Credentials in .*config\.json are ignored: it isn't/],
    [
      "names a helper that isn't installed",
      '{"credsStore": "not-installed"}',
      /credential-not-installed isn't/,
    ],
  ])("Docker's configuration %s: said where a login is asked for", async (_name, text, warning) => {
    using scene = openScene(stage);
    const env = logIn(scene, {});
    writeFileSync(join(env["DOCKER_CONFIG"] ?? "", "config.json"), text);
    await using open = await startRegistry();
    const anonymous = await scene.build(["--tag", `${open.host}/team/demo:1.0`, "--push"], { env });
    expect(anonymous.code, anonymous.stderr).toBe(0);
    await using registry = await startRegistry({ auth: "basic" });
    const args = build(scene.base, "--tag", `${registry.host}/team/demo:1.0`, "--push");
    const failure = {
      code: "REGISTRY_UNAUTHORIZED",
      says: [registry.host],
      hides: ["secret-token"],
    } as const;
    await expectFailure(scene, args, failure, { env });
    const { stderr } = await scene.run(args, { env });
    expect(stderr).toMatch(warning);
    const flags = ["--username", registry.username, "--password-stdin"];
    const given = await scene.run([...args, ...flags], { env, input: registry.password });
    expect(given.code, given.stderr).toBe(0);
  });
});

describeWith(engines, ["docker-registry", "openssl"], "a registry with TLS", () => {
  it("has a certificate of an unknown authority", async () => {
    using scene = openScene(stage);
    await using registry = await startRegistry({ tls: true });
    const env = { SSL_CERT_FILE: undefined, NODE_EXTRA_CA_CERTS: undefined };
    const says = [
      registry.host,
      "isn't trusted here",
      "SSL_CERT_FILE",
      `/etc/docker/certs.d/${registry.host}/ca.crt`,
    ];
    const failure = { code: "REGISTRY_TLS", says } as const;
    const target = `${registry.host}/team/demo:1.0`;
    await expectFailure(scene, build(target), failure, { env });
    await expectFailure(scene, build(scene.base, "--tag", target, "--push"), failure, { env });
    expect(tagsOf(registry)).toEqual([]);
    const trusted = await scene.build(["--tag", target, "--push"], { env: { ...env, ...registry.env } });
    expect(trusted.code, trusted.stderr).toBe(0);
  });
});

describe("the network", () => {
  it("doesn't know the registry's name", async () => {
    using scene = openScene(stage);
    const target = "registry.invalid/team/demo:1.0";
    const says = ["registry.invalid", /host name/, /Check the host name/];
    await expectFailure(scene, build(target), { code: "NETWORK_ERROR", says });
    const push = build(scene.base, "--tag", target, "--push");
    await expectFailure(scene, push, { code: "NETWORK_ERROR", says });
  });

  it("has nothing at the registry's port", async () => {
    using scene = openScene(stage);
    const says = ["localhost:9", "nothing listens there"];
    const args = build("localhost:9/team/python:3.11");
    await expectFailure(scene, args, { code: "NETWORK_ERROR", says });
  });

  it("is behind a proxy that isn't there: the proxy is named, without its password", async () => {
    using scene = openScene(stage);
    const env = { HTTPS_PROXY: "http://user:pr0xy-secret@127.0.0.1:9", HTTP_PROXY: "http://127.0.0.1:9" };
    const says = ["127.0.0.1:9", /proxy/i, "nothing listens there"];
    const failure = { code: "NETWORK_ERROR", says, hides: ["pr0xy-secret"] } as const;
    await expectFailure(scene, build("registry.example/team/python:3.11"), failure, { env });
    scene.write("requirements.txt", `alpha==1.0 --hash=sha256:${"0".repeat(64)}\n`);
    const index = { ...env, PIP_INDEX_URL: "https://index.example/simple/" };
    await expectFailure(scene, build(scene.base), failure, { env: index });
  });

  it("doesn't reach the package index", async () => {
    using scene = openScene(stage);
    scene.write("requirements.txt", `alpha==1.0 --hash=sha256:${"0".repeat(64)}\n`);
    const unknown = { code: "NETWORK_ERROR", says: ["index.invalid", /host name/] } as const;
    const env = { PIP_INDEX_URL: "https://index.invalid/simple/" };
    await expectFailure(scene, build(scene.base), unknown, { env });
    const closed = { code: "NETWORK_ERROR", says: ["127.0.0.1:9", "nothing listens there"] } as const;
    const port = { PIP_INDEX_URL: "http://127.0.0.1:9/simple/" };
    await expectFailure(scene, build(scene.base), closed, { env: port });
    expect(existsSync(join(scene.cache, "python/wheels"))).toBe(false);
  });
});
