import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IndexServer } from "../../unit/packages/python/index-server.ts";
import { expectFailure, makeStage, openScene, type Scene, type Stage } from "./scene.ts";
import { type MadeWheel, makeWheels, pinned, type WheelRecipe } from "./wheels.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await makeStage();
});
afterAll(() => stage[Symbol.dispose]());

const build = (scene: Scene): string[] => ["build", ".", "--base-image", scene.base];

describe("a wheel", () => {
  async function served(
    scene: Scene,
    recipe: Omit<WheelRecipe, "name">,
    change: (wheel: MadeWheel) => Partial<MadeWheel> = () => ({}),
  ): Promise<{ index: IndexServer; env: Record<string, string>; wheel: MadeWheel }> {
    const [made] = await makeWheels(scene.root, [{ name: "alpha", ...recipe }]);
    if (made === undefined) throw new Error("no wheel was made");
    const wheel = { ...made, ...change(made) };
    scene.write("requirements.txt", pinned([wheel]));
    const index = await IndexServer.start([{ ...wheel, sha256: wheel.sha256 }]);
    return { index, wheel, env: { PIP_INDEX_URL: index.url } };
  }

  it("builds where nothing is wrong with it", async () => {
    using scene = openScene(stage);
    const { index, env } = await served(scene, {});
    await using _ = index;
    const run = await scene.build([], { env });
    expect(run.code, run.stderr).toBe(0);
  });

  it("doesn't have the hash of the lock: nothing of it stays", async () => {
    using scene = openScene(stage);
    const { index, env, wheel } = await served(scene, {}, ({ bytes }) => ({
      bytes: Buffer.from(bytes.toReversed()),
    }));
    await using _ = index;
    const says = [
      wheel.filename,
      index.origin,
      `expected sha256:${wheel.sha256}`,
      /changed since it was locked/,
    ];
    await expectFailure(scene, build(scene), { code: "HASH_MISMATCH", says }, { env });
    expect(readdirSync(join(scene.cache, "python/wheels"))).toEqual([]);
  });

  it("has another hash on the index than in the lock", async () => {
    using scene = openScene(stage);
    const { index, env, wheel } = await served(scene, {});
    await using _ = index;
    scene.write("requirements.txt", `alpha==1.0 --hash=sha256:${"0".repeat(64)}\n`);
    const says = ["alpha", wheel.filename];
    await expectFailure(scene, build(scene), { code: "HASH_MISMATCH", says }, { env });
  });

  it.each([
    ["is cut off", (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ["is no zip", () => Buffer.from("<html>Not found</html>")],
    [
      "has a damaged member",
      (bytes: Buffer) => {
        const damaged = Buffer.from(bytes);
        const at = damaged.indexOf("alpha/__init__.py") + "alpha/__init__.py".length;
        damaged.writeUInt8(damaged.readUInt8(at) ^ 0xff, at + 2);
        return damaged;
      },
    ],
    ["is empty", () => Buffer.alloc(0)],
  ])("%s", async (_name, damage) => {
    using scene = openScene(stage);
    const { index, env, wheel } = await served(scene, {}, ({ bytes }) => {
      const damaged = damage(bytes);
      return { bytes: damaged, sha256: createHash("sha256").update(damaged).digest("hex") };
    });
    await using _ = index;
    const says = [wheel.filename, "corrupt", /maintainers|lock/i];
    const hides = [scene.cache];
    await expectFailure(scene, build(scene), { code: "WHEEL_INVALID", says, hides }, { env });
  });

  it.each([
    ["../", { name: "../evil.txt", text: "evil" }, /"\.\.\/evil\.txt".*holds "\.\."/],
    ["../ deep inside", { name: "alpha/../../../evil.txt", text: "evil" }, /evil\.txt.*holds "\.\."/],
    ["an absolute path", { name: "/tmp/anyarch-evil.txt", text: "evil" }, /anyarch-evil\.txt.*absolute/],
    [
      "a link out of it",
      { name: "alpha/link", text: "../../etc/passwd", link: true },
      /alpha\/link.*leads out/,
    ],
    ["an absolute link", { name: "alpha/link", text: "/etc/passwd", link: true }, /alpha\/link.*leads out/],
  ])("has %s", async (_name, member, why) => {
    using scene = openScene(stage);
    const { index, env, wheel } = await served(scene, { members: [member] });
    await using _ = index;
    const says = [wheel.filename, why];
    const hides = [scene.cache];
    await expectFailure(scene, build(scene), { code: "ARCHIVE_UNSAFE", says, hides }, { env });
    expect(readdirSync(scene.root)).not.toContain("evil.txt");
    expect(readdirSync("/tmp")).not.toContain("anyarch-evil.txt");
  });

  it("isn't on the index", async () => {
    using scene = openScene(stage);
    const { index, env } = await served(scene, {});
    await using _ = index;
    scene.write("requirements.txt", `gamma==1.0 --hash=sha256:${"0".repeat(64)}\n`);
    const says = ["gamma", index.url];
    await expectFailure(scene, build(scene), { code: "DEPENDENCY_NOT_FOUND", says }, { env });
  });
});
