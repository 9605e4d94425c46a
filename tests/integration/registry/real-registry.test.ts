import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { RegistryClient } from "../../../src/registry/client.ts";
import { copy } from "../../../src/stores/copy.ts";
import { LayoutStore } from "../../../src/stores/layout-store.ts";
import { openStore } from "../../../src/stores/locations.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import { RegistryStore } from "../../../src/stores/registry-store.ts";
import { pushImage, sampleIndex } from "../../contract/stores/sample-image.ts";
import { crane, skopeo } from "../../engines/clients.ts";
import { ensureEngines } from "../../engines/install.ts";
import { type Registry, startRegistry } from "../../engines/registry.ts";
import { describeWith } from "../../engines/suites.ts";
import { type Fixture, makeFixture, opener, randomBlob, readAll } from "./fixture.ts";

const engines = await ensureEngines(["docker-registry", "openssl", "crane", "skopeo"]);
let fixture: Fixture;
beforeEach(() => {
  fixture = makeFixture();
});
afterEach(() => fixture.close());

/** A host that knows the registry's certificate and password as a user's machine would. */
function contextFor(registry: Registry): Context {
  const host = createNodeHost({
    env: { HOME: fixture.home, PATH: process.env["PATH"], ...registry.env },
    cwd: fixture.dir,
    cacheDir: join(fixture.dir, "cache"),
  });
  return createContext(host, { emit: (event) => fixture.events.push(event) });
}

async function indexInMemory(ctx: Context, attestations = false) {
  const index = sampleIndex(["linux/amd64", "linux/arm64", "linux/arm/v7"], attestations);
  const memory = new MemoryStore("memory");
  for (const image of [...index.images, ...index.attestations]) await pushImage(memory, image, ctx);
  await memory.push(index.descriptor, index.bytes, ctx);
  return { index, memory };
}

describeWith(engines, ["docker-registry", "openssl"], "a real registry", () => {
  it.each([
    { tls: false, auth: "none" },
    { tls: true, auth: "basic" },
    { tls: true, auth: "bearer" },
  ] as const)("takes and gives images, mounts between repositories (%j)", async (options) => {
    await using registry = await startRegistry(options);
    const ctx = contextFor(registry);
    const { index, memory } = await indexInMemory(ctx, true);
    const client = new RegistryClient();
    const app = new RegistryStore(client.repository(registry.host, "team/app"));
    const request = { from: memory, to: app, descriptor: index.descriptor, references: ["1.0", "latest"] };
    const first = await copy(request, ctx);
    expect(first.contents.every((content) => content.outcome === "pushed")).toBe(true);
    expect((await copy(request, ctx)).bytes).toBe(0);
    const other = new RegistryStore(client.repository(registry.host, "other/app"));
    const mounted = await copy(
      { from: app, to: other, descriptor: index.descriptor, references: ["1"] },
      ctx,
    );
    const blobs = mounted.contents.filter(
      ({ descriptor }) =>
        !descriptor.mediaType.includes("manifest") && !descriptor.mediaType.includes("index"),
    );
    expect(blobs.map(({ outcome }) => outcome)).toEqual(blobs.map(() => "mounted"));
    const layout = new LayoutStore(join(fixture.dir, "image"));
    await copy(
      { from: other, to: layout, descriptor: await other.resolve("1", ctx), references: ["1"] },
      ctx,
    );
    expect((await new LayoutStore(join(fixture.dir, "image")).resolve("1", ctx)).digest).toBe(
      index.descriptor.digest,
    );
    expect([...(await client.repository(registry.host, "team/app").listTags(ctx))].sort()).toEqual([
      "1.0",
      "latest",
    ]);
    await expect(app.resolve("2.0", ctx)).rejects.toMatchObject({
      code: "IMAGE_NOT_FOUND",
      hint: expect.stringMatching(/^It has the tags (?:latest, 1\.0|1\.0, latest)\.$/),
    });
  });

  it("takes a large blob whole, and gives it back", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const ctx = contextFor(registry);
    const repository = new RegistryClient().repository(registry.host, "team/app");
    const { bytes, descriptor } = randomBlob(30_000_000);
    expect(await repository.pushBlob(descriptor, opener(bytes), ctx)).toBe("pushed");
    expect((await readAll(await repository.openBlob(descriptor, ctx))).equals(bytes)).toBe(true);
  });

  it("refuses a wrong password without showing it, and an unknown authority", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const ctx = contextFor(registry);
    const credentials = { [registry.host]: { username: registry.username, password: "wrong-password" } };
    const client = new RegistryClient({ credentials });
    const error: unknown = await client
      .repository(registry.host, "a")
      .resolve("1", ctx)
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ code: "REGISTRY_UNAUTHORIZED" });
    expect(String(error)).not.toContain("wrong-password");
    await expect(
      new RegistryClient().repository(registry.host, "a").resolve("1", fixture.ctx),
    ).rejects.toMatchObject({
      code: "REGISTRY_TLS",
    });
  });

  it("says that a read-only registry takes nothing", async () => {
    await using registry = await startRegistry({ readOnly: true });
    const { bytes, descriptor } = randomBlob(10);
    const repository = new RegistryClient().repository(registry.host, "a");
    await expect(repository.pushBlob(descriptor, bytes, fixture.ctx)).rejects.toMatchObject({
      code: "REGISTRY_ERROR",
      message: expect.stringContaining("405"),
    });
  });
});

describeWith(engines, ["docker-registry", "openssl", "crane", "skopeo"], "other tools", () => {
  it("read what anyarch writes", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const ctx = contextFor(registry);
    const { index, memory } = await indexInMemory(ctx);
    const places = [
      `${registry.host}/team/app:1.0`,
      `oci:${fixture.dir}/image:1.0`,
      `oci-archive:${fixture.dir}/a.tar:1.0`,
    ];
    for (const place of places) {
      await using opened = await openStore(place, {}, ctx);
      const { store: to, reference } = opened;
      await copy({ from: memory, to, descriptor: index.descriptor, references: [reference] }, ctx);
    }
    await crane(["validate", "--remote", places[0] ?? ""], { registry });
    for (const place of places) {
      const source = place.startsWith("oci") ? place : `docker://${place}`;
      const raw = await skopeo(["inspect", "--raw", source], { registry });
      expect(raw.stdout).toBe(Buffer.from(index.bytes).toString());
      await skopeo(["copy", "--all", source, `docker://${registry.host}/copy/app:1`], { registry });
    }
    const arm = index.images[1];
    if (arm === undefined) throw new Error("no image");
    const archive = `docker-archive:${fixture.dir}/d.tar:team/app:1.0`;
    await using opened = await openStore(archive, {}, ctx);
    const platforms = [parsePlatform("linux/arm64")];
    const request = { from: memory, descriptor: index.descriptor, references: [opened.reference], platforms };
    await copy({ ...request, to: opened.store }, ctx);
    const config = await skopeo(["inspect", "--config", "--raw", archive], { registry });
    expect(config.stdout).toBe(Buffer.from(arm.config.bytes).toString());
    await crane(["push", `${fixture.dir}/d.tar`, `${registry.host}/loaded/app:1`], { registry });
    const pushed = await crane(["config", `${registry.host}/loaded/app:1`], { registry });
    expect(pushed.stdout.trim()).toBe(Buffer.from(arm.config.bytes).toString());
  });

  it("write what anyarch reads", async () => {
    await using registry = await startRegistry({ tls: true, auth: "basic" });
    const ctx = contextFor(registry);
    const { index, memory } = await indexInMemory(ctx);
    const image = `${registry.host}/team/app:1.0`;
    const source = await openStore(image, {}, ctx);
    await copy({ from: memory, to: source.store, descriptor: index.descriptor, references: ["1.0"] }, ctx);
    const from = `docker://${image}`;
    await skopeo(["copy", "--all", from, `oci:${fixture.dir}/skopeo:1.0`], { registry });
    await skopeo(["copy", "--all", from, `oci-archive:${fixture.dir}/skopeo.tar:1.0`], { registry });
    await skopeo(["copy", from, `docker-archive:${fixture.dir}/docker.tar:team/app:1.0`], { registry });
    await crane(["pull", "--format=oci", image, `${fixture.dir}/crane`], { registry });
    await crane(["pull", "--platform=linux/amd64", image, `${fixture.dir}/crane.tar`], { registry });
    const amd64 = index.images[0];
    const readBack = async (place: string) => {
      await using opened = await openStore(place, {}, ctx);
      const descriptor = await opened.store.resolve(opened.reference, ctx);
      const back = new MemoryStore("back");
      await copy({ from: opened.store, to: back, descriptor, references: [] }, ctx);
      return { descriptor, holdsConfig: await back.exists(amd64?.config.descriptor ?? descriptor, ctx) };
    };
    for (const place of [
      `oci:${fixture.dir}/skopeo:1.0`,
      `oci-archive:${fixture.dir}/skopeo.tar`,
      `${fixture.dir}/crane`,
    ]) {
      expect(await readBack(place)).toMatchObject({
        descriptor: { digest: index.descriptor.digest },
        holdsConfig: true,
      });
    }
    // These formats keep the config, not the manifest.
    for (const place of [
      `docker-archive:${fixture.dir}/docker.tar:team/app:1.0`,
      `docker-archive:${fixture.dir}/crane.tar`,
    ]) {
      expect((await readBack(place)).holdsConfig).toBe(true);
    }
    expect(readFileSync(join(fixture.dir, "skopeo/oci-layout"), "utf8")).toContain("1.0.0");
  });
});
