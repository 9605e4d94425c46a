import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readPythonDependencies } from "../../../src/packages/python/requirements.ts";
import { selectPackages } from "../../../src/packages/python/select.ts";
import { glibcTarget, workspace } from "../../unit/packages/python/fixture.ts";
import { IndexServer } from "../../unit/packages/python/index-server.ts";
import { makeWheel } from "../../unit/packages/python/wheel-fixture.ts";
import { run, uvPrograms } from "./python-tools.ts";

const uv = uvPrograms();
const python = run("python3", ["-c", "import sys; print(sys.executable)"]).trim();
const targets = ["linux/amd64", "linux/arm64", "linux/arm/v7"].map((platform) =>
  glibcTarget(platform, "3.11.4"),
);

/** An index in which a package needs another one on one machine only, and another one everywhere else. */
async function startIndex(): Promise<IndexServer> {
  const wheel = (name: string, version: string, requires: string[] = [], tag = "py3-none-any") => {
    const made = makeWheel({ name, version, requires, tag });
    return { project: name, ...made };
  };
  return IndexServer.start([
    wheel("app", "1.0", [
      "onarm; platform_machine == 'aarch64'",
      "elsewhere[more]; platform_machine != 'aarch64'",
      "windows; sys_platform == 'win32'",
    ]),
    wheel("app", "2.0", ["app-needs-nothing"]),
    wheel("onarm", "1.0", [], "cp311-cp311-manylinux_2_17_aarch64"),
    wheel("elsewhere", "3.0", ["deep; extra == 'more'", "unwanted; extra == 'less'"]),
    wheel("deep", "0.1"),
    wheel("unwanted", "0.1"),
    wheel("windows", "0.1"),
  ]);
}

const wanted = {
  app: ["py3-none-any", "py3-none-any", "py3-none-any"],
  deep: ["py3-none-any", "excluded", "py3-none-any"],
  elsewhere: ["py3-none-any", "excluded", "py3-none-any"],
  onarm: ["excluded", "cp311-cp311-manylinux_2_17_aarch64", "excluded"],
};

async function resolved(programs: Readonly<Record<string, string>>, requirements: string) {
  const space = await workspace({ "requirements.txt": requirements, "limits.txt": "app<2\n" });
  const bin = join(space.root, "bin");
  mkdirSync(bin);
  for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(bin, name));
  await using server = await startIndex();
  const ctx = space.with({
    PATH: `${bin}:/usr/bin:/bin`,
    PIP_INDEX_URL: server.url,
    UV_DEFAULT_INDEX: server.url,
    UV_CACHE_DIR: join(space.root, "uv"),
    PIP_CACHE_DIR: join(space.root, "pip"),
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
  });
  const dependencies = await readPythonDependencies(space.project, {}, ctx);
  const { rows } = await selectPackages(dependencies, targets, ctx);
  const table = rows.map(({ name, choices }) => [
    name,
    Object.values(choices).map((choice) => ("tag" in choice ? choice.tag : choice.kind)),
  ]);
  return {
    table: Object.fromEntries(table.filter(([name]) => name !== "windows")) as unknown,
    direct: rows.filter(({ direct }) => direct).map(({ name }) => name),
  };
}

describe("loose requirements", () => {
  it.runIf(uv !== undefined)("are resolved once for all platforms with uv", async () => {
    const programs = { uv: join(uv ?? "", "uv"), python3: python };
    expect(await resolved(programs, "-c limits.txt\napp\n")).toEqual({ table: wanted, direct: ["app"] });
    expect(await resolved(programs, "app==1.0\n")).toEqual({ table: wanted, direct: ["app"] });
    await expect(resolved(programs, "app==7\n")).rejects.toMatchObject({
      code: "RESOLVE_FAILED",
      message: expect.stringMatching(/uv can't resolve[\s\S]*app==7/) as string,
    });
  });

  it("are resolved per platform with pip, whose judgement of markers is corrected", async () => {
    expect(await resolved({ python3: python }, "-c limits.txt\napp\n")).toEqual({
      table: wanted,
      direct: ["app"],
    });
    await expect(resolved({ python3: python }, "app==7\n")).rejects.toMatchObject({
      code: "RESOLVE_FAILED",
      message: expect.stringMatching(/pip, for linux\/amd64,[\s\S]*app==7/) as string,
    });
  });
});
