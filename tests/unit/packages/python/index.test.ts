import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseDefaultIndex } from "../../../../src/packages/python/default-index.ts";
import { fetchWheels } from "../../../../src/packages/python/download.ts";
import { pageDirectory } from "../../../../src/packages/python/index-cache.ts";
import { readIndexConfig } from "../../../../src/packages/python/index-config.ts";
import { parseIndexPage } from "../../../../src/packages/python/index-page.ts";
import { readPythonDependencies } from "../../../../src/packages/python/requirements.ts";
import { type Choice, selectPackages } from "../../../../src/packages/python/select.ts";
import { explainUnavailable } from "../../../../src/packages/python/explain.ts";
import { glibcTarget, workspace } from "./fixture.ts";
import { IndexServer } from "./index-server.ts";
import { makeWheel } from "./wheel-fixture.ts";

describe("index configuration", () => {
  it("comes from the requirement file, the environment, the project and the user's files, in this order", async () => {
    const space = await workspace({
      "pyproject.toml":
        '[[tool.uv.index]]\nname = "own"\nurl = "https://own.invalid/simple"\n[[tool.uv.index]]\nurl = "https://hidden.invalid/simple"\nexplicit = true\n',
      "pip.conf":
        "[global]\nindex-url = https://conf.invalid/simple\ntrusted-host = conf.invalid\n[install]\nextra-index-url =\n    https://e1.invalid/simple\n    https://e2.invalid/simple\n[download]\nindex-url = https://no.invalid\n",
    });
    const file = { PIP_CONFIG_FILE: join(space.project, "pip.conf") };
    const read = (env: Record<string, string>, options = {}) =>
      readIndexConfig(
        { extraIndexUrls: [], findLinks: [], noIndex: false, trustedHosts: [], ...options },
        space.project,
        space.with(env),
      );
    const extras = ["https://own.invalid/simple", "https://e1.invalid/simple", "https://e2.invalid/simple"];
    expect(await read(file)).toMatchObject({
      indexes: ["https://conf.invalid/simple", ...extras],
      useDefault: false,
      findLinks: [],
      trustedHosts: ["conf.invalid"],
    });
    expect((await read({ ...file, PIP_INDEX_URL: "https://env.invalid/s" })).indexes[0]).toBe(
      "https://env.invalid/s",
    );
    expect(
      (
        await read({
          ...file,
          PIP_INDEX_URL: "https://env.invalid/s",
          UV_DEFAULT_INDEX: "https://uv.invalid/s",
        })
      ).indexes[0],
    ).toBe("https://uv.invalid/s");
    expect(
      (
        await read(
          { ...file, PIP_INDEX_URL: "https://env.invalid/s" },
          { indexUrl: "https://line.invalid/s" },
        )
      ).indexes[0],
    ).toBe("https://line.invalid/s");
    expect((await read({})).useDefault).toBe(true);
    expect(await read({ PIP_NO_INDEX: "1", PIP_FIND_LINKS: "links https://l.invalid/x.html" })).toMatchObject(
      {
        indexes: [],
        useDefault: false,
        findLinks: [join(space.project, "links"), "https://l.invalid/x.html"],
      },
    );
    const named = await read({
      UV_INDEX: "my-own=https://named.invalid/simple",
      UV_INDEX_MY_OWN_USERNAME: "me",
      UV_INDEX_MY_OWN_PASSWORD: "p/w",
    });
    expect(named.indexes[0]).toBe("https://me:p%2Fw@named.invalid/simple");
  });

  it("has the default that the tool's help names", () => {
    expect(
      parseDefaultIndex(
        "  -i, --index-url <url>  Base URL (default\n      https://index.invalid/simple). This",
      ),
    ).toBe("https://index.invalid/simple");
    expect(
      parseDefaultIndex(
        "      --default-index <X>\n          The default package index (by default: <https://index.invalid/s>) [env: X=]",
      ),
    ).toBe("https://index.invalid/s");
    expect(parseDefaultIndex("--other")).toBeUndefined();
  });

  it("asks the installed pip for it once", async () => {
    const space = await workspace();
    const bin = join(space.root, "bin");
    await mkdir(bin);
    await using server = await IndexServer.start([{ project: "pkg", ...makeWheel({ name: "pkg" }) }]);
    const program = `#!/bin/sh\necho run >> "$0.log"\necho "  -i, --index-url <url>  Base (default ${server.url.slice(0, -1)})."\n`;
    await writeFile(join(bin, "python3"), program, { mode: 0o755 });
    await writeFile(join(space.project, "requirements.txt"), "--no-deps\npkg==1.0\n");
    const ctx = space.with({ PATH: `${bin}:/bin:/usr/bin` });
    for (let round = 0; round < 2; round++) {
      const dependencies = await readPythonDependencies(space.project, {}, ctx);
      const { rows } = await selectPackages(dependencies, [glibcTarget("linux/amd64")], ctx);
      expect(rows[0]?.choices["linux/amd64"]).toMatchObject({
        kind: "neutral",
        filename: "pkg-1.0-py3-none-any.whl",
      });
    }
    expect(await readFile(join(bin, "python3.log"), "utf8")).toBe("run\n");
  });
});

describe("index pages", () => {
  it("are read with entities, bases, fragments and yanks", () => {
    const html = `<base href="https://files.invalid/x/"><a class=x href='pkg-1.0.tar.gz#sha256=${"A".repeat(64)}' data-requires-python="&gt;=3.8&#44;&lt;4">a</a>
<A HREF="/y/pkg-1.0%2Bcpu-py3-none-any.whl" data-yanked>b</A> <a href="other-1.0.tar.gz">c</a> <a href="pkg.txt">d</a>`;
    expect(parseIndexPage(html, "text/html", "https://index.invalid/simple/pkg/", "pkg")).toEqual([
      {
        filename: "pkg-1.0.tar.gz",
        url: "https://files.invalid/x/pkg-1.0.tar.gz",
        hashes: { sha256: "a".repeat(64) },
        yanked: false,
        requiresPython: ">=3.8,<4",
        version: "1.0",
      },
      {
        filename: "pkg-1.0+cpu-py3-none-any.whl",
        url: "https://files.invalid/y/pkg-1.0%2Bcpu-py3-none-any.whl",
        hashes: {},
        yanked: true,
        version: "1.0+cpu",
      },
    ]);
  });

  it("decide by version, Python and tag; advice names the newest version with a wheel", async () => {
    const wheel = (version: string, tag: string) => ({
      project: "pkg",
      ...makeWheel({ name: "pkg", version, tag }),
    });
    await using server = await IndexServer.start([
      { ...wheel("1.0", "cp311-cp311-manylinux_2_17_x86_64"), requiresPython: ">=3.12" },
      wheel("1.0", "cp311-abi3-manylinux_2_17_x86_64"),
      wheel("1.1", "cp311-cp311-manylinux_2_17_aarch64"),
      wheel("1.2", "cp311-cp311-manylinux_2_17_aarch64"),
      { ...wheel("1.3", "cp311-cp311-manylinux_2_17_aarch64"), yanked: true },
      wheel("2.0rc1", "cp311-cp311-manylinux_2_17_aarch64"),
      wheel("1.0", "cp311-cp311-musllinux_1_2_aarch64"),
    ]);
    const space = await workspace(
      { "requirements.txt": "--no-deps\npkg==1.0\n" },
      { PIP_INDEX_URL: server.url },
    );
    const targets = ["linux/amd64", "linux/arm64"].map((one) => glibcTarget(one));
    const selection = await selectPackages(
      await readPythonDependencies(space.project, {}, space.ctx),
      targets,
      space.ctx,
    );
    expect(selection.rows[0]?.choices).toMatchObject({
      "linux/amd64": { kind: "wheel", tag: "cp311-abi3-manylinux_2_17_x86_64" },
      "linux/arm64": { kind: "missing", newestWithWheel: "1.2" },
    });
    const error = explainUnavailable(selection, targets);
    expect(error?.hint).toContain("pkg==1.2");
    expect(error?.hint).toContain("musl");
    await writeFile(join(space.project, "requirements.txt"), "--no-deps\npkg==9\nnope==1\n");
    const dependencies = await readPythonDependencies(space.project, {}, space.ctx);
    await expect(selectPackages(dependencies, targets, space.ctx)).rejects.toMatchObject({
      code: "DEPENDENCY_NOT_FOUND",
    });
  });

  it("are not asked for again where a hash for every file of the lock was seen", async () => {
    const wheels = ["py3-none-any", "cp311-cp311-manylinux_2_17_x86_64"].map((tag) => ({
      project: "pkg",
      ...makeWheel({ name: "pkg", tag }),
    }));
    const [pure, native] = wheels.map(({ sha256 }) => `sha256:${sha256}`);
    await using server = await IndexServer.start(wheels);
    const space = await workspace({}, { PIP_INDEX_URL: server.url });
    const pages = (): number => server.requests.filter(({ path }) => path.startsWith("/simple/")).length;
    const choose = async (...hashes: readonly string[]): Promise<Choice | undefined> => {
      const line = ["pkg==1.0", ...hashes.map((hash) => `--hash=${hash}`)].join(" ");
      await writeFile(join(space.project, "requirements.txt"), `--no-deps\n${line}\n`);
      const dependencies = await readPythonDependencies(space.project, {}, space.ctx);
      const { rows } = await selectPackages(dependencies, [glibcTarget("linux/amd64")], space.ctx);
      return rows[0]?.choices["linux/amd64"];
    };
    const all = await choose(`${pure}`, `${native}`);
    expect(all).toMatchObject({ kind: "wheel", tag: "cp311-cp311-manylinux_2_17_x86_64" });
    expect(pages()).toBe(1);
    expect(await choose(`${pure}`, `${native}`)).toEqual(all);
    expect(await choose(`${pure}`)).toMatchObject({ kind: "neutral" });
    expect(pages()).toBe(1);
    // A hash that wasn't seen might be that of a better wheel; no hash leaves the choice to the index of today.
    expect(await choose(`${pure}`, `sha256:${"0".repeat(64)}`)).toMatchObject({ kind: "neutral" });
    expect(pages()).toBe(2);
    expect(await choose()).toMatchObject({ kind: "wheel" });
    expect(pages()).toBe(3);
    expect(server.requests.at(-1)?.etag).toBe('"2-pkg"');
    const directory = pageDirectory(space.ctx);
    for (const name of await readdir(directory)) await writeFile(join(directory, name), "{");
    expect(await choose(`${pure}`, `${native}`)).toEqual(all);
    expect(pages()).toBe(4);
  });

  it("are forgotten where they name what isn't there any more", async () => {
    const file = { project: "pkg", ...makeWheel({ name: "pkg" }) };
    let gone = true;
    await using server = await IndexServer.start([file], {
      intercept: (request, response) => {
        if (!gone || request.url?.startsWith("/files/") !== true) return false;
        response.writeHead(404).end();
        return true;
      },
    });
    const lock = `--no-deps\npkg==1.0 --hash=sha256:${file.sha256}\n`;
    const space = await workspace({ "requirements.txt": lock }, { PIP_INDEX_URL: server.url });
    const targets = [glibcTarget("linux/amd64")];
    const fetchAll = async () => {
      const dependencies = await readPythonDependencies(space.project, {}, space.ctx);
      const selection = await selectPackages(dependencies, targets, space.ctx);
      return fetchWheels(
        selection,
        targets.map(({ platform }) => platform),
        space.ctx,
      );
    };
    await expect(fetchAll()).rejects.toMatchObject({ code: "NETWORK_ERROR", details: { status: 404 } });
    gone = false;
    expect((await fetchAll())["linux/amd64"]).toHaveLength(1);
    const asked = server.requests.map(({ path, etag }) => `${path} ${etag ?? "anew"}`);
    expect(asked.filter((line) => line.startsWith("/simple/"))).toEqual(Array(2).fill("/simple/pkg/ anew"));
  });

  it("may be a directory of files", async () => {
    const space = await workspace({
      "requirements.txt": "--no-index\n--find-links wheels\n--no-deps\npkg==1.0\n",
    });
    await mkdir(join(space.project, "wheels"));
    const { filename, bytes } = makeWheel({ name: "pkg" });
    await writeFile(join(space.project, "wheels", filename), bytes);
    const dependencies = await readPythonDependencies(space.project, {}, space.ctx);
    const { rows } = await selectPackages(dependencies, [glibcTarget("linux/amd64")], space.ctx);
    expect(rows[0]?.choices["linux/amd64"]).toMatchObject({
      kind: "neutral",
      url: `file://${space.project}/wheels/${filename}`,
    });
  });
});
