import { mkdirSync, writeFileSync, chmodSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { RegistryClient, type RegistryClientOptions } from "../../../src/registry/client.ts";
import { TestRegistry, type TestRegistryOptions } from "../../../src/testing/registry.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { type TestCertificates, makeCertificates } from "./certificates.ts";
import { type Fixture, makeFixture, randomBlob, readAll } from "./fixture.ts";

const secret = "correct-horse:battery/staple+42";
const user = { username: "jo", password: secret };
const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }));
const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function fixtureWith(env: Record<string, string> = {}): Fixture {
  const fixture = makeFixture(env);
  cleanups.push(() => fixture.close());
  return fixture;
}

async function start(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const registry = await TestRegistry.start(options);
  cleanups.push(() => registry[Symbol.asyncDispose]());
  return registry;
}

function clientFor(registry: TestRegistry, options: RegistryClientOptions = {}): RegistryClient {
  return new RegistryClient({
    retry: { delayMs: 5, retries: 2 },
    credentials: { [registry.host]: user },
    ...options,
  });
}

function writeDockerConfig(fixture: Fixture, value: object): void {
  mkdirSync(join(fixture.home, ".docker"), { recursive: true });
  writeFileSync(join(fixture.home, ".docker/config.json"), JSON.stringify(value));
}

/** All that a person could get to see of an error, its causes included. */
function everythingSaid(error: unknown, fixture: Fixture): string {
  const parts: string[] = [JSON.stringify(fixture.events)];
  for (let current = error; current instanceof Error; current = current.cause) {
    parts.push(current.message, current.stack ?? "", JSON.stringify(current), String(current));
  }
  return parts.join("\n");
}

describe("authentication", () => {
  it.each(["basic", "bearer"] as const)("pushes and pulls with %s", async (scheme) => {
    const fixture = fixtureWith();
    const registry = await start({ auth: { scheme, ...user } });
    const repository = clientFor(registry).repository(registry.host, "team/app");
    const { bytes, descriptor } = randomBlob(100_000);
    expect(await repository.pushBlob(descriptor, bytes, fixture.ctx)).toBe("pushed");
    await repository.putManifest("1", mediaTypes.index, index, fixture.ctx);
    expect((await repository.resolve("1", fixture.ctx)).size).toBe(index.length);
    expect((await readAll(await repository.openBlob(descriptor, fixture.ctx))).equals(bytes)).toBe(true);
    const tokens = registry.requests.filter((request) => request.url.startsWith("/token"));
    expect(tokens.length).toBe(scheme === "basic" ? 0 : 1);
    if (scheme === "bearer") {
      expect(tokens[0]?.url).toContain("scope=repository%3Ateam%2Fapp%3Apull%2Cpush");
      expect(tokens[0]?.url).not.toContain(secret.slice(0, 8));
      // The password goes to the token service only.
      const basic = registry.requests.filter((request) => request.headers.authorization?.startsWith("Basic"));
      expect(basic).toEqual(tokens);
    }
  });

  it("asks for both repositories when it mounts", async () => {
    const fixture = fixtureWith();
    const registry = await start({ auth: { scheme: "bearer", ...user } });
    const { bytes, descriptor } = randomBlob(1000);
    registry.putBlob("team/base", bytes);
    const repository = clientFor(registry).repository(registry.host, "team/app");
    const options = { mountFrom: "team/base" };
    expect(await repository.pushBlob(descriptor, bytes, fixture.ctx, options)).toBe("mounted");
    const scopes = registry.requests
      .filter((request) => request.url.startsWith("/token"))
      .map((request) => new URL(request.url, registry.origin).searchParams.getAll("scope"));
    expect(scopes.at(-1)).toEqual(["repository:team/app:pull,push", "repository:team/base:pull"]);
  });

  it("gets a new token when one has run out", async () => {
    const fixture = fixtureWith();
    const registry = await start({ auth: { scheme: "bearer", ...user, expiresIn: 11 } });
    const repository = clientFor(registry).repository(registry.host, "team/app");
    registry.putManifest("team/app", mediaTypes.index, index, "1");
    await repository.resolve("1", fixture.ctx);
    const later = { ...fixture.ctx, host: { ...fixture.ctx.host, now: () => new Date(Date.now() + 5000) } };
    await repository.resolve("1", later);
    expect(registry.requests.filter((request) => request.url.startsWith("/token"))).toHaveLength(2);
  });

  it("pulls anonymously with a token where the registry allows that", async () => {
    const fixture = fixtureWith();
    const registry = await start({ auth: { scheme: "bearer", ...user, anonymousPull: true } });
    registry.putManifest("team/app", mediaTypes.index, index, "1");
    const repository = clientFor(registry, { credentials: {} }).repository(registry.host, "team/app");
    expect((await repository.resolve("1", fixture.ctx)).size).toBe(index.length);
    const { bytes, descriptor } = randomBlob(10);
    await expect(repository.pushBlob(descriptor, bytes, fixture.ctx)).rejects.toMatchObject({
      code: "REGISTRY_UNAUTHORIZED",
      message: expect.stringContaining("anonymous access"),
    });
  });

  it("exchanges an identity token by POST", async () => {
    const fixture = fixtureWith();
    const identityToken = "refresh-me-123456";
    const registry = await start({ auth: { scheme: "bearer", ...user, identityToken } });
    registry.putManifest("team/app", mediaTypes.index, index, "1");
    writeDockerConfig(fixture, { auths: { [registry.host]: { identitytoken: identityToken } } });
    const repository = clientFor(registry, { credentials: {} }).repository(registry.host, "team/app");
    expect((await repository.resolve("1", fixture.ctx)).size).toBe(index.length);
    expect(registry.requests.filter((request) => request.method === "POST")).toHaveLength(1);
  });

  it.each(["basic", "bearer"] as const)(
    "never shows a secret when %s credentials are refused",
    async (scheme) => {
      const fixture = fixtureWith();
      const registry = await start({ auth: { scheme, ...user } });
      const wrong = { username: "jo", password: "wrong-but-still-secret" };
      const client = clientFor(registry, { credentials: { [registry.host]: wrong } });
      const { bytes, descriptor } = randomBlob(10);
      const repository = client.repository(registry.host, "team/app");
      for (const work of [
        () => repository.resolve("1", fixture.ctx),
        () => repository.pushBlob(descriptor, bytes, fixture.ctx),
        () => repository.listTags(fixture.ctx),
      ]) {
        const error: unknown = await work().catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({
          code: "REGISTRY_UNAUTHORIZED",
          message: expect.stringContaining("the user jo from the given username and password"),
        });
        const said = everythingSaid(error, fixture);
        expect(said).not.toContain("wrong-but");
        expect(said).not.toContain(Buffer.from(`jo:${wrong.password}`).toString("base64"));
      }
      // Refused once per request, not tried over and over.
      expect(registry.requests.length).toBeLessThan(15);
    },
  );
});

describe("where credentials go", () => {
  it("drops them when a blob is redirected to another host, and keeps signed addresses out of errors", async () => {
    const fixture = fixtureWith();
    const storage = await start({ hostname: "127.0.0.2" });
    const registry = await start({ auth: { scheme: "bearer", ...user }, blobRedirect: storage.origin });
    const { bytes, descriptor } = randomBlob(200_000);
    registry.putBlob("team/app", bytes);
    storage.putBlob("any", bytes);
    const repository = clientFor(registry).repository(registry.host, "team/app");
    expect((await readAll(await repository.openBlob(descriptor, fixture.ctx))).equals(bytes)).toBe(true);
    expect(storage.requests).toHaveLength(1);
    expect(storage.requests[0]?.headers.authorization).toBeUndefined();
    expect(storage.requests[0]?.url).toContain("X-Signature=");
    storage.fail({ times: 9, action: { status: 403, body: "signature expired" } });
    const error: unknown = await repository
      .openBlob(descriptor, fixture.ctx)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "REGISTRY_DENIED" });
    expect(everythingSaid(error, fixture)).not.toContain("not-to-be-shown");
  });

  it("doesn't take a storage host's 401 for the registry's", async () => {
    const fixture = fixtureWith();
    const storage = await start({ hostname: "127.0.0.2", auth: { scheme: "basic", ...user } });
    const registry = await start({ auth: { scheme: "basic", ...user }, blobRedirect: storage.origin });
    const { bytes, descriptor } = randomBlob(10);
    registry.putBlob("team/app", bytes);
    storage.fail({ times: 9, action: { status: 401, headers: { "www-authenticate": 'Basic realm="x"' } } });
    const repository = clientFor(registry).repository(registry.host, "team/app");
    await expect(repository.openBlob(descriptor, fixture.ctx)).rejects.toMatchObject({
      code: "REGISTRY_UNAUTHORIZED",
    });
    expect(storage.requests.map((request) => request.headers.authorization)).toEqual([undefined]);
  });

  it("doesn't send one registry's credentials to another", async () => {
    const fixture = fixtureWith({ GITHUB_TOKEN: "ghp_0123456789abcdef", GITHUB_ACTOR: "jo" });
    const one = await start({ auth: { scheme: "basic", ...user } });
    const other = await start({ auth: { scheme: "basic", ...user } });
    await expect(clientFor(one).repository(other.host, "a").resolve("1", fixture.ctx)).rejects.toMatchObject({
      code: "REGISTRY_UNAUTHORIZED",
      message: expect.stringContaining("anonymous access"),
    });
    expect(other.requests.every((request) => request.headers.authorization === undefined)).toBe(true);
  });

  it("doesn't send an upload's credentials to another host", async () => {
    const fixture = fixtureWith();
    const elsewhere = await start({ hostname: "127.0.0.3" });
    const registry = await start({ auth: { scheme: "basic", ...user } });
    const location = `${elsewhere.origin}/v2/team/app/blobs/uploads/nowhere`;
    registry.fail({ method: "POST", times: 2, action: { status: 202, headers: { location } } });
    elsewhere.fail({ times: 9, action: { status: 201 } });
    const { bytes, descriptor } = randomBlob(10);
    await clientFor(registry).repository(registry.host, "team/app").pushBlob(descriptor, bytes, fixture.ctx);
    expect(elsewhere.requests.map(({ method, headers }) => [method, headers.authorization])).toEqual([
      ["PUT", undefined],
    ]);
  });

  it("refuses to send a password to a token service in plain HTTP", async () => {
    const fixture = fixtureWith();
    const realm = "http://tokens.example.invalid";
    const registry = await start({ auth: { scheme: "bearer", ...user, realm } });
    await expect(
      clientFor(registry).repository(registry.host, "team/app").resolve("1", fixture.ctx),
    ).rejects.toMatchObject({
      code: "REGISTRY_UNAUTHORIZED",
      message: expect.stringContaining("in plain HTTP: refused"),
    });
  });

  it("uses a token service on another host", async () => {
    const fixture = fixtureWith();
    // Tokens of one service are only known to itself, so the registry behind it is the same object.
    const registry = await start({ auth: { scheme: "bearer", ...user } });
    const proxy = http.createServer((request, response) => {
      const options = { headers: request.headers, method: request.method ?? "GET" };
      http.get(`${registry.origin}${request.url}`, options, (answer) => {
        response.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(response);
      });
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.2", resolve));
    cleanups.push(() => new Promise((resolve) => proxy.close(() => resolve())));
    const realm = `http://127.0.0.2:${(proxy.address() as AddressInfo).port}`;
    registry.fail({
      path: /manifests/,
      action: {
        status: 401,
        headers: {
          "www-authenticate": `Bearer realm="${realm}/token",service="test-service",scope="repository:team/app:pull"`,
        },
      },
    });
    registry.putManifest("team/app", mediaTypes.index, index, "1");
    const found = await clientFor(registry).repository(registry.host, "team/app").resolve("1", fixture.ctx);
    expect(found.size).toBe(index.length);
  });

  it("asks a credential helper, and goes on without one that is missing", async () => {
    const fixture = fixtureWith();
    const registry = await start({ auth: { scheme: "basic", ...user } });
    registry.putManifest("team/app", mediaTypes.index, index, "1");
    const bin = join(fixture.dir, "bin");
    mkdirSync(bin);
    const helper = join(bin, "docker-credential-test");
    const answer = JSON.stringify({ ServerURL: registry.host, Username: user.username, Secret: secret });
    writeFileSync(
      helper,
      `#!/bin/sh\nread server\n[ "$server" = "${registry.host}" ] || exit 1\necho '${answer}'\n`,
    );
    chmodSync(helper, 0o755);
    writeDockerConfig(fixture, { credHelpers: { [registry.host]: "test" } });
    const env = { HOME: fixture.home, PATH: `${bin}:${process.env["PATH"]}` };
    const { createNodeHost } = await import("../../../src/host/node-host.ts");
    const host = createNodeHost({ env, cwd: fixture.dir });
    cleanups.push(() => host.close());
    const none = clientFor(registry, { credentials: {} });
    const found = await none.repository(registry.host, "team/app").resolve("1", { ...fixture.ctx, host });
    expect(found.size).toBe(index.length);
    const again = clientFor(registry, { credentials: {} });
    await expect(again.repository(registry.host, "team/app").resolve("1", fixture.ctx)).rejects.toMatchObject(
      {
        code: "REGISTRY_UNAUTHORIZED",
      },
    );
    const warnings = fixture.events.filter((event) => event.type === "log" && event.level === "warning");
    expect(warnings).toMatchObject([
      { message: expect.stringContaining("docker-credential-test isn't installed") },
    ]);
  });
});

describe("TLS and plain HTTP", () => {
  function certificates(
    shape?: Parameters<typeof makeCertificates>[1],
  ): TestCertificates & { fixture: Fixture } {
    const fixture = fixtureWith();
    return { ...makeCertificates(fixture.dir, shape), fixture };
  }

  it("verifies loopback registries too, and trusts the authority that is given", async () => {
    const { fixture, ...tls } = certificates();
    const registry = await start({ tls });
    registry.putManifest("team/app", mediaTypes.index, index, "1");
    const strict = clientFor(registry).repository(registry.host, "team/app");
    await expect(strict.resolve("1", fixture.ctx)).rejects.toMatchObject({
      code: "REGISTRY_TLS",
      message: `The certificate of ${registry.host} isn't accepted: it was issued by an authority that isn't trusted here, or the server leaves out an intermediate certificate.`,
      hint: expect.stringContaining(`/etc/docker/certs.d/${registry.host}/ca.crt`),
    });
    for (const override of [{ ca: tls.ca }, { insecure: true }]) {
      const client = clientFor(registry, { overrides: { [registry.host]: override } });
      expect((await client.repository(registry.host, "team/app").resolve("1", fixture.ctx)).size).toBe(
        index.length,
      );
    }
  });

  it("finds the authority in certs.d", async () => {
    const { fixture, caPem, ...tls } = certificates();
    const registry = await start({ tls });
    registry.putManifest("team/app", mediaTypes.index, index, "1");
    const dir = join(fixture.home, ".config/containers/certs.d", registry.host);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "ca.crt"), caPem);
    const found = await clientFor(registry).repository(registry.host, "team/app").resolve("1", fixture.ctx);
    expect(found.size).toBe(index.length);
  });

  it("says in plain words what is wrong with a certificate", async () => {
    const other = certificates({ names: "DNS:elsewhere.example" });
    const registry = await start({ tls: other });
    const overrides = { [registry.host]: { ca: other.ca } };
    await expect(
      clientFor(registry, { overrides }).repository(registry.host, "a").resolve("1", other.fixture.ctx),
    ).rejects.toMatchObject({
      code: "REGISTRY_TLS",
      message: expect.stringContaining("issued for another host name"),
    });
    const old = certificates({ days: -1 });
    const expired = await start({ tls: old });
    await expect(
      clientFor(expired, { overrides: { [expired.host]: { ca: old.ca } } })
        .repository(expired.host, "a")
        .resolve("1", old.fixture.ctx),
    ).rejects.toMatchObject({ code: "REGISTRY_TLS", message: expect.stringContaining("it has expired") });
  });

  it("refuses a redirect from TLS to plain HTTP on another host", async () => {
    const { fixture, ...tls } = certificates();
    const registry = await start({ tls, blobRedirect: "http://storage.example.invalid" });
    const { bytes, descriptor } = randomBlob(10);
    registry.putBlob("team/app", bytes);
    const overrides = { [registry.host]: { ca: tls.ca } };
    const repository = clientFor(registry, { overrides }).repository(registry.host, "team/app");
    await expect(repository.openBlob(descriptor, fixture.ctx)).rejects.toMatchObject({
      code: "REGISTRY_ERROR",
      message: expect.stringContaining("redirects from TLS"),
    });
  });
});

describe("mirrors", () => {
  it("pulls from mirrors in order, then from the registry, and pushes to the registry", async () => {
    const fixture = fixtureWith();
    const registry = await start();
    const empty = await start();
    const mirror = await start();
    const digest = registry.putManifest("team/app", mediaTypes.index, index, "1");
    const overrides = {
      [registry.host]: { mirrors: [empty.host, `${mirror.host}/cache`] },
    };
    const repository = clientFor(registry, { overrides }).repository(registry.host, "team/app");
    expect((await repository.resolve("1", fixture.ctx)).digest).toBe(digest);
    expect(empty.requests.some((request) => request.url.includes("/v2/team/app/manifests/1"))).toBe(true);
    expect(mirror.requests.some((request) => request.url.includes("/v2/cache/team/app/manifests/1"))).toBe(
      true,
    );
    mirror.putManifest("cache/team/app", mediaTypes.index, index, "1");
    const before = registry.requests.length;
    expect((await repository.resolve("1", fixture.ctx)).digest).toBe(digest);
    expect(registry.requests.length).toBe(before);
    const { bytes, descriptor } = randomBlob(10);
    await repository.pushBlob(descriptor, bytes, fixture.ctx);
    expect(registry.blobs.get("team/app")?.size).toBe(1);
    expect(mirror.blobs.size + empty.blobs.size).toBe(0);
  });

  it("gets over a mirror that lies, and one that is gone", async () => {
    const fixture = fixtureWith();
    const registry = await start();
    const digest = registry.putManifest("team/app", mediaTypes.index, index, "1");
    const liar = await start();
    liar.fail({
      times: 9,
      path: /manifests/,
      action: { status: 200, headers: { "content-type": mediaTypes.index }, body: "{}" },
    });
    const gone = await start();
    await gone[Symbol.asyncDispose]();
    const overrides = { [registry.host]: { mirrors: [gone.host, liar.host] } };
    const repository = clientFor(registry, { overrides }).repository(registry.host, "team/app");
    expect((await repository.getManifest(digest, fixture.ctx)).bytes).toEqual(index);
    await repository.getManifest(digest, fixture.ctx);
    const said = fixture.events.map((event) => (event.type === "log" ? event.message : "")).join("\n");
    expect(said.match(new RegExp(gone.host, "g"))?.length).toBe(2); // Once in the sentence, once as its reason.
    expect(said).toContain("from");
  });

  it("reads registries.conf: location, mirrors, blocked", async () => {
    const registry = await start();
    const conf = (dir: string, text: string): string => {
      const path = join(dir, "registries.conf");
      writeFileSync(path, text);
      return path;
    };
    const fixture = fixtureWith();
    const path = conf(
      fixture.dir,
      `[[registry]]\nprefix = "images.example/team"\nlocation = "${registry.host}/moved"\n[[registry]]\nlocation = "bad.example"\nblocked = true\n`,
    );
    const host = { ...fixture.ctx.host, env: { ...fixture.ctx.host.env, CONTAINERS_REGISTRIES_CONF: path } };
    const ctx = { ...fixture.ctx, host };
    const digest = registry.putManifest("moved/app", mediaTypes.index, index, "1");
    const client = new RegistryClient();
    expect((await client.repository("images.example", "team/app").resolve("1", ctx)).digest).toBe(digest);
    await expect(client.repository("bad.example", "x").resolve("1", ctx)).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
      message: expect.stringContaining("blocked"),
    });
  });
});
