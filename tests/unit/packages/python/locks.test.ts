import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readPythonDependencies } from "../../../../src/packages/python/requirements.ts";
import { explainUnavailable, unavailablePackages } from "../../../../src/packages/python/explain.ts";
import { selectPackages, type Selection } from "../../../../src/packages/python/select.ts";
import { glibcTarget, workspace } from "./fixture.ts";

const index = "https://index.invalid/simple";
const hash = (digit: string) => digit.repeat(64);

function wheelLine(name: string, version: string, tag: string, digit: string): string {
  return `{ url = "https://index.invalid/f/${name}-${version}-${tag}.whl", hash = "sha256:${hash(digit)}", size = 9 }`;
}

function uvPackage(
  name: string,
  version: string,
  rest = "",
  wheels = [wheelLine(name, version, "py3-none-any", "a")],
): string {
  return `[[package]]\nname = "${name}"\nversion = "${version}"\nsource = { registry = "${index}" }\n${rest}\nwheels = [\n  ${wheels.join(",\n  ")}\n]\n`;
}

const pyproject = `[project]
name = "Demo"
version = "1"
requires-python = ">=3.9"
dependencies = ["alpha[fast]>=1,<3", "winonly; sys_platform == 'win32'", "forked"]
[project.optional-dependencies]
db = ["driver>=2"]
[dependency-groups]
dev = ["linter", {include-group = "docs"}]
docs = ["writer"]
[tool.other]
x = 1
`;

const uvLock = `version = 1
revision = 3
requires-python = ">=3.9"

[[package]]
name = "demo"
version = "1"
source = { virtual = "." }
dependencies = [
  { name = "alpha", extra = ["fast"] },
  { name = "winonly", marker = "sys_platform == 'win32'" },
  { name = "forked", version = "1.0", source = { registry = "${index}" }, marker = "platform_machine != 'aarch64'" },
  { name = "forked", version = "2.0", source = { registry = "${index}" }, marker = "platform_machine == 'aarch64'" },
]
[package.optional-dependencies]
db = [{ name = "driver" }]
[package.dev-dependencies]
dev = [{ name = "linter" }]
[package.metadata]
requires-dist = [
  { name = "alpha", extras = ["fast"], specifier = ">=1,<3" },
  { name = "driver", marker = "extra == 'db'", specifier = ">=2" },
  { name = "forked" },
  { name = "winonly", marker = "sys_platform == 'win32'" },
]
provides-extras = ["db"]
[package.metadata.requires-dev]
dev = [{ name = "linter" }, { name = "writer" }]

${uvPackage("alpha", "2.1", 'dependencies = [{ name = "beta", marker = "python_full_version < \'3.12\'" }, { name = "old", marker = "python_full_version < \'3.10\'" }]\n[package.optional-dependencies]\nfast = [{ name = "speedup" }]\n').replace(/(\[package\.optional-dependencies\]\nfast = .*\n)([\s\S]*)/, "$2$1")}
${uvPackage("beta", "1.0")}
${uvPackage("old", "1.0")}
${uvPackage("winonly", "1.0")}
${uvPackage("driver", "2.0")}
${uvPackage("linter", "1.0")}
${uvPackage("forked", "1.0", "resolution-markers = [\"platform_machine != 'aarch64'\"]")}
${uvPackage("forked", "2.0", "resolution-markers = [\"platform_machine == 'aarch64'\"]")}
${uvPackage(
  "speedup",
  "3.0",
  `sdist = { url = "https://index.invalid/f/speedup-3.0.tar.gz", hash = "sha256:${hash("9")}" }`,
  [
    wheelLine("speedup", "3.0", "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "b"),
    wheelLine("speedup", "3.0", "cp311-cp311-manylinux_2_28_x86_64", "c"),
    wheelLine("speedup", "3.0", "cp311-cp311-manylinux_2_17_aarch64", "d"),
    wheelLine("speedup", "3.0", "cp311-cp311-musllinux_1_2_x86_64", "e"),
    wheelLine("speedup", "3.0", "cp311-cp311-win_amd64", "f"),
  ],
)}
`;

const platforms = ["linux/amd64", "linux/arm64", "linux/arm/v7"];
const targets = platforms.map((platform) => glibcTarget(platform));

async function select(files: Record<string, string>, options = {}, on = targets): Promise<Selection> {
  const space = await workspace(files);
  return selectPackages(await readPythonDependencies(space.project, options, space.ctx), on, space.ctx);
}

function table({ rows }: Selection): Record<string, unknown> {
  return Object.fromEntries(
    rows.map(({ name, version, choices }) => [
      `${name} ${version}`,
      Object.values(choices).map((choice) =>
        "tag" in choice ? choice.tag : choice.kind === "excluded" ? `no: ${choice.marker}` : choice.kind,
      ),
    ]),
  );
}

describe("uv.lock", () => {
  it("gives each target the wheels that fit it", async () => {
    const selection = await select({ "pyproject.toml": pyproject, "uv.lock": uvLock });
    const any = "py3-none-any";
    expect(table(selection)).toEqual({
      "alpha 2.1": [any, any, any],
      "beta 1.0": [any, any, any],
      "forked 1.0": [any, "no: platform_machine != 'aarch64'", any],
      "forked 2.0": ["no: platform_machine == 'aarch64'", any, "no: platform_machine == 'aarch64'"],
      "old 1.0": Array(3).fill("no: python_full_version < '3.10'"),
      "speedup 3.0": ["cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_17_aarch64", "source"],
      "winonly 1.0": Array(3).fill("no: sys_platform == 'win32'"),
    });
    expect(selection.rows.filter(({ direct }) => direct).map(({ name }) => name)).toEqual([
      "alpha",
      "forked",
      "forked",
    ]);
    expect(selection.rows.find(({ name }) => name === "speedup")?.choices["linux/arm64"]).toEqual({
      kind: "wheel",
      neutral: false,
      filename: "speedup-3.0-cp311-cp311-manylinux_2_17_aarch64.whl",
      url: "https://index.invalid/f/speedup-3.0-cp311-cp311-manylinux_2_17_aarch64.whl",
      hashes: { sha256: hash("d") },
      size: 9,
      tag: "cp311-cp311-manylinux_2_17_aarch64",
    });
    expect(unavailablePackages(selection).map(({ name, platform }) => [name, platform])).toEqual([
      ["speedup", "linux/arm/v7"],
    ]);
    const error = explainUnavailable(selection, targets);
    expect(error?.code).toBe("DEPENDENCY_UNAVAILABLE");
    expect(error?.message).toBe(
      "speedup 3.0 has no wheel for linux/arm/v7 (CPython 3.11.2, glibc 2.36): its wheels are for manylinux2014_x86_64, manylinux_2_17_aarch64, manylinux_2_17_x86_64, manylinux_2_28_x86_64, musllinux_1_2_x86_64; only its source is there: speedup-3.0.tar.gz.",
    );
    expect(error?.hint).toContain("--fallback available");
    expect(explainUnavailable(selection, targets.slice(0, 2))).toBeUndefined();
  });

  it("takes extras and groups when they are asked for", async () => {
    const files = { "pyproject.toml": pyproject, "uv.lock": uvLock };
    const names = async (options: object) => (await select(files, options)).rows.map(({ name }) => name);
    expect(await names({ extras: ["DB"] })).toContain("driver");
    await expect(names({ groups: ["dev"] })).rejects.toMatchObject({
      code: "LOCK_OUTDATED",
      message: /lacks writer/,
    });
    await expect(names({ extras: ["nope"] })).rejects.toMatchObject({
      code: "LOCK_OUTDATED",
      hint: /It has db\./,
    });
  });

  it("is compared with the project", async () => {
    const changed = (from: string, to: string) =>
      select({ "pyproject.toml": pyproject.replace(from, to), "uv.lock": uvLock });
    const outdated = (message: RegExp) => ({ code: "LOCK_OUTDATED", message });
    await expect(changed('"forked"]', '"forked", "gamma"]')).rejects.toMatchObject(
      outdated(/gamma was added/),
    );
    await expect(changed(', "forked"]', "]")).rejects.toMatchObject(outdated(/forked was removed/));
    await expect(changed(">=1,<3", ">=2")).rejects.toMatchObject(
      outdated(/locked for alpha <3,>=1, but .*"alpha\[fast\]>=2"/),
    );
    await expect(changed(">=3.9", ">=3.12")).rejects.toMatchObject(
      outdated(/requires Python >=3.12; the image has 3.11.2/),
    );
    // Order and spelling of specifiers are no difference.
    expect((await changed(">=1,<3", "<3.0.0,>=1")).rows.length).toBe(7);
  });

  it("of a workspace locks its members", async () => {
    const lock = `version = 1\nrequires-python = ">=3.9"\n[manifest]\nmembers = ["member", "root"]\n
[[package]]\nname = "root"\nversion = "1"\nsource = { virtual = "." }\n
[[package]]\nname = "member"\nversion = "1"\nsource = { editable = "packages/member" }\ndependencies = [{ name = "beta" }]
[package.metadata]\nrequires-dist = [{ name = "beta" }]\n
${uvPackage("beta", "1.0")}`;
    const space = await workspace({ "uv.lock": lock });
    const member = join(space.project, "packages/member");
    await mkdir(member, { recursive: true });
    await writeFile(
      join(member, "pyproject.toml"),
      '[project]\nname = "member"\nversion = "1"\ndependencies = ["beta"]\n',
    );
    const dependencies = await readPythonDependencies(member, {}, space.ctx);
    expect(dependencies.source).toEqual({ kind: "uv.lock", path: join(space.project, "uv.lock") });
    expect((await selectPackages(dependencies, targets, space.ctx)).rows.map(({ name }) => name)).toEqual([
      "beta",
    ]);
  });

  it("that is malformed is an error with file and line", async () => {
    const failing = (lock: string) => select({ "pyproject.toml": pyproject, "uv.lock": lock });
    await expect(failing("version = 1\n[[package]\n")).rejects.toMatchObject({
      code: "LOCK_INVALID",
      message: /uv\.lock:2:\d+/,
    });
    await expect(failing("version = 9\n")).rejects.toMatchObject({
      code: "LOCK_INVALID",
      message: /uv\.lock:1: version is 9/,
    });
    await expect(failing('version = 1\n[[package]]\nversion = "1"\n')).rejects.toMatchObject({
      code: "LOCK_INVALID",
      message: /without a name/,
    });
  });
});

describe("pylock.toml", () => {
  const pylock = `lock-version = "1.0"
environments = ["sys_platform == 'linux'"]
requires-python = ">=3.9"
extras = ["db"]
dependency-groups = ["dev"]
default-groups = ["dev"]
created-by = "hand"

[[packages]]
name = "alpha"
version = "2.1"
wheels = [{ name = "alpha-2.1-py3-none-any.whl", url = "https://index.invalid/f/alpha-2.1-py3-none-any.whl", hashes = { sha256 = "${hash("a")}" } }]

[[packages]]
name = "forked"
version = "1.0"
marker = "platform_machine == 'x86_64'"
wheels = [{ path = "wheels/forked-1.0-py3-none-any.whl", size = 3, hashes = { sha256 = "${hash("b")}" } }]

[[packages]]
name = "forked"
version = "2.0"
marker = "platform_machine != 'x86_64'"
sdist = { url = "https://index.invalid/f/forked-2.0.tar.gz", hashes = { sha256 = "${hash("c")}" } }

[[packages]]
name = "driver"
version = "2.0"
marker = "'db' in extras"
archive = { url = "https://index.invalid/f/driver-2.0-py3-none-any.whl", hashes = { sha256 = "${hash("d")}" } }

[[packages]]
name = "linter"
version = "1.0"
marker = "'dev' in dependency_groups"
directory = { path = "../linter" }

[[packages]]
name = "fromgit"
version = "1.0"
vcs = { type = "git", url = "https://index.invalid/x.git", commit-id = "abc" }
`;

  it("is evaluated with extras, groups and platforms", async () => {
    const on = targets.slice(0, 2);
    const selection = await select({ "pylock.toml": pylock }, { extras: ["db"], groups: [] }, on);
    const any = "py3-none-any";
    expect(table(selection)).toEqual({
      "alpha 2.1": [any, any],
      "driver 2.0": [any, any],
      "forked 1.0": [any, "no: platform_machine == 'x86_64'"],
      "forked 2.0": ["no: platform_machine != 'x86_64'", "source"],
      "fromgit 1.0": ["source", "source"],
      "linter 1.0": Array(2).fill("no: 'dev' in dependency_groups"),
    });
    expect(selection.rows.find(({ name }) => name === "driver")?.directUrl).toBe(
      "https://index.invalid/f/driver-2.0-py3-none-any.whl",
    );
    const forked = selection.rows.find(({ name }) => name === "forked")?.choices["linux/amd64"];
    expect(forked && "url" in forked && forked.url).toMatch(
      /^file:\/\/.*\/project\/wheels\/forked-1\.0-py3-none-any\.whl$/,
    );
    const withDefaults = await select({ "pylock.toml": pylock }, {}, on);
    expect(table(withDefaults)["linter 1.0"]).toEqual(["source", "source"]);
    expect(table(withDefaults)["driver 2.0"]).toEqual(Array(2).fill("no: 'db' in extras"));
  });

  it("is found by its short or its named file; several are ambiguous", async () => {
    expect((await select({ "pylock.prod.toml": pylock })).rows.length).toBe(6);
    await expect(select({ "pylock.a.toml": pylock, "pylock.b.toml": pylock })).rejects.toMatchObject({
      code: "LOCK_INVALID",
    });
    expect(
      (await select({ "pylock.a.toml": pylock, "pylock.b.toml": pylock }, { requirements: "pylock.b.toml" }))
        .rows.length,
    ).toBe(6);
  });

  it("is refused where it isn't for the target, isn't version 1, has no hash, or lacks what the project needs", async () => {
    const failing = (from: string | RegExp, to: string, project = "") =>
      select({ "pylock.toml": pylock.replace(from, to), ...(project && { "pyproject.toml": project }) });
    await expect(failing("'linux'\"", "'win32'\"")).rejects.toMatchObject({
      code: "LOCK_OUTDATED",
      message: /wasn't locked for linux\/amd64/,
    });
    await expect(failing('"1.0"', '"2.0"')).rejects.toMatchObject({ code: "LOCK_INVALID" });
    await expect(failing(/, hashes = \{ sha256 = "a+" \}/, "")).rejects.toMatchObject({
      code: "LOCK_INVALID",
      message: /no hash for alpha/,
    });
    await expect(failing(/marker = "platform_machine .. 'x86_64'"\n/g, "")).rejects.toMatchObject({
      code: "LOCK_INVALID",
      message: /forked twice/,
    });
    const needs = (one: string) =>
      failing("", "", `[project]\nname = "p"\nversion = "1"\ndependencies = ["${one}"]\n`);
    await expect(needs("gamma")).rejects.toMatchObject({ code: "LOCK_OUTDATED", message: /lacks gamma/ });
    await expect(needs("alpha<2")).rejects.toMatchObject({
      code: "LOCK_OUTDATED",
      message: /pins alpha 2\.1, but .*"alpha<2"/,
    });
    await expect(needs("gamma; sys_platform == 'win32'")).resolves.toBeDefined();
  });
});

describe("pyproject.toml", () => {
  it("that is wrong is an error with file and line", async () => {
    const failing = (text: string) => select({ "pyproject.toml": text });
    const invalid = (message: RegExp) => ({ code: "CONFIG_INVALID", message });
    await expect(failing("[project]\nname = \n")).rejects.toMatchObject(invalid(/pyproject\.toml:2:8/));
    await expect(failing('[project]\nname = "x"\ndependencies = "y"\n')).rejects.toMatchObject(
      invalid(/pyproject\.toml:3: project\.dependencies must be a list/),
    );
    await expect(failing('[project]\n\n\nrequires-python = "three"\n')).rejects.toMatchObject(
      invalid(/pyproject\.toml:4: .*"three"/),
    );
    await expect(
      failing('[project]\nname="x"\n[dependency-groups]\na = [{include-group = "a"}]\n'),
    ).rejects.toMatchObject(invalid(/pyproject\.toml:4: .*a → a/));
    await expect(failing('[project]\ndependencies = ["a b"]\n')).rejects.toMatchObject(
      invalid(/pyproject\.toml:2/),
    );
  });

  it("without dependencies needs nothing; with some, a resolver", async () => {
    expect((await select({ "pyproject.toml": '[project]\nname = "x"\n' })).rows).toEqual([]);
    expect((await select({})).rows).toEqual([]);
    await expect(select({ "pyproject.toml": '[project]\ndependencies = ["x"]\n' })).rejects.toMatchObject({
      code: "RESOLVER_MISSING",
    });
    await expect(select({ "requirements.txt": "x==1.0\n" })).rejects.toMatchObject({
      code: "RESOLVER_MISSING",
    });
  });
});
