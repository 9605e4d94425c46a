import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  file as fileEntry,
  startArchive,
  type TestPackage,
} from "../../integration/debian/loopback-archive.ts";
import { expectFailure, makeStage, openScene, type Scene, type Stage } from "./scene.ts";
import { giveAway, unprivilegedNode, whyNotUnprivileged } from "./unprivileged.ts";

const reason = whyNotUnprivileged();
const title = "what modes forbid";
const node = { node: unprivilegedNode };

let stage: Stage;
beforeAll(async () => {
  stage = await makeStage();
});
afterAll(() => stage[Symbol.dispose]());

function openUnprivileged(): Scene {
  const scene = openScene(stage);
  mkdirSync(scene.cache);
  giveAway(scene.root);
  return scene;
}

/** Nobody may write there any more; who isn't root takes the right from himself. */
function makeReadOnly(directory: string): void {
  chmodSync(directory, 0o555);
  if (process.getuid?.() === 0) chownSync(directory, 0, 0);
}

/** Enough of Debian for anyarch to find Python and the C library in it. */
const packages: readonly TestPackage[] = [
  { name: "libc6", version: "2.36-9", architecture: "amd64" },
  {
    name: "python3.11-minimal",
    version: "3.11.2-6",
    architecture: "amd64",
    fields: { Depends: "libc6 (>= 2.36)" },
    entries: [fileEntry("usr/bin/python3.11", "an interpreter", 0o755)],
  },
];

(reason === undefined ? describe : describe.skip)(
  reason === undefined ? title : `${title} (${reason})`,
  () => {
    it.each([
      ["data/secret.txt", "data/secret.txt"],
      ["data", "data"],
      [".dockerignore", ".dockerignore"],
      ["pyproject.toml", "pyproject.toml"],
      ["requirements.txt", "requirements.txt"],
      ["anyarch.toml", "anyarch.toml"],
    ])("reading %s: the file and the reason are named", async (path, named) => {
      using scene = openScene(stage);
      scene.write("data/secret.txt", "secret");
      if (!existsSync(join(scene.app, path))) scene.write(path, "");
      mkdirSync(scene.cache);
      giveAway(scene.root);
      chmodSync(join(scene.app, path), 0);
      const says = [join(scene.app, named), "permission is denied"];
      const args = ["build", ".", "--base-image", scene.base];
      await expectFailure(scene, args, { code: "INPUT_UNREADABLE", says }, node);
      chmodSync(join(scene.app, path), 0o755);
    });

    it("a file that .dockerignore leaves out needn't be readable", async () => {
      using scene = openUnprivileged();
      scene.write("secret.txt", "secret");
      chmodSync(join(scene.app, "secret.txt"), 0);
      scene.write(".dockerignore", "secret.txt\n");
      const run = await scene.build([], node);
      expect(run.code, run.stderr).toBe(0);
    });

    it("writing to the application's directory: dist/image is named, another place works", async () => {
      using scene = openUnprivileged();
      const { rmSync } = await import("node:fs");
      rmSync(join(scene.app, "dist"), { recursive: true });
      makeReadOnly(scene.app);
      const args = ["build", ".", "--base-image", scene.base];
      const says = [join(scene.app, "dist"), "can't be written: permission is denied", "--output"];
      await expectFailure(scene, args, { code: "OUTPUT_UNWRITABLE", says }, node);
      const elsewhere = await scene.build(["--output", `oci:${join(scene.temp, "image")}`], node);
      expect(elsewhere.code, elsewhere.stderr).toBe(0);
    });

    it("writing anyarch.lock: said, and no failure", async () => {
      using scene = openUnprivileged();
      await using archive = await startArchive({ packages, architectures: ["amd64"] });
      writeFileSync(join(scene.root, "keyring.asc"), archive.publicKey);
      scene.write(
        "anyarch.toml",
        `[base.debian]\nmirror = ${JSON.stringify(archive.uri)}\nkeyring = "../keyring.asc"\n`,
      );
      makeReadOnly(scene.app);
      const output = `oci:${join(scene.temp, "image")}`;
      const args = ["build", ".", "--base-image", "deb:test/python3.11-minimal", "--output", output];
      const run = await scene.run([...args, "--platform", "linux/amd64"], node);
      expect(run.code, run.stderr).toBe(0);
      expect(run.stderr).toMatch(/anyarch\.lock can't be written.*permission is denied/);
      expect(existsSync(join(scene.app, "anyarch.lock"))).toBe(false);
    });

    it("writing to the cache", async () => {
      using scene = openUnprivileged();
      makeReadOnly(scene.cache);
      const says = [scene.cache, "can't be written: permission is denied", "ANYARCH_CACHE_DIR"];
      const args = ["build", ".", "--base-image", scene.base];
      await expectFailure(scene, args, { code: "OUTPUT_UNWRITABLE", says }, node);
    });

    it("writing a result's file: found out before the build", async () => {
      using scene = openUnprivileged();
      const place = join(scene.root, "closed");
      mkdirSync(place);
      makeReadOnly(place);
      const file = join(place, "metadata.json");
      const args = ["build", ".", "--base-image", scene.base, "--metadata-file", file];
      const says = [file, "permission is denied"];
      await expectFailure(scene, args, { code: "OUTPUT_UNWRITABLE", says }, node);
      const nowhere = ["build", ".", "--base-image", scene.base, "--iidfile", "no/where/id"];
      const absent = { code: "OUTPUT_UNWRITABLE", says: ["no/where/id", "no directory no/where"] } as const;
      await expectFailure(scene, nowhere, absent, node);
    });
  },
);

describe("what is in the place of something else", () => {
  it.each([
    ["dist", "file"],
    ["dist/image", "file"],
  ])("%s is a %s", async (path) => {
    using scene = openScene(stage);
    const { rmSync } = await import("node:fs");
    rmSync(join(scene.app, "dist"), { recursive: true });
    scene.write(path, "");
    const args = ["build", ".", "--base-image", scene.base];
    const says = [join(scene.app, "dist/image"), /no directory|something else/];
    await expectFailure(scene, args, { code: "OUTPUT_UNWRITABLE", says });
  });

  it("dist/image holds a broken index", async () => {
    using scene = openScene(stage);
    scene.write("dist/image/index.json", "{");
    const args = ["build", ".", "--base-image", scene.base];
    const says = ["oci:dist/image is no image layout any more", `Remove ${join(scene.app, "dist/image")}`];
    await expectFailure(scene, args, { code: "CONTENT_INVALID", says });
  });

  it("the cache is a file", async () => {
    using scene = openScene(stage);
    writeFileSync(scene.cache, "");
    const args = ["build", ".", "--base-image", scene.base];
    const says = [scene.cache, "ANYARCH_CACHE_DIR"];
    await expectFailure(scene, args, { code: "OUTPUT_UNWRITABLE", says });
  });

  it("the application is a file, or nothing", async () => {
    using scene = openScene(stage);
    const file = { code: "INPUT_UNREADABLE", says: ["app.py is not a directory"] } as const;
    await expectFailure(scene, ["build", "app.py"], file);
    const nothing = {
      code: "INPUT_UNREADABLE",
      says: ["nowhere doesn't exist", "anyarch build PATH"],
    } as const;
    await expectFailure(scene, ["build", "nowhere"], nothing);
    mkdirSync(join(scene.app, "empty"));
    const empty = { code: "APP_UNKNOWN", says: ["empty", "pyproject.toml"] } as const;
    await expectFailure(scene, ["build", "empty"], empty);
  });
});
