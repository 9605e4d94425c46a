import { afterEach, beforeEach, expect, it } from "vitest";
import { readBack } from "../../../src/buildkit/read-back.ts";
import type { AnyarchError } from "../../../src/errors/error.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { parseReference } from "../../../src/oci/reference.ts";
import { RegistryClient } from "../../../src/registry/client.ts";
import { copy } from "../../../src/stores/copy.ts";
import { MemoryStore } from "../../../src/stores/memory-store.ts";
import { RegistryStore } from "../../../src/stores/registry-store.ts";
import { TestRegistry } from "../../../src/testing/registry.ts";
import { pushImage, sampleIndex } from "../../contract/stores/sample-image.ts";
import { type Fixture, makeFixture } from "../../integration/registry/fixture.ts";

const platforms = ["linux/amd64", "linux/arm64"] as const;
let fixture: Fixture;
let registry: TestRegistry;
beforeEach(async () => {
  fixture = makeFixture();
  registry = await TestRegistry.start();
});
afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await fixture.close();
});

/** An index with attestations under the tag "1", and what is expected of it. */
async function pushed() {
  const index = sampleIndex(platforms, true);
  const memory = new MemoryStore("memory");
  for (const image of [...index.images, ...index.attestations]) await pushImage(memory, image, fixture.ctx);
  await memory.push(index.descriptor, index.bytes, fixture.ctx);
  const to = new RegistryStore(new RegistryClient().repository(registry.host, "app"));
  await copy({ from: memory, to, descriptor: index.descriptor, references: ["1"] }, fixture.ctx);
  const images = index.images.map(({ descriptor }, at) => ({
    platform: parsePlatform(platforms[at] ?? ""),
    descriptor,
  }));
  return { index, expected: { descriptor: index.descriptor, platforms: images } };
}

const tags = () => [parseReference(`${registry.host}/app:1`)];
const lost = (work: Promise<void>): Promise<AnyarchError> =>
  work.then(
    () => {
      throw new Error("nothing was thrown");
    },
    (error: AnyarchError) => error,
  );

it("002-15 waits for a registry whose replicas lag behind", async () => {
  const { index, expected } = await pushed();
  const missing = { action: { status: 404 } } as const;
  registry.fail({ ...missing, method: "GET", path: /manifests\/1$/ });
  registry.fail({ ...missing, method: "GET", path: new RegExp(index.images[1]?.descriptor.digest ?? "") });
  await readBack(tags(), expected, {}, fixture.ctx, [5, 5]);
  const asked = registry.requests.filter(
    ({ url, method }) => method === "GET" && url.endsWith("/manifests/1"),
  );
  expect(asked).toHaveLength(3);
  for (const { descriptor } of [...index.images, ...index.attestations]) {
    expect(
      registry.requests.some(({ url, method }) => method === "GET" && url.includes(descriptor.digest)),
    ).toBe(true);
  }
});

it("002-15 says which tag lost a platform, or was taken by somebody else", async () => {
  const { index, expected } = await pushed();
  const [amd64, arm64] = expected.platforms;
  registry.manifests.get("app")?.delete(arm64?.descriptor.digest ?? "");
  const gone = await lost(readBack(tags(), expected, {}, fixture.ctx, [5, 5]));
  expect(gone).toMatchObject({ code: "VERIFY_FAILED", exitCode: 1 });
  expect(gone.message).toMatch(/app:1 was pushed, but can't be read back/);
  expect(gone.hint).toMatch(/--temporary-tags/);
  if (amd64 === undefined) throw new Error("no image");
  const other = { ...expected, descriptor: amd64.descriptor };
  const taken = await lost(readBack(tags(), other, {}, fixture.ctx, [5, 5]));
  expect(taken.message).toContain(index.descriptor.digest);
});
