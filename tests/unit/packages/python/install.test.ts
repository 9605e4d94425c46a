import { readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Entry, FileEntry } from "../../../../src/archive/entry.ts";
import { AnyarchError } from "../../../../src/errors/error.ts";
import { parsePlatform } from "../../../../src/oci/platform.ts";
import { fetchWheels, type WheelFile } from "../../../../src/packages/python/download.ts";
import { installWheels } from "../../../../src/packages/python/install.ts";
import { parseRecord } from "../../../../src/packages/python/record.ts";
import { readPythonDependencies } from "../../../../src/packages/python/requirements.ts";
import { selectPackages } from "../../../../src/packages/python/select.ts";
import { findUnmetRequirements } from "../../../../src/packages/python/unmet.ts";
import { glibcTarget, workspace, type Workspace } from "./fixture.ts";
import { IndexServer, type ServedFile } from "./index-server.ts";
import { makeWheel, makeZip, sha256, type Wheel, type WheelRecipe } from "./wheel-fixture.ts";

const layout = { prefix: "opt/venv", pythonExecutable: "/opt/venv/bin/python", pythonVersion: "3.11" };
const site = "opt/venv/lib/python3.11/site-packages";

function contentOf(entry: FileEntry): Buffer {
  if ("bytes" in entry.content) return Buffer.from(entry.content.bytes);
  const { file, offset = 0 } = entry.content;
  return readFileSync(file).subarray(offset, offset + entry.size);
}

function filesOf(entries: readonly Entry[]): Map<string, FileEntry> {
  return new Map(entries.flatMap((entry) => (entry.type === "file" ? [[entry.path, entry] as const] : [])));
}

async function onDisk(space: Workspace, wheel: Wheel, neutral = true): Promise<WheelFile> {
  const directory = join(space.cache, "python", "wheels");
  await mkdir(directory, { recursive: true });
  const path = join(directory, wheel.sha256);
  await writeFile(path, wheel.bytes);
  const [name = "", version = ""] = wheel.filename.split("-");
  const { filename } = wheel;
  return {
    name,
    version,
    filename,
    path,
    sha256: wheel.sha256,
    size: wheel.bytes.length,
    neutral,
    direct: true,
  };
}

async function install(recipe: WheelRecipe, neutral = true) {
  const space = await workspace();
  const wheel = await onDisk(space, makeWheel(recipe), neutral);
  return installWheels([wheel], layout, space.ctx);
}

async function failure(recipe: WheelRecipe | Wheel): Promise<{ error: AnyarchError; space: Workspace }> {
  const space = await workspace();
  const wheel = await onDisk(space, "bytes" in recipe ? recipe : makeWheel(recipe));
  const error = await installWheels([wheel], layout, space.ctx).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AnyarchError)) throw new Error(`no AnyarchError but ${String(error)}`);
  return { error, space };
}

describe("installing wheels", () => {
  it("spreads .data, rewrites scripts, and records all of it, sorted", async () => {
    const { neutral, native } = await install(
      {
        name: "tool",
        entryPoints:
          "[console_scripts]\nTool = tool.cli:main\nsub=tool:App.run [extra]\n[gui_scripts]\nwin = tool:w\n[other]\nx = y\n",
        files: [
          { name: "tool/__init__.py", content: "" },
          { name: "tool/run.sh", content: "#!/bin/sh\n", mode: 0o100755 },
          { name: "tool-1.0.data/scripts/old", content: "#!python3.9 -O\nprint(1)\n" },
          { name: "tool-1.0.data/scripts/shell", content: "#!/bin/sh\n" },
          { name: "tool-1.0.data/platlib/tool/plat.py", content: "p" },
          { name: "tool-1.0.data/headers/tool.h", content: "h" },
          { name: "tool-1.0.data/data/share/doc/a, b.txt", content: "d" },
        ],
      },
      false,
    );
    expect(neutral).toEqual([]);
    const files = filesOf(native);
    expect([...files.keys()]).toEqual([
      "opt/venv/bin/Tool",
      "opt/venv/bin/old",
      "opt/venv/bin/shell",
      "opt/venv/bin/sub",
      "opt/venv/bin/win",
      "opt/venv/include/site/python3.11/tool/tool.h",
      `${site}/tool-1.0.dist-info/INSTALLER`,
      `${site}/tool-1.0.dist-info/METADATA`,
      `${site}/tool-1.0.dist-info/RECORD`,
      `${site}/tool-1.0.dist-info/REQUESTED`,
      `${site}/tool-1.0.dist-info/WHEEL`,
      `${site}/tool-1.0.dist-info/entry_points.txt`,
      `${site}/tool/__init__.py`,
      `${site}/tool/plat.py`,
      `${site}/tool/run.sh`,
      "opt/venv/share/doc/a, b.txt",
    ]);
    const text = (path: string) => {
      const entry = files.get(path);
      return entry && contentOf(entry).toString();
    };
    expect(text("opt/venv/bin/Tool")).toBe(
      '#!/opt/venv/bin/python\nimport sys\nfrom tool.cli import main\n\nif __name__ == "__main__":\n    sys.exit(main())\n',
    );
    expect(text("opt/venv/bin/sub")).toContain("from tool import App\n");
    expect(text("opt/venv/bin/sub")).toContain("sys.exit(App.run())");
    expect(text("opt/venv/bin/old")).toBe("#!/opt/venv/bin/python\nprint(1)\n");
    expect(text("opt/venv/bin/shell")).toBe("#!/bin/sh\n");
    expect(text(`${site}/tool-1.0.dist-info/INSTALLER`)).toBe("anyarch\n");
    const modes = Object.fromEntries([...files].map(([path, { mode }]) => [path, mode]));
    expect(modes["opt/venv/bin/shell"]).toBe(0o755);
    expect(modes[`${site}/tool/run.sh`]).toBe(0o755);
    expect(modes[`${site}/tool/__init__.py`]).toBe(0o644);
    const rows = parseRecord(text(`${site}/tool-1.0.dist-info/RECORD`) ?? "");
    expect(rows.map(({ path }) => path)).toEqual(rows.map(({ path }) => path).sort());
    expect(rows.map(({ path }) => join(site, path)).sort()).toEqual([...files.keys()].sort());
    for (const { path, hash, size } of rows.filter(({ hash: known }) => known !== "")) {
      const entry = files.get(join(site, path));
      const bytes = entry ? contentOf(entry) : Buffer.alloc(0);
      expect(`sha256=${Buffer.from(sha256(bytes), "hex").toString("base64url")}`).toBe(hash);
      expect(entry?.digest).toBe(`sha256:${sha256(bytes)}`);
      expect(Number(size)).toBe(bytes.length);
    }
    const directories = native.filter(({ type }) => type === "directory").map(({ path }) => path);
    expect(directories).toContain("opt/venv");
    expect(directories).not.toContain("opt");
  });

  it("gives the same entries from the cache, without the wheel", async () => {
    const space = await workspace();
    const wheel = await onDisk(space, makeWheel({ name: "pkg" }));
    const first = await installWheels([wheel], layout, space.ctx);
    await writeFile(wheel.path, "gone");
    expect(await installWheels([wheel], layout, space.ctx)).toEqual(first);
  });

  it("splits neutral from native wheels, and takes equal files once", async () => {
    const space = await workspace();
    const shared = { name: "ns/__init__.py", content: "same" };
    const pure = await onDisk(space, makeWheel({ name: "pure", files: [shared] }));
    const native = await onDisk(
      space,
      makeWheel({
        name: "fast",
        tag: "cp311-cp311-linux_x86_64",
        files: [shared, { name: "fast.so", content: "x" }],
      }),
      false,
    );
    const result = await installWheels([pure, native], layout, space.ctx);
    expect([...filesOf(result.neutral).keys()]).toContain(`${site}/ns/__init__.py`);
    expect([...filesOf(result.native).keys()]).not.toContain(`${site}/ns/__init__.py`);
    expect([...filesOf(result.native).keys()]).toContain(`${site}/fast.so`);
  });

  it("refuses two wheels that install one path with different content", async () => {
    const space = await workspace();
    const wheels = [
      await onDisk(space, makeWheel({ name: "one", files: [{ name: "x/y.py", content: "1" }] })),
      await onDisk(space, makeWheel({ name: "two", files: [{ name: "x/y.py", content: "2" }] })),
      await onDisk(space, makeWheel({ name: "three", files: [{ name: "x", content: "2" }] })),
    ];
    await expect(installWheels(wheels.slice(0, 2), layout, space.ctx)).rejects.toMatchObject({
      code: "APP_FILE_CONFLICT",
      message: `one-1.0-py3-none-any.whl and two-1.0-py3-none-any.whl both install ${site}/x/y.py, with different content.`,
    });
    await expect(installWheels(wheels.slice(1), layout, space.ctx)).rejects.toMatchObject({
      code: "APP_FILE_CONFLICT",
    });
  });
});

describe("what wheels require", () => {
  it("is found to be missing or of another version, for the target", async () => {
    const space = await workspace();
    const requires = ["B>=2", "c; platform_machine == 'aarch64'", "d; extra == 'x'", "a"];
    const wheels = [
      await onDisk(space, makeWheel({ name: "a", requires })),
      await onDisk(space, makeWheel({ name: "b" })),
    ];
    const unmet = (platform: string) => findUnmetRequirements(wheels, glibcTarget(platform), space.ctx);
    const old = { name: "a", requirement: "B>=2", found: "1.0" };
    expect(await unmet("linux/amd64")).toEqual([old]);
    expect(await unmet("linux/arm64")).toEqual([old, { name: "a", requirement: requires[1] }]);
  });
});

describe("hostile and corrupt wheels", () => {
  const hostile: Readonly<Record<string, WheelRecipe>> = {
    "..": { name: "evil", files: [{ name: "../../etc/cron.d/x", content: "x" }] },
    absolute: { name: "evil", files: [{ name: "/etc/passwd", content: "x" }] },
    "in .data": { name: "evil", files: [{ name: "evil-1.0.data/data/../../../x", content: "x" }] },
    "link out": {
      name: "evil",
      files: [{ name: "pkg/link", content: "../../../etc/passwd", mode: 0o120777 }],
    },
    "absolute link": { name: "evil", files: [{ name: "pkg/link", content: "/etc/passwd", mode: 0o120777 }] },
    "script name": { name: "evil", entryPoints: "[console_scripts]\n../../../etc/x = evil:main\n" },
  };
  it.each(Object.entries(hostile))("are refused, nothing left behind: %s", async (_name, recipe) => {
    const { error, space } = await failure(recipe);
    expect(error.code).toBe("ARCHIVE_UNSAFE");
    expect(error.message).toContain("evil-1.0-py3-none-any.whl");
    expect(readdirSync(join(space.cache, "python", "unpacked"))).toEqual([]);
  });

  const whole = makeWheel({ name: "pkg" });
  const cut = whole.bytes.subarray(0, whole.bytes.length - 30);
  const flipped = Buffer.from(whole.bytes);
  flipped[60] = (flipped[60] ?? 0) ^ 0xff;
  const invalid: Readonly<Record<string, [WheelRecipe | Wheel, RegExp]>> = {
    "cut off": [{ ...whole, bytes: cut, sha256: sha256(cut) }, /pkg-1\.0-py3-none-any\.whl is corrupt/],
    "flipped bit": [{ ...whole, bytes: flipped, sha256: sha256(flipped) }, /is corrupt/],
    "not a zip": [{ ...whole, bytes: Buffer.from("<html>"), sha256: sha256("<html>") }, /is corrupt/],
    "wrong RECORD": [
      { name: "pkg", recordOf: { "pkg/__init__.py": "sha256=AAAA" } },
      /pkg\/__init__\.py in pkg-1\.0.*RECORD says/,
    ],
    "later version": [{ name: "pkg", wheelVersion: "2.0" }, /wheel version 2\.0/],
    "no metadata": [{ ...whole, ...zipOf([{ name: "pkg.py", content: "" }]) }, /no \.dist-info/],
    "unknown .data": [
      { name: "pkg", files: [{ name: "pkg-1.0.data/weird/x", content: "" }] },
      /can't hold "weird"/,
    ],
    "inner link": [
      { name: "pkg", files: [{ name: "pkg/l", content: "x.py", mode: 0o120777 }] },
      /can't hold links/,
    ],
    "bad script": [{ name: "pkg", entryPoints: "[console_scripts]\nx = import os\n" }, /names no function/],
  };
  it.each(Object.entries(invalid))("are WHEEL_INVALID: %s", async (_name, [recipe, message]) => {
    const { error } = await failure(recipe);
    expect(error.code).toBe("WHEEL_INVALID");
    expect(error.message).toMatch(message);
  });

  function zipOf(members: Parameters<typeof makeZip>[0]): Pick<Wheel, "bytes" | "sha256"> {
    const bytes = makeZip(members);
    return { bytes, sha256: sha256(bytes) };
  }
});

describe("fetching wheels", () => {
  async function fetched(
    files: readonly ServedFile[],
    requirements: string,
    options = {},
    platforms = ["linux/amd64"],
  ) {
    const server = await IndexServer.start(files, options);
    onTestFinished(() => server[Symbol.asyncDispose]());
    const space = await workspace({ "requirements.txt": requirements }, { PIP_INDEX_URL: server.url });
    const run = async (ctx = space.ctx) => {
      const dependencies = await readPythonDependencies(space.project, {}, ctx);
      const selection = await selectPackages(
        dependencies,
        platforms.map((one) => glibcTarget(one)),
        ctx,
      );
      return fetchWheels(selection, platforms.map(parsePlatform), ctx);
    };
    return { server, space, run };
  }
  const wheel = makeWheel({ name: "pkg" });
  const line = `pkg==1.0 --hash=sha256:${wheel.sha256}\n`;

  it.each([true, false])("verifies and caches them by hash (JSON: %s)", async (json) => {
    const { server, space, run } = await fetched([{ project: "pkg", ...wheel }], line, { json });
    const files = await run();
    expect(files["linux/amd64"]).toEqual([
      {
        name: "pkg",
        version: "1.0",
        filename: wheel.filename,
        path: join(space.cache, "python", "wheels", wheel.sha256),
        sha256: wheel.sha256,
        size: wheel.bytes.length,
        neutral: true,
        direct: true,
      },
    ]);
    expect(await run()).toEqual(files);
    expect(server.requests.map(({ path }) => path)).toEqual(["/simple/pkg/", `/files/${wheel.filename}`]);
    expect(readdirSync(join(space.cache, "python", "wheels"))).toEqual([wheel.sha256]);
  });

  it("refuses a file with another hash, and keeps nothing of it", async () => {
    const other = makeWheel({ name: "pkg", files: [{ name: "pkg.py", content: "evil" }] });
    const { space, run } = await fetched(
      [{ project: "pkg", filename: wheel.filename, bytes: other.bytes }],
      line,
    );
    await expect(run()).rejects.toMatchObject({
      code: "HASH_MISMATCH",
      message: expect.stringMatching(
        new RegExp(`^${wheel.filename} .*sha256:${other.sha256}, expected sha256:${wheel.sha256}`),
      ) as string,
    });
    expect(readdirSync(join(space.cache, "python", "wheels"))).toEqual([]);
  });

  it("refuses an index that offers other hashes only", async () => {
    const other = makeWheel({ name: "pkg", files: [{ name: "pkg.py", content: "evil" }] });
    const { run } = await fetched([{ project: "pkg", ...other }], line);
    await expect(run()).rejects.toMatchObject({ code: "HASH_MISMATCH" });
  });

  it("sends credentials to their host only, and never shows them", async () => {
    await using files = await IndexServer.start([{ project: "pkg", ...wheel }]);
    await using server = await IndexServer.start([{ project: "pkg", ...wheel }], {
      login: "me:s3cret",
      intercept: (request, response) => {
        if (!request.url?.startsWith("/files/")) return false;
        // Another port is another origin.
        response.writeHead(302, { location: files.origin + request.url }).end();
        return true;
      },
    });
    const space = await workspace(
      { "requirements.txt": line },
      { PIP_INDEX_URL: server.url.replace("http://", "http://me:s3cret@") },
    );
    const dependencies = await readPythonDependencies(space.project, {}, space.ctx);
    const selection = await selectPackages(dependencies, [glibcTarget("linux/amd64")], space.ctx);
    expect(JSON.stringify(selection)).not.toContain("s3cret");
    await fetchWheels(selection, [parsePlatform("linux/amd64")], space.ctx);
    const login = `Basic ${Buffer.from("me:s3cret").toString("base64")}`;
    expect(server.requests.map(({ authorization }) => authorization)).toEqual([login, login]);
    expect(files.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    const wrong = space.with({ PIP_INDEX_URL: server.url.replace("http://", "http://me:wr0ng@") });
    const error: unknown = await selectPackages(dependencies, [glibcTarget("linux/amd64")], wrong).catch(
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: "NETWORK_ERROR", details: { status: 401 } });
    expect(`${(error as AnyarchError).message} ${(error as AnyarchError).hint}`).not.toContain("wr0ng");
    expect(JSON.stringify(space.events)).not.toContain("s3cret");
  });

  it("tries again after a server's fault and a lost connection", async () => {
    let faults = 0;
    const { run } = await fetched([{ project: "pkg", ...wheel }], line, {
      intercept: (
        ...[request, response]: Parameters<
          NonNullable<Parameters<typeof IndexServer.start>[1]>["intercept"] & {}
        >
      ) => {
        if (faults++ % 2 === 1) return false;
        if (request.url?.startsWith("/files/")) {
          response.writeHead(200, { "content-length": 100_000 });
          response.write("half");
          setTimeout(() => response.destroy(), 20);
        } else response.writeHead(503).end();
        return true;
      },
    });
    expect((await run())["linux/amd64"]).toHaveLength(1);
  });

  it("shares a neutral wheel among platforms, unless one of them has a native one", async () => {
    const both = makeWheel({ name: "mixed" });
    const fast = makeWheel({ name: "mixed", tag: "cp311-cp311-manylinux_2_17_x86_64" });
    const requirements = `pkg==1.0 --hash=sha256:${wheel.sha256}\nmixed==1.0 --hash=sha256:${both.sha256} --hash=sha256:${fast.sha256}\n`;
    const { server, run } = await fetched(
      [
        { project: "pkg", ...wheel },
        { project: "mixed", ...both },
        { project: "mixed", ...fast },
      ],
      requirements,
      {},
      ["linux/amd64", "linux/arm64"],
    );
    const files = await run();
    const short = (platform: string) => files[platform]?.map(({ filename, neutral }) => [filename, neutral]);
    expect(short("linux/amd64")).toEqual([
      [fast.filename, false],
      [wheel.filename, true],
    ]);
    expect(short("linux/arm64")).toEqual([
      [both.filename, false],
      [wheel.filename, true],
    ]);
    expect(server.requests.filter(({ path }) => path.startsWith("/files/"))).toHaveLength(3);
  });
});
