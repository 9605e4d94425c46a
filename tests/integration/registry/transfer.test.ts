import { Readable } from "node:stream";
import { afterEach, describe, expect, it } from "vitest";
import { RegistryClient, type RegistryClientOptions } from "../../../src/registry/client.ts";
import type { Repository } from "../../../src/registry/repository.ts";
import { mediaTypes } from "../../../src/oci/media-type.ts";
import { TestRegistry, type TestRegistryOptions } from "../../../src/testing/registry.ts";
import { blobOf, type Fixture, makeFixture, opener, randomBlob, readAll } from "./fixture.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Setup {
  readonly fixture: Fixture;
  readonly registry: TestRegistry;
  readonly repository: Repository;
  readonly client: RegistryClient;
}

async function setUp(server: TestRegistryOptions = {}, options: RegistryClientOptions = {}): Promise<Setup> {
  const fixture = makeFixture();
  const registry = await TestRegistry.start(server);
  cleanups.push(
    () => fixture.close(),
    () => registry[Symbol.asyncDispose](),
  );
  const client = new RegistryClient({ retry: { delayMs: 5 }, ...options });
  return { fixture, registry, client, repository: client.repository(registry.host, "team/app") };
}

const count = (registry: TestRegistry, method: string, path: RegExp): number =>
  registry.requests.filter((request) => request.method === method && path.test(request.url)).length;

describe("pushing blobs", () => {
  it("sends a blob in one PUT and doesn't send it again", async () => {
    const { fixture, registry, repository } = await setUp();
    const { bytes, descriptor } = randomBlob(300_000);
    const progress: number[] = [];
    const options = { onProgress: (sent: number) => progress.push(sent) };
    expect(await repository.pushBlob(descriptor, opener(bytes), fixture.ctx, options)).toBe("pushed");
    expect(registry.blobs.get("team/app")?.get(descriptor.digest)).toEqual(bytes);
    expect(progress.at(-1)).toBe(300_000);
    expect(count(registry, "PATCH", /./)).toBe(0);
    expect(await repository.pushBlob(descriptor, opener(bytes), fixture.ctx)).toBe("exists");
    expect(count(registry, "PUT", /./)).toBe(1);
  });

  it("takes relative locations and keeps their query as it is", async () => {
    const { fixture, registry, repository } = await setUp({ relativeLocations: true });
    const { bytes, descriptor } = randomBlob(10);
    expect(await repository.pushBlob(descriptor, bytes, fixture.ctx)).toBe("pushed");
    expect(registry.requests.at(-1)?.url).toContain(`?_state=a%2Bb%20c&digest=sha256%3A`);
  });

  it("pushes the empty blob", async () => {
    const { fixture, registry, repository } = await setUp();
    const descriptor = blobOf(Buffer.alloc(0));
    expect(await repository.pushBlob(descriptor, new Uint8Array(), fixture.ctx)).toBe("pushed");
    expect(registry.blobs.get("team/app")?.get(descriptor.digest)).toEqual(Buffer.alloc(0));
  });

  it("mounts from another repository, and uploads where the registry won't", async () => {
    for (const refuseMounts of [false, true]) {
      const { fixture, registry, repository } = await setUp({ refuseMounts });
      const { bytes, descriptor } = randomBlob(1000);
      registry.putBlob("team/base", bytes);
      const outcome = await repository.pushBlob(descriptor, opener(bytes), fixture.ctx, {
        mountFrom: "team/base",
      });
      expect(outcome).toBe(refuseMounts ? "pushed" : "mounted");
      expect(registry.blobs.get("team/app")?.get(descriptor.digest)).toEqual(bytes);
      // A refused mount opens an upload that is used.
      expect(count(registry, "POST", /./)).toBe(1);
    }
  });

  it.each([404, 405, 413])("sends pieces where a whole blob is refused with %i", async (status) => {
    const { fixture, registry, repository } = await setUp({ refuseMonolithic: status });
    const { bytes, descriptor } = randomBlob((8 << 20) + 12_345);
    expect(await repository.pushBlob(descriptor, opener(bytes), fixture.ctx)).toBe("pushed");
    expect(registry.blobs.get("team/app")?.get(descriptor.digest)?.equals(bytes)).toBe(true);
    expect(count(registry, "PATCH", /./)).toBe(2);
  });

  it("starts again after resets, 503 and 429, and opens the content anew each time", async () => {
    const { fixture, registry, repository } = await setUp();
    const { bytes, descriptor } = randomBlob(2_000_000);
    const uploads = /\/blobs\/uploads\/./;
    registry.fail({ method: "PUT", path: uploads, action: { resetAfterRead: 100_000 } });
    registry.fail({ method: "PUT", path: uploads, action: { status: 503, headers: { "retry-after": "0" } } });
    registry.fail({ method: "PUT", path: uploads, action: { status: 429 } });
    registry.fail({ method: "POST", path: /uploads/, action: { status: 502 } });
    let opened = 0;
    const content = () => {
      opened++;
      return opener(bytes)();
    };
    expect(await repository.pushBlob(descriptor, content, fixture.ctx)).toBe("pushed");
    expect(opened).toBe(4);
    expect(registry.blobs.get("team/app")?.get(descriptor.digest)?.equals(bytes)).toBe(true);
  });

  it("gives up after the allowed tries and names the host", async () => {
    const { fixture, registry, repository } = await setUp({}, { retry: { delayMs: 1, retries: 2 } });
    registry.fail({ method: "PUT", times: 99, action: { reset: true } });
    const { bytes, descriptor } = randomBlob(100_000);
    await expect(repository.pushBlob(descriptor, opener(bytes), fixture.ctx)).rejects.toMatchObject({
      code: "NETWORK_ERROR",
      message: expect.stringContaining(registry.host),
    });
    expect(count(registry, "PUT", /./)).toBe(3);
  });

  it("doesn't wait longer than a minute because a server says so", async () => {
    const { fixture, registry, repository } = await setUp();
    registry.fail({ times: 9, action: { status: 429, headers: { "retry-after": "3600" } } });
    registry.fail({ method: "GET", path: /^\/v2\/$/, action: { status: 200 } });
    await expect(repository.resolve("1.0", fixture.ctx)).rejects.toMatchObject({
      code: "REGISTRY_ERROR",
      hint: expect.stringContaining("3600 seconds"),
    });
  });

  it("fails for content that isn't as long as its descriptor, instead of hanging or retrying", async () => {
    const { fixture, registry, repository } = await setUp();
    const { bytes, descriptor } = randomBlob(50_000);
    for (const wrong of [bytes.subarray(1), Buffer.concat([bytes, bytes])]) {
      const push = repository.pushBlob(descriptor, opener(wrong), fixture.ctx);
      await expect(push).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    }
    expect(registry.blobs.get("team/app")?.size ?? 0).toBe(0);
  });

  it("passes on what the content's opener throws, untouched and untried", async () => {
    const { fixture, repository } = await setUp();
    const { descriptor } = randomBlob(50_000);
    let opened = 0;
    const fail = new Error("the disk is gone");
    const broken = () => {
      opened++;
      const stream = opened === 1 ? Readable.from([Buffer.alloc(100)]) : new Readable({ read: () => {} });
      stream.once("data", () => stream.destroy(fail));
      return Promise.resolve(stream);
    };
    await expect(repository.pushBlob(descriptor, broken, fixture.ctx)).rejects.toBe(fail);
    expect(opened).toBe(1);
  });

  it("says when the registry answers that the digest is wrong", async () => {
    const { fixture, registry, repository } = await setUp();
    const { bytes, descriptor } = randomBlob(1000);
    const other = Buffer.from(bytes);
    other[5] = (other[5] ?? 0) ^ 1;
    await expect(repository.pushBlob(descriptor, other, fixture.ctx)).rejects.toMatchObject({
      code: "REGISTRY_ERROR",
      message: expect.stringMatching(/DIGEST_INVALID: digest mismatch/),
    });
    expect(count(registry, "PUT", /./)).toBe(1);
  });

  it("stops at once when cancelled", async () => {
    const { fixture, registry, repository } = await setUp();
    registry.fail({ times: 99, action: { status: 503, headers: { "retry-after": "30" } } });
    setTimeout(() => fixture.controller.abort(), 50);
    const { bytes, descriptor } = randomBlob(10);
    await expect(repository.pushBlob(descriptor, bytes, fixture.ctx)).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});

describe("pulling blobs", () => {
  it("goes on where a connection broke", async () => {
    const { fixture, registry, repository } = await setUp();
    const { bytes, descriptor } = randomBlob(3_000_000);
    registry.putBlob("team/app", bytes);
    const part = bytes.subarray(0, 1_000_000);
    registry.fail({ method: "GET", path: /blobs/, action: { truncate: part, size: bytes.length } });
    const read = await readAll(await repository.openBlob(descriptor, fixture.ctx));
    expect(read.equals(bytes)).toBe(true);
    const ranges = registry.requests.map((request) => request.headers.range).filter(Boolean);
    expect(ranges).toHaveLength(1);
    expect(ranges[0]).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it("refuses bytes that aren't what the digest says, and a wrong size", async () => {
    const { fixture, registry, repository } = await setUp();
    const { bytes, descriptor } = randomBlob(100_000);
    registry.putBlob("team/app", Buffer.concat([Buffer.from("x"), bytes.subarray(1)]), descriptor.digest);
    const stream = await repository.openBlob(descriptor, fixture.ctx);
    await expect(readAll(stream)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    registry.putBlob("team/app", bytes);
    for (const size of [99_999, 100_001]) {
      const wrong = await repository.openBlob({ ...descriptor, size }, fixture.ctx);
      await expect(readAll(wrong)).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
    }
  });

  it("lets the source go when the reader stops", async () => {
    const { fixture, registry, repository } = await setUp();
    const { bytes, descriptor } = randomBlob(3_000_000);
    registry.putBlob("team/app", bytes);
    const stream = await repository.openBlob(descriptor, fixture.ctx);
    stream.destroy();
    const again = await repository.openBlob(descriptor, fixture.ctx);
    expect((await readAll(again)).equals(bytes)).toBe(true);
  });

  it("says which blob is missing", async () => {
    const { fixture, repository } = await setUp();
    const { descriptor } = randomBlob(10);
    await expect(repository.openBlob(descriptor, fixture.ctx)).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      message: expect.stringContaining(descriptor.digest),
    });
  });
});

describe("manifests", () => {
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [] }));

  it("pushes by tag and by digest, resolves by HEAD, reads back the same bytes", async () => {
    const { fixture, registry, repository } = await setUp();
    const digest = await repository.putManifest("1.0", mediaTypes.index, index, fixture.ctx);
    await repository.putManifest(digest, mediaTypes.index, index, fixture.ctx);
    const descriptor = { mediaType: mediaTypes.index, digest, size: index.length };
    expect(await repository.resolve("1.0", fixture.ctx)).toEqual(descriptor);
    expect(count(registry, "GET", /manifests/)).toBe(0);
    expect(await repository.getManifest(digest, fixture.ctx)).toEqual({ descriptor, bytes: index });
    expect(await repository.hasManifest(digest, fixture.ctx)).toBe(true);
    expect(await repository.hasManifest(`sha256:${"0".repeat(64)}`, fixture.ctx)).toBe(false);
    const { accept } = registry.requests.find((request) => request.method === "HEAD")?.headers ?? {};
    for (const type of [
      mediaTypes.index,
      mediaTypes.manifest,
      mediaTypes.dockerManifest,
      mediaTypes.dockerManifestList,
    ])
      expect(accept).toContain(type);
  });

  it("resolves by GET where HEAD doesn't say enough", async () => {
    const { fixture, registry, repository } = await setUp();
    const digest = registry.putManifest("team/app", mediaTypes.index, index, "1.0");
    registry.fail({ method: "HEAD", action: { status: 405 } });
    expect((await repository.resolve("1.0", fixture.ctx)).digest).toBe(digest);
  });

  it("names the tags that there are when one is missing", async () => {
    const { fixture, registry, repository } = await setUp();
    for (const tag of ["3.10", "3.11", "3.12", "latest"])
      registry.putManifest("team/app", mediaTypes.index, index, tag);
    await expect(repository.resolve("3.1", fixture.ctx)).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      message: `${registry.host}/team/app:3.1 doesn't exist.`,
      hint: "It has the tags 3.10, 3.11, 3.12, latest.",
    });
    expect(await repository.listTags(fixture.ctx)).toEqual(["3.10", "3.11", "3.12", "latest"]);
  });

  it("refuses a manifest that isn't what was asked for", async () => {
    const { fixture, registry, repository } = await setUp();
    const digest = registry.putManifest("team/app", mediaTypes.index, index, "1.0");
    const action = {
      status: 200,
      headers: { "content-type": mediaTypes.index },
      body: `${index.toString()} `,
    };
    registry.fail({ method: "GET", path: /manifests/, times: 2, action });
    await expect(repository.getManifest(digest, fixture.ctx)).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
    });
    // By tag the body is all there is to go by.
    expect((await repository.getManifest("1.0", fixture.ctx)).bytes.length).toBe(index.length + 1);
    const lying = { ...action, headers: { ...action.headers, "docker-content-digest": digest } };
    registry.fail({ method: "GET", path: /manifests/, action: lying });
    await expect(repository.getManifest("1.0", fixture.ctx)).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
    });
  });

  it("says what the registry says, without control characters and not more than it may", async () => {
    const { fixture, registry, repository } = await setUp();
    const message = `no \u001b[31mroom ${"x".repeat(100_000)}`;
    const body = JSON.stringify({ errors: [{ code: "TOOBIG", message: message.slice(0, 5000) }] });
    registry.fail({ method: "PUT", action: { status: 400, body } });
    const error: unknown = await repository
      .putManifest("1", mediaTypes.index, index, fixture.ctx)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "REGISTRY_ERROR",
      message: expect.stringContaining("TOOBIG: no  [31mroom"),
    });
    expect((error as Error).message.length).toBeLessThan(600);
    registry.fail({ method: "PUT", action: { status: 403, body: message } });
    await expect(repository.putManifest("1", mediaTypes.index, index, fixture.ctx)).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
    });
  });

  it("says which host can't be reached", async () => {
    const { fixture, client } = await setUp();
    const closed = await TestRegistry.start();
    const { host } = closed;
    await closed[Symbol.asyncDispose]();
    await expect(client.repository(host, "a").resolve("1", fixture.ctx)).rejects.toMatchObject({
      code: "NETWORK_ERROR",
      message: `The connection to ${host} failed: nothing listens there.`,
    });
    await expect(
      client.repository("no-such-host.invalid", "a").resolve("1", fixture.ctx),
    ).rejects.toMatchObject({
      code: "NETWORK_ERROR",
      message: expect.stringMatching(/no-such-host\.invalid failed: the host name/),
    });
  });
});
