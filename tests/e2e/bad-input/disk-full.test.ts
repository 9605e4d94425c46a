import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IndexServer } from "../../unit/packages/python/index-server.ts";
import { snapshot, unfinishedIn } from "./leftovers.ts";
import { expectFailure, expectFailureText, makeStage, openScene, type Stage } from "./scene.ts";
import { mountSmallDisk, whyNoSmallDisk } from "./unprivileged.ts";
import { makeWheels, pinned } from "./wheels.ts";

const probe = mkdtempSync(join(tmpdir(), "disk-"));
const reason = whyNoSmallDisk(probe);
rmSync(probe, { recursive: true });
const title = "no space is left";

let stage: Stage;
beforeAll(async () => {
  stage = await makeStage();
});
afterAll(() => stage[Symbol.dispose]());

const mebibyte = 1 << 20;

/** Fills a file system up to so many pages of 4 KiB. */
function fill(path: string, freePages: number): void {
  const { bavail, bsize } = statfsSync(path);
  writeFileSync(join(path, "filling"), Buffer.alloc(Math.max(0, bavail * bsize - freePages * 4096)));
}

(reason === undefined ? describe : describe.skip)(
  reason === undefined ? title : `${title} (${reason})`,
  () => {
    it("for a layer in the cache", async () => {
      using scene = openScene(stage);
      mkdirSync(scene.cache);
      using disk = mountSmallDisk(scene.cache, 2 * mebibyte);
      scene.write("noise.bin", randomBytes(6 * mebibyte));
      const says = [/No space is left in .*cache/, "ANYARCH_CACHE_DIR"];
      const args = ["build", ".", "--base-image", scene.base];
      await expectFailure(scene, args, { code: "DISK_FULL", says });
      expect(Object.keys(snapshot(disk.path)).filter((path) => path.startsWith("layers/"))).toEqual([]);
    });

    it("for a download, and for what a wheel holds", async () => {
      using scene = openScene(stage);
      const [wheel] = await makeWheels(scene.root, [{ name: "alpha", noise: 3 * mebibyte }]);
      if (wheel === undefined) throw new Error("no wheel was made");
      scene.write("requirements.txt", pinned([wheel]));
      await using index = await IndexServer.start([wheel]);
      mkdirSync(scene.cache);
      const env = { PIP_INDEX_URL: index.url };
      const args = ["build", ".", "--base-image", scene.base];
      for (const size of [2 * mebibyte, 5 * mebibyte]) {
        using disk = mountSmallDisk(scene.cache, size);
        const says = [/No space is left in .*cache\/python/, "ANYARCH_CACHE_DIR"];
        await expectFailure(scene, args, { code: "DISK_FULL", says }, { env });
        expect(snapshot(join(disk.path, "python/unpacked"))).toEqual({});
      }
    });

    it.each(["oci", "oci-archive", "docker-archive"])("for an output of kind %s", async (kind) => {
      using scene = openScene(stage);
      const place = join(scene.root, "small");
      mkdirSync(place);
      using disk = mountSmallDisk(place, 2 * mebibyte);
      scene.write("noise.bin", randomBytes(6 * mebibyte));
      const output = `${kind}:${join(place, "new/result")}`;
      const args = ["build", ".", "--base-image", scene.base, "--output", output];
      const says = [`No space is left in ${place}/new`, "--output"];
      await expectFailure(scene, args, { code: "DISK_FULL", says });
      expect(snapshot(disk.path), "directories made for nothing").toEqual({});
    });

    it("for dist/image: the image that is there stays as it is", async () => {
      using scene = openScene(stage);
      const dist = join(scene.app, "dist");
      using disk = mountSmallDisk(dist, 2 * mebibyte);
      cpSync(stage.goodImage, join(disk.path, "image"), { recursive: true });
      scene.write("noise.bin", randomBytes(6 * mebibyte));
      const says = [`No space is left in ${join(dist, "image")}`];
      const args = ["build", ".", "--base-image", scene.base, "--tag", "demo:1.0"];
      await expectFailure(scene, args, { code: "DISK_FULL", says });
    });

    it("at any step of putting an image in its place: old or new, whole, nothing between", async () => {
      using scene = openScene(stage);
      const place = join(scene.root, "small");
      mkdirSync(place);
      const outcomes = new Set<number>();
      for (let pages = 0; !outcomes.has(0); pages++) {
        expect(pages, "so much space has to be enough").toBeLessThan(60);
        using disk = mountSmallDisk(place, mebibyte);
        const image = join(disk.path, "image");
        cpSync(stage.goodImage, image, { recursive: true });
        fill(disk.path, pages);
        const before = snapshot(image);
        scene.write("data.txt", `${pages}\n`);
        const run = await scene.build(["--output", `oci:${image}`, "--tag", "demo:1.0"]);
        outcomes.add(run.code);
        expect(unfinishedIn(disk.path)).toEqual([]);
        if (run.code === 0) {
          rmSync(join(disk.path, "filling"));
          expect((await scene.run(["verify", "--deep", `oci:${image}:1.0`])).code).toBe(0);
        } else {
          expectFailureText(run, { code: "DISK_FULL", says: [place] });
          expect(snapshot(image), `${pages} pages free`).toEqual(before);
        }
      }
      expect(outcomes).toEqual(new Set([0, 1]));
    });

    it("for temporary files", async () => {
      using scene = openScene(stage);
      using disk = mountSmallDisk(scene.temp, mebibyte);
      scene.write("requirements.txt", "alpha\n");
      fill(disk.path, 0);
      const env = { PIP_INDEX_URL: "http://127.0.0.1:9/simple/" };
      const run = await scene.build([], { env });
      expectFailureText(run, { code: "DISK_FULL", says: [scene.temp, "TMPDIR"] });
      expect(readdirSync(disk.path)).toEqual(["filling"]);
    });
  },
);
