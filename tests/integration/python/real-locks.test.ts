import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Entry } from "../../../src/archive/entry.ts";
import { fetchWheels } from "../../../src/packages/python/download.ts";
import { installWheels } from "../../../src/packages/python/install.ts";
import { readPythonDependencies } from "../../../src/packages/python/requirements.ts";
import { selectPackages, type Selection } from "../../../src/packages/python/select.ts";
import { platformTags } from "../../../src/packages/python/tags.ts";
import type { PythonTarget } from "../../../src/packages/python/target.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { glibcTarget, workspace } from "../../unit/packages/python/fixture.ts";
import { IndexServer, type ServedFile } from "../../unit/packages/python/index-server.ts";
import { sha256 } from "../../unit/packages/python/wheel-fixture.ts";
import { run, uvPrograms } from "./python-tools.ts";

const uv = uvPrograms();
const python = run("python3", ["-c", "import platform; print(platform.python_version())"]).trim();
const minor = python.split(".").slice(0, 2).join(".");

const pyproject = `[project]
name = "demo"
version = "0.1.0"
requires-python = ">=${minor}"
dependencies = ["fastapi", "uvicorn", "orjson", "markupsafe", "colorama; sys_platform == 'win32'"]
`;

/** Index and files are reached through uv and pip only; what anyarch fetches comes from loopback. */
describe.runIf(uv !== undefined)("real packages", () => {
  let dir = "";
  let wheels = "";
  const target = (platform: string): PythonTarget => glibcTarget(platform, python);
  const musl: PythonTarget = { ...target("linux/amd64"), libc: { family: "musl", version: "1.2" } };

  /** The files that pip takes for a target from the hashed requirements. */
  function pipDownload(on: PythonTarget): readonly string[] {
    const into = join(dir, on.platform.architecture);
    const platforms = platformTags(on).flatMap((tag) => ["--platform", tag]);
    const flags =
      "-m pip download --quiet --no-deps --require-hashes --only-binary=:all: --implementation cp";
    const abis = [`cp${minor.replace(".", "")}`, "abi3", "none"].flatMap((abi) => ["--abi", abi]);
    const files = [
      "--python-version",
      python,
      "--dest",
      into,
      "--requirement",
      join(dir, "requirements.txt"),
    ];
    run("python3", [...flags.split(" "), ...files, ...abis, ...platforms]);
    return readdirSync(into).sort();
  }

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "anyarch-real-"));
    writeFileSync(join(dir, "pyproject.toml"), pyproject);
    const program = join(uv ?? "", "uv");
    run(program, ["lock", "--quiet"], dir);
    const exported = (format: string) =>
      run(
        program,
        ["export", "--quiet", "--frozen", "--no-emit-project", "--no-dev", "--format", format],
        dir,
      );
    writeFileSync(join(dir, "pylock.toml"), exported("pylock.toml"));
    writeFileSync(join(dir, "requirements.txt"), exported("requirements.txt"));
    wheels = join(dir, "amd64");
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  async function select(lock: string, targets: readonly PythonTarget[], env = {}): Promise<Selection> {
    const text = (name: string) => readFileSync(join(dir, name), "utf8");
    const space = await workspace({ "pyproject.toml": text("pyproject.toml"), [lock]: text(lock) }, env);
    return selectPackages(await readPythonDependencies(space.project, {}, space.ctx), targets, space.ctx);
  }

  function filenames({ rows }: Selection, platform: string): readonly string[] {
    return rows
      .flatMap(({ choices }) => {
        const choice = choices[platform];
        return choice && "tag" in choice ? [choice.filename] : [];
      })
      .sort();
  }

  it.each(["linux/amd64", "linux/arm64"])("give the files that pip downloads for %s", async (platform) => {
    const expected = pipDownload(target(platform));
    expect(expected.length).toBeGreaterThan(8);
    expect(filenames(await select("uv.lock", [target(platform)]), platform)).toEqual(expected);
    expect(filenames(await select("pylock.toml", [target(platform)]), platform)).toEqual(expected);
  });

  it("are the same from uv.lock, pylock.toml and hashed requirements", async () => {
    const targets = ["linux/amd64", "linux/arm64", "linux/arm/v7"].map(target);
    const plain = ({ rows }: Selection) =>
      rows
        .map(({ name, version, choices }) => ({
          name,
          version,
          files: Object.values(choices).map((choice) => ("tag" in choice ? choice.filename : choice.kind)),
        }))
        .filter(({ files }) => files.some((file) => file !== "excluded"));
    for (const on of [targets, [musl]]) {
      const fromUv = await select("uv.lock", on);
      expect(plain(await select("pylock.toml", on))).toEqual(plain(fromUv));
      await using server = await IndexServer.start(listedFiles(readFileSync(join(dir, "uv.lock"), "utf8")));
      const fromRequirements = await select("requirements.txt", on, { PIP_INDEX_URL: server.url });
      expect(plain(fromRequirements)).toEqual(plain(fromUv));
    }
    const muslNames = filenames(await select("uv.lock", [musl]), "linux/amd64");
    expect(muslNames.some((name) => name.includes("musllinux"))).toBe(true);
    expect(muslNames.some((name) => name.includes("manylinux"))).toBe(false);
  });

  it("are installed as pip installs them, and run", async () => {
    const served = readdirSync(wheels).map((filename): ServedFile => {
      const bytes = readFileSync(join(wheels, filename));
      return { project: projectOf(filename), filename, bytes, sha256: sha256(bytes) };
    });
    await using server = await IndexServer.start(served);
    const space = await workspace(
      { "requirements.txt": readFileSync(join(dir, "requirements.txt"), "utf8") },
      { PIP_INDEX_URL: server.url },
    );
    const on = target("linux/amd64");
    const selection = await selectPackages(
      await readPythonDependencies(space.project, {}, space.ctx),
      [on],
      space.ctx,
    );
    const files = await fetchWheels(selection, [parsePlatform("linux/amd64")], space.ctx);
    const ours = join(dir, "ours");
    const executable = join(ours, "bin/python");
    const layout = { prefix: "venv", pythonExecutable: executable, pythonVersion: minor };
    const { neutral, native } = await installWheels(files["linux/amd64"] ?? [], layout, space.ctx);

    const theirs = join(dir, "theirs");
    run("python3", ["-m", "venv", "--without-pip", ours]);
    run("python3", ["-m", "venv", "--without-pip", theirs]);
    const flags = "install --quiet --no-compile --no-index --no-deps --find-links";
    const pip = ["-m", "pip", "--python", join(theirs, "bin/python"), ...flags.split(" "), wheels];
    run("python3", [...pip, "--requirement", join(dir, "requirements.txt")]);
    const before = new Set(listing(ours));
    for (const entry of [...neutral, ...native]) write(ours, entry);
    const site = `lib/python${minor}/site-packages`;
    const installed = listing(ours).filter((path) => !before.has(path));
    expect(installed).toEqual(listing(theirs).filter((path) => !before.has(path)));
    const differing = installed.filter(
      (path) =>
        !/\.dist-info\/(?:RECORD|INSTALLER|REQUESTED)$/.test(path) &&
        !readFileSync(join(ours, path)).equals(readFileSync(join(theirs, path))),
    );
    // Programs made from entry points name another interpreter, and pip words them differently.
    expect(differing.filter((path) => !path.startsWith("bin/"))).toEqual([]);
    for (const path of installed.filter((one) => one.startsWith("bin/"))) {
      expect(statSync(join(ours, path)).mode & 0o777).toBe(0o755);
      expect(readFileSync(join(ours, path), "utf8").split("\n")[0]).toBe(`#!${executable}`);
    }
    const execMode = (root: string) =>
      installed.filter((path) => path.startsWith(site) && (statSync(join(root, path)).mode & 0o111) !== 0);
    expect(execMode(ours)).toEqual(execMode(theirs));
    const said = execFileSync(
      executable,
      ["-c", "import fastapi, orjson, pydantic_core; print(orjson.dumps([1]).decode())"],
      { encoding: "utf8" },
    );
    expect(said).toBe("[1]\n");
    expect(execFileSync(join(ours, "bin/uvicorn"), ["--version"], { encoding: "utf8" })).toMatch(
      /^Running uvicorn/,
    );
    const check =
      "from importlib.metadata import distributions as d; import base64, hashlib\nn = 0\nfor one in d():\n  for f in one.files:\n    if f.hash:\n      n += 1\n      assert base64.urlsafe_b64encode(hashlib.sha256(f.locate().read_bytes()).digest()).rstrip(b'=').decode() == f.hash.value, f\nprint(n > 100)";
    expect(execFileSync(executable, ["-B", "-c", check], { encoding: "utf8" })).toBe("True\n");
  });
});

function listing(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => !statSync(join(root, path)).isDirectory() && !path.endsWith(".pyc"))
    .sort();
}

function write(root: string, entry: Entry): void {
  const path = join(root, entry.path.slice("venv".length));
  if (entry.type !== "file") return;
  mkdirSync(dirname(path), { recursive: true });
  const { content, size } = entry;
  const offset = "file" in content ? (content.offset ?? 0) : 0;
  const bytes =
    "bytes" in content ? content.bytes : readFileSync(content.file).subarray(offset, offset + size);
  writeFileSync(path, bytes, { mode: entry.mode });
}

function projectOf(filename: string): string {
  return (filename.split("-", 1)[0] ?? "").toLowerCase().replaceAll(/[-_.]+/g, "-");
}

/** The files of a uv.lock, for an index that offers names and hashes. */
function listedFiles(lock: string): readonly ServedFile[] {
  return [...lock.matchAll(/url = "([^"]+)", hash = "sha256:([0-9a-f]+)"/g)].flatMap(
    ([, url = "", hash = ""]) => {
      const filename = url.slice(url.lastIndexOf("/") + 1);
      const project = projectOf(filename.replace(/-\d[^-]*\.tar\.gz$/, ""));
      return [{ project, filename, bytes: Buffer.alloc(0), sha256: hash }];
    },
  );
}
