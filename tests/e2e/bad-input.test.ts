import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, it } from "vitest";
import { expectFailure, makeStage, openScene, type Scene, type Stage } from "./bad-input/scene.ts";
import { type MadeWheel, pinned } from "./bad-input/wheels.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await makeStage();
});
afterAll(() => stage[Symbol.dispose]());

const build = (scene: Scene, ...more: string[]): string[] => [
  "build",
  ".",
  "--base-image",
  scene.base,
  ...more,
];

describe("a malformed platform", () => {
  it.each([
    ["amd64", /"amd64" is not a platform.*no slash/, "linux/amd64"],
    ["linux-amd64", /"linux-amd64" is not a platform.*no slash/, "Did you mean linux/amd64?"],
    ["linux/arm/v9", /v5, v6, v7, v8, not "v9"/, "Did you mean linux/arm/v7?"],
    ["", /is empty/, "linux/arm64"],
    ["linux/amd64,", /"linux\/amd64," has an empty platform/, "linux/arm64"],
  ])("004-33: %j is refused with the right form", async (platform, why, way) => {
    using scene = openScene(stage);
    const says = [why, way, "os/arch[/variant]"];
    await expectFailure(scene, build(scene, "--platform", platform), { code: "PLATFORM_INVALID", says });
  });
});

describe("a platform that the base lacks", () => {
  it.each([["none"], ["available"]])(
    "004-32: is named with what there is (--fallback %s)",
    async (fallback) => {
      using scene = openScene(stage);
      const says = [
        "No matching manifest for linux/s390x",
        scene.base,
        "linux/amd64, linux/arm64",
        /Choose a base that has linux\/s390x.*or platforms from the list/,
      ];
      const args = build(scene, "--platform", "linux/s390x", "--fallback", fallback);
      await expectFailure(scene, args, { code: "BASE_PLATFORM_MISSING", says });
    },
  );

  it("004-32: says that the others can be built without it", async () => {
    using scene = openScene(stage);
    const says = ["linux/s390x", "linux/amd64, linux/arm64", "--fallback available"];
    const args = build(scene, "--platform", "linux/amd64,linux/s390x");
    await expectFailure(scene, args, { code: "BASE_PLATFORM_MISSING", says });
  });
});

describe("a base that isn't there", () => {
  it("names the layout's tags", async () => {
    using scene = openScene(stage);
    const base = scene.base.replace(/1\.0$/, "2.0");
    const args = ["build", ".", "--base-image", base];
    await expectFailure(scene, args, { code: "BASE_NOT_FOUND", says: [base, '"2.0"', "It holds: 1.0"] });
  });

  it("is no layout", async () => {
    using scene = openScene(stage);
    const args = ["build", ".", "--base-image", "oci:nothing/here"];
    await expectFailure(scene, args, {
      code: "BASE_NOT_FOUND",
      says: ["oci:nothing/here", /is there|exist/],
    });
  });

  it("is malformed itself", async () => {
    using scene = openScene(stage);
    mkdirSync(join(scene.root, "layout"));
    const args = (base: string): string[] => ["build", ".", "--base-image", base];
    const odd = { code: "LOCATION_INVALID", says: ["docker-daemon", "oci:DIRECTORY"] } as const;
    await expectFailure(scene, args("docker-daemon:python:3.11"), odd);
    const capital = { code: "REFERENCE_INVALID", says: ["Python:3.11", "lower case"] } as const;
    await expectFailure(scene, args("Python:3.11"), capital);
    const unknown = { code: "REFERENCE_INVALID", says: ["deb:SUITE/PACKAGE"] } as const;
    await expectFailure(scene, args("deb:"), unknown);
  });
});

describe("a lock file that disagrees with pyproject.toml", () => {
  const wheel: MadeWheel = {
    filename: "alpha-1.0-py3-none-any.whl",
    project: "alpha",
    bytes: Buffer.alloc(0),
    sha256: "0".repeat(64),
  };
  const project = (dependency: string): string =>
    `[project]\nname = "demo"\nversion = "1.0"\nrequires-python = ">=3.11"\ndependencies = ["${dependency}"]\n[project.scripts]\ndemo = "app:main"\n`;

  it("requirements.txt lacks a dependency, or pins another version", async () => {
    using scene = openScene(stage);
    scene.write("requirements.txt", pinned([wheel]));
    scene.write("pyproject.toml", project("beta"));
    const says = ["requirements.txt is out of date", "beta", "pyproject.toml", "again"];
    await expectFailure(scene, build(scene), { code: "LOCK_OUTDATED", says });
    scene.write("pyproject.toml", project("alpha>=2"));
    const pins = ["alpha 1.0", '"alpha>=2"'];
    await expectFailure(scene, build(scene), { code: "LOCK_OUTDATED", says: pins });
  });

  it("uv.lock was made for another version of the project", async () => {
    using scene = openScene(stage);
    scene.write("pyproject.toml", project("alpha>=2"));
    const source = `{ registry = "http://127.0.0.1:9/simple" }`;
    scene.write(
      "uv.lock",
      `version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "alpha"
version = "1.0"
source = ${source}
wheels = [{ url = "http://127.0.0.1:9/alpha-1.0-py3-none-any.whl", hash = "sha256:${wheel.sha256}", size = 1 }]

[[package]]
name = "demo"
version = "1.0"
source = { virtual = "." }
dependencies = [{ name = "alpha" }]

[package.metadata]
requires-dist = [{ name = "alpha", specifier = ">=1" }]
`,
    );
    const says = ["uv.lock is out of date", "alpha >=1", '"alpha>=2"', "uv lock"];
    await expectFailure(scene, build(scene), { code: "LOCK_OUTDATED", says });
  });

  it("pylock.toml lacks a dependency", async () => {
    using scene = openScene(stage);
    scene.write("pyproject.toml", project("beta"));
    scene.write("pylock.toml", 'lock-version = "1.0"\ncreated-by = "test"\npackages = []\n');
    const says = ["pylock.toml is out of date", "beta", "pyproject.toml", "uv export"];
    await expectFailure(scene, build(scene), { code: "LOCK_OUTDATED", says });
  });

  it("requires another Python than the base has", async () => {
    using scene = openScene(stage);
    scene.write("pyproject.toml", project("alpha").replace(">=3.11", ">=3.13"));
    const says = ["Python 3.11.2", ">=3.13", "--base-image"];
    await expectFailure(scene, build(scene), { code: "BASE_UNSUITABLE", says });
  });
});

describe("the application", () => {
  it("has no entry point", async () => {
    using scene = openScene(stage);
    scene.write("pyproject.toml", '[project]\nname = "demo"\nversion = "1.0"\n');
    renameSync(join(scene.app, "app.py"), join(scene.app, "tool.py"));
    const says = ["demo has no entry point", "[project.scripts]", "--entrypoint"];
    await expectFailure(scene, build(scene), { code: "ENTRYPOINT_MISSING", says });
  });

  it("has a script whose module doesn't exist", async () => {
    using scene = openScene(stage);
    scene.write("pyproject.toml", '[project]\nname = "demo"\n[project.scripts]\ndemo = "nowhere:main"\n');
    const says = ['demo = "nowhere:main"', "nowhere.py", ".dockerignore"];
    await expectFailure(scene, build(scene), { code: "ENTRYPOINT_MISSING", says });
  });

  it("has two files that differ only by case", async () => {
    using scene = openScene(stage);
    scene.write("data/Read.me", "one");
    scene.write("data/read.me", "two");
    const says = [
      "data/Read.me",
      "data/read.me",
      "differ only by case",
      /macOS and Windows/,
      ".dockerignore",
    ];
    await expectFailure(scene, build(scene), { code: "APP_FILE_CONFLICT", says });
  });
});

describe("a tag with capitals", () => {
  it("is refused with the name in lower case", async () => {
    using scene = openScene(stage);
    const says = ["MyApp:1.0", "must be in lower case: myapp:1.0"];
    await expectFailure(scene, build(scene, "--tag", "MyApp:1.0"), { code: "REFERENCE_INVALID", says });
  });
});

describe("a configuration", () => {
  it.each([
    [
      '[build]\nplatfrom = "linux/amd64"\n',
      '[build] has an unknown key "platfrom"',
      'Did you mean "platform"?',
    ],
    ["[bulid]\n", 'unknown key "bulid"', 'Did you mean "build"?'],
  ])("with an unknown key names file, table and the nearest one: %j", async (text, what, way) => {
    using scene = openScene(stage);
    scene.write("anyarch.toml", text);
    const says = ["anyarch.toml", what, way];
    await expectFailure(scene, build(scene), { code: "CONFIG_UNKNOWN_KEY", says });
  });

  it("that isn't TOML, or has a value of another kind, names the place", async () => {
    using scene = openScene(stage);
    scene.write("pycontainer.toml", "[build]\nworkdir = /app\n");
    const broken = ["pycontainer.toml, line 2"];
    await expectFailure(scene, build(scene), { code: "CONFIG_INVALID", says: broken });
    scene.write("pycontainer.toml", '[build]\njobs = "four"\n');
    const kind = ["pycontainer.toml", "build.jobs", "number"];
    await expectFailure(scene, build(scene), { code: "CONFIG_INVALID", says: kind });
  });

  it("that doesn't exist", async () => {
    using scene = openScene(stage);
    const says = ["nowhere.toml", "--config"];
    const args = build(scene, "--config", "nowhere.toml");
    await expectFailure(scene, args, { code: "INPUT_UNREADABLE", says });
  });
});
