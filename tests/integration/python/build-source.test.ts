import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { buildSources } from "../../../src/packages/python/build-source.ts";
import { fetchWheels } from "../../../src/packages/python/download.ts";
import { readPythonDependencies } from "../../../src/packages/python/requirements.ts";
import { selectPackages } from "../../../src/packages/python/select.ts";
import { glibcTarget, workspace } from "../../unit/packages/python/fixture.ts";
import { IndexServer } from "../../unit/packages/python/index-server.ts";
import { makeWheel, sha256 } from "../../unit/packages/python/wheel-fixture.ts";
import { run } from "./python-tools.ts";

const python = run("python3", ["-c", "import sys; print(sys.executable)"]).trim();
const platforms = ["linux/amd64", "linux/arm64"];

/** An sdist whose own build backend, which needs nothing, writes a wheel that it carries along. */
function sdist(root: string, name: string, tag: string): Buffer {
  const wheel = makeWheel({ name, tag });
  const files = {
    "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "PKG-INFO": `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`,
    "backend.py": `import base64, os
def build_wheel(directory, config_settings=None, metadata_directory=None):
    with open(os.path.join(directory, "${wheel.filename}"), "wb") as f:
        f.write(base64.b64decode("${wheel.bytes.toString("base64")}"))
    return "${wheel.filename}"
`,
  };
  for (const [path, content] of Object.entries(files)) {
    const full = join(root, `${name}-1.0`, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, content);
  }
  run("tar", ["-cf", join(root, `${name}.tar`), "-C", root, `${name}-1.0`]);
  return gzipSync(readFileSync(join(root, `${name}.tar`)));
}

describe("sources", () => {
  it("that build to a pure wheel are built once; native ones stay sources", async () => {
    const space = await workspace();
    const bin = join(space.root, "bin");
    mkdirSync(bin);
    symlinkSync(python, join(bin, "python3"));
    const archives = [
      ["pure", "py3-none-any"],
      ["native", "cp311-cp311-linux_x86_64"],
    ].map(([name = "", tag = ""]) => {
      const bytes = sdist(space.root, name, tag);
      return { project: name, filename: `${name}-1.0.tar.gz`, bytes, sha256: sha256(bytes) };
    });
    await using server = await IndexServer.start(archives);
    const lines = archives.map(({ project, sha256: hash }) => `${project}==1.0 --hash=sha256:${hash}\n`);
    writeFileSync(join(space.project, "requirements.txt"), lines.join(""));
    const ctx = space.with({ PATH: `${bin}:/usr/bin:/bin`, PIP_INDEX_URL: server.url });
    const targets = platforms.map((one) => glibcTarget(one));
    const selection = await selectPackages(
      await readPythonDependencies(space.project, {}, ctx),
      targets,
      ctx,
    );
    const kinds = (rows: typeof selection.rows) =>
      Object.fromEntries(
        rows.map(({ name, choices }) => [name, Object.values(choices).map(({ kind }) => kind)]),
      );
    expect(kinds(selection.rows)).toEqual({ native: ["source", "source"], pure: ["source", "source"] });
    const built = await buildSources(selection, targets, ctx);
    expect(kinds(built.rows)).toEqual({ native: ["source", "source"], pure: ["neutral", "neutral"] });
    expect(space.events).toContainEqual(
      expect.objectContaining({
        type: "diagnostic",
        message: expect.stringContaining("it has native code") as string,
      }),
    );
    const files = await fetchWheels(built, platforms.map(parsePlatform), ctx);
    expect(files["linux/arm64"]?.map(({ filename, neutral }) => [filename, neutral])).toEqual([
      ["pure-1.0-py3-none-any.whl", true],
    ]);
    const downloads = () => server.requests.filter(({ path }) => path.endsWith("pure-1.0.tar.gz")).length;
    expect(downloads()).toBe(1);
    expect((await buildSources(selection, targets, ctx)).rows).toEqual(built.rows);
    expect(downloads()).toBe(1);
  });
});
