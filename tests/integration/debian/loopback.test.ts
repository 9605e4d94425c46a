import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { writeLayer } from "../../../src/archive/write-layer.ts";
import type { BuildEvent } from "../../../src/events/event.ts";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { debianLayers, type DebianLayers } from "../../../src/packages/debian/layers.ts";
import type { DebianRequest } from "../../../src/packages/debian/request.ts";
import { resolveDebian } from "../../../src/packages/debian/resolve.ts";
import { file, type LoopbackArchive, startArchive, type TestPackage } from "./loopback-archive.ts";

const amd64 = parsePlatform("linux/amd64");
const arm64 = parsePlatform("linux/arm64");

function native(architecture: string): TestPackage[] {
  return [
    {
      name: "app",
      version: "1:2.0-1",
      architecture,
      fields: { Depends: "libx (>= 1), data", "Multi-Arch": "foreign" },
      control: {
        conffiles: "/etc/app.conf\n",
        triggers: "interest-noawait /usr/share/data\n",
        postinst:
          "#!/bin/sh\nupdate-alternatives --install /usr/bin/tool tool /usr/bin/app 10 \\\n  --slave /usr/bin/tool2 tool2 /usr/bin/absent\n",
        md5sums: "",
      },
      entries: [
        { type: "directory", path: "bin", mode: 0o755 },
        file("bin/app", `${architecture}\n`, 0o4755),
        { type: "hardlink", path: "bin/app-again", mode: 0o4755, target: "bin/app" },
        { type: "directory", path: "etc", mode: 0o755 },
        file("etc/app.conf", "key = value\n"),
        { type: "directory", path: "var", mode: 0o755 },
        { type: "directory", path: "var/cache", mode: 0o755 },
        { type: "directory", path: "var/cache/app", mode: 0o2775, gid: 8 },
      ],
    },
    {
      name: "libx",
      version: "1.0",
      architecture,
      fields: { "Multi-Arch": "same" },
      entries: [
        { type: "directory", path: "lib64", mode: 0o755 },
        file("lib64/libx.so.1", architecture),
        { type: "symlink", path: "lib64/libx.so", mode: 0o777, target: "libx.so.1" },
      ],
    },
  ];
}

const packages: readonly TestPackage[] = [
  ...native("amd64"),
  ...native("arm64"),
  {
    name: "data",
    version: "3",
    architecture: "all",
    entries: [
      { type: "directory", path: "lib", mode: 0o755 },
      { type: "directory", path: "lib/data", mode: 0o700 },
      file("lib/data/table", "1 2 3\n"),
    ],
  },
];

describe("a Debian archive on loopback", () => {
  let temp: TempDir;
  let archive: LoopbackArchive;
  let host: ReturnType<typeof createNodeHost>;
  let ctx: Context;
  let events: BuildEvent[];
  let request: DebianRequest;

  beforeEach(async () => {
    temp = await makeTempDir();
    archive = await startArchive({ packages, architectures: ["amd64", "arm64"] });
    host = createNodeHost({ cacheDir: join(temp.path, "cache"), env: { ...process.env, http_proxy: "" } });
    events = [];
    ctx = createContext(host, { emit: (event) => events.push(event) });
    const source = { uri: archive.uri, suites: ["test"], components: ["main"], signedBy: archive.publicKey };
    request = { suite: "test", packages: ["app"], mirrors: [source] };
  });
  afterEach(async () => {
    await host.close();
    await archive[Symbol.asyncDispose]();
    await temp[Symbol.asyncDispose]();
  });

  async function build(platform = amd64): Promise<DebianLayers> {
    const lock = await resolveDebian(request, [platform], ctx);
    return debianLayers(lock, platform, ctx, { mirrors: request.mirrors ?? [] });
  }

  async function unpack(layers: DebianLayers, name: string): Promise<{ root: string; diffIDs: string[] }> {
    const root = join(temp.path, name);
    await mkdir(root);
    const diffIDs: string[] = [];
    for (const [index, layer] of layers.layers.entries()) {
      const destination = join(temp.path, `${name}-${index}.tar`);
      const written = await writeLayer(layer.entries, { destination, compression: "none" });
      diffIDs.push(written.diffID);
      execFileSync("tar", ["-xpf", destination, "-C", root, "--no-same-owner"]);
    }
    return { root, diffIDs };
  }

  it("becomes a merged tree with dpkg's database", async () => {
    const layers = await build();
    const { root } = await unpack(layers, "amd64");
    expect(await readlink(join(root, "bin"))).toBe("usr/bin");
    expect(await readlink(join(root, "lib64"))).toBe("usr/lib64");
    expect(await readFile(join(root, "bin/app-again"), "utf8")).toBe("amd64\n");
    expect((await stat(join(root, "usr/bin/app"))).mode & 0o7777).toBe(0o4755);
    expect((await stat(join(root, "usr/bin/app"))).nlink).toBe(2);
    expect((await stat(join(root, "var/cache/app"))).mode & 0o7777).toBe(0o2775);
    expect((await stat(join(root, "usr/lib/data"))).mode & 0o7777).toBe(0o700);
    expect((await stat(join(root, "tmp"))).mode & 0o7777).toBe(0o1777);
    expect(await readFile(join(root, "lib/data/table"), "utf8")).toBe("1 2 3\n");
    expect(await readFile(join(root, "lib64/libx.so"), "utf8")).toBe("amd64");
    expect(await readlink(join(root, "usr/bin/tool"))).toBe("/etc/alternatives/tool");
    expect(await readlink(join(root, "etc/alternatives/tool"))).toBe("/usr/bin/app");
    expect(await readdir(join(root, "etc/alternatives"))).toEqual(["tool"]);
    const database = join(root, "var/lib/dpkg");
    expect(await readFile(join(database, "status"), "utf8")).toContain(
      "Package: app\nStatus: install ok installed\nVersion: 1:2.0-1\nArchitecture: amd64\n",
    );
    const md5 = execFileSync("md5sum", [join(root, "etc/app.conf")], { encoding: "utf8" }).slice(0, 32);
    expect(await readFile(join(database, "status"), "utf8")).toContain(
      `Conffiles:\n /etc/app.conf ${md5}\nDescription: made for a test`,
    );
    expect(await readFile(join(database, "info/libx:amd64.list"), "utf8")).toBe(
      "/.\n/lib64\n/lib64/libx.so\n/lib64/libx.so.1\n",
    );
    expect(await readFile(join(database, "triggers/File"), "utf8")).toBe("/usr/share/data app/noawait\n");
    expect(layers.notes).toEqual([
      { package: "app", scripts: ["postinst"], handled: "alternatives set: tool." },
    ]);
    expect(layers.env["PATH"]).toContain("/usr/bin");
    expect(layers.facts).toEqual({});
  });

  it("shares the neutral layer between platforms and is the same each time", async () => {
    const first = await unpack(await build(amd64), "amd64");
    const other = await unpack(await build(arm64), "arm64");
    const again = await unpack(await build(amd64), "again");
    expect(first.diffIDs).toHaveLength(2);
    expect(other.diffIDs[0]).toBe(first.diffIDs[0]);
    expect(other.diffIDs[1]).not.toBe(first.diffIDs[1]);
    expect(again.diffIDs).toEqual(first.diffIDs);
  });

  it("downloads nothing twice and asks for InRelease conditionally", async () => {
    await build();
    archive.requests.length = 0;
    await build();
    expect(archive.requests).toEqual(["dists/test/InRelease"]);
    expect(events.filter((event) => event.type === "task.finished").map((event) => event.status)).toEqual([
      "done",
      "done",
      "done",
      "cached",
    ]);
  });

  it("reuses a lock without looking at the indices, and adds platforms to it", async () => {
    const lock = await resolveDebian(request, [amd64], ctx);
    archive.requests.length = 0;
    const same = await resolveDebian(request, [amd64], ctx, { lock });
    expect(same).toEqual(lock);
    expect(archive.requests).toEqual([]);
    const more = await resolveDebian(request, [amd64, arm64], ctx, { lock });
    expect(Object.keys(more.architectures).sort()).toEqual(["amd64", "arm64"]);
    const other = { ...request, packages: ["app", "libx"] };
    await expect(resolveDebian(other, [amd64], ctx, { lock })).rejects.toMatchObject({
      code: "LOCK_OUTDATED",
    });
    await expect(debianLayers(lock, arm64, ctx)).rejects.toMatchObject({ code: "LOCK_OUTDATED" });
  });

  it("says when a locked version is gone from the mirror", async () => {
    const lock = await resolveDebian(request, [amd64], ctx);
    archive.files.delete("pool/main/app_2.0-1_amd64.deb");
    const made = debianLayers(lock, amd64, ctx, { mirrors: request.mirrors ?? [] });
    await expect(made).rejects.toMatchObject({
      code: "DEBIAN_PACKAGE_MISSING",
      message: expect.stringContaining("app 1:2.0-1"),
      hint: expect.stringContaining("--update-lock"),
    });
  });

  it("refuses a changed InRelease", async () => {
    const path = "dists/test/InRelease";
    const text = archive.files.get(path)?.toString() ?? "";
    archive.files.set(path, Buffer.from(text.replace("Origin: Debian", "Origin: Mallory")));
    await expect(build()).rejects.toMatchObject({ code: "DEBIAN_SIGNATURE" });
    archive.files.set(path, Buffer.from("<html>log in first</html>"));
    await expect(build()).rejects.toMatchObject({ code: "DEBIAN_SIGNATURE" });
    archive.files.set(path, Buffer.from(`Origin: Mallory\n${text}`));
    await expect(build()).rejects.toMatchObject({ code: "DEBIAN_SIGNATURE" });
  });

  it("refuses an InRelease by another key, without any key, or past its time", async () => {
    const [source] = request.mirrors ?? [];
    await using other = await startArchive({ packages: [], architectures: ["amd64"] });
    const foreign = { ...request, mirrors: [{ ...source!, signedBy: other.publicKey }] };
    await expect(resolveDebian(foreign, [amd64], ctx)).rejects.toMatchObject({
      code: "DEBIAN_SIGNATURE",
      message: expect.stringContaining("which isn't in Signed-By"),
    });
    const missing = { ...request, mirrors: [{ ...source!, signedBy: "/nowhere/keyring.gpg" }] };
    await expect(resolveDebian(missing, [amd64], ctx)).rejects.toMatchObject({ code: "DEBIAN_SIGNATURE" });

    await using stale = await startArchive({
      packages,
      architectures: ["amd64"],
      release: { "Valid-Until": "Thu, 08 Jan 2026 00:00:00 UTC" },
    });
    const old = { ...source!, uri: stale.uri, signedBy: stale.publicKey };
    await expect(resolveDebian({ ...request, mirrors: [old] }, [amd64], ctx)).rejects.toMatchObject({
      code: "DEBIAN_SIGNATURE",
      message: expect.stringContaining("expired"),
    });
    const allowed = { ...request, mirrors: [{ ...old, checkValidUntil: false }] };
    expect(Object.keys((await resolveDebian(allowed, [amd64], ctx)).architectures)).toEqual(["amd64"]);
  });

  it("refuses the Release file of another suite in the place of the wanted one", async () => {
    archive.files.set("dists/newer/InRelease", archive.files.get("dists/test/InRelease")!);
    const mirrors = (request.mirrors ?? []).map((source) => ({ ...source, suites: ["newer"] }));
    await expect(resolveDebian({ ...request, suite: "newer", mirrors }, [amd64], ctx)).rejects.toMatchObject({
      code: "DEBIAN_SIGNATURE",
      message: expect.stringContaining("signed for test, not for newer"),
    });
  });

  it("reads keyrings from files, armored or binary", async () => {
    const { readKey } = await import("openpgp");
    const key = await readKey({ armoredKey: archive.publicKey });
    const [source] = request.mirrors ?? [];
    for (const [name, content] of [
      ["key.asc", archive.publicKey],
      ["key.gpg", key.write()],
    ] as const) {
      const path = join(temp.path, name);
      await writeFile(path, content);
      const lock = await resolveDebian(
        { ...request, mirrors: [{ ...source!, signedBy: path }] },
        [amd64],
        ctx,
      );
      expect(lock.architectures["amd64"]?.map((one) => one.name)).toEqual(["app", "data", "libx"]);
    }
  });

  it("refuses changed Packages and .deb files", async () => {
    const index = "dists/test/main/binary-amd64/Packages.gz";
    const good = archive.files.get(index)!;
    const bad = Buffer.from(good);
    bad[bad.length - 1]! ^= 1;
    archive.files.set(index, bad);
    await expect(build()).rejects.toMatchObject({ code: "HASH_MISMATCH" });
    archive.files.set(index, good);

    const deb = "pool/main/data_3_all.deb";
    const changed = Buffer.from(archive.files.get(deb)!);
    changed[100]! ^= 1;
    archive.files.set(deb, changed);
    await expect(build()).rejects.toMatchObject({
      code: "HASH_MISMATCH",
      message: expect.stringContaining("data_3_all.deb"),
    });
    expect(await readdir(join(temp.path, "cache/debian/debs"))).toEqual([]);
  });

  it("survives a faulty network and follows redirects", async () => {
    const failures = new Map<string, number>();
    archive.intercept = (incoming, response) => {
      const path = incoming.url ?? "";
      const count = (failures.get(path) ?? 0) + 1;
      failures.set(path, count);
      if (count === 1) response.writeHead(503).end();
      else if (count === 2 && path.endsWith(".deb")) {
        response.writeHead(200, { "content-length": 1_000_000 });
        response.write("short");
        setTimeout(() => response.destroy(), 5);
      } else if (path.includes("libx") && !path.includes("?")) {
        response.writeHead(302, { location: `${path}?moved` }).end();
      } else if (path.endsWith("?moved")) {
        response.end(archive.files.get(path.slice("/debian/".length, -"?moved".length)));
      } else return false;
      return true;
    };
    const layers = await build();
    expect(layers.layers[1]?.entries.some((entry) => entry.path === "usr/lib64/libx.so.1")).toBe(true);
  }, 20_000);

  it("names what isn't there", async () => {
    await expect(resolveDebian({ ...request, suite: "gone" }, [amd64], ctx)).rejects.toMatchObject({
      code: "DEBIAN_SOURCE_MISSING",
      hint: expect.stringContaining("--base-image"),
    });
    await expect(resolveDebian({ ...request, packages: ["appp"] }, [amd64], ctx)).rejects.toMatchObject({
      code: "DEBIAN_PACKAGE_MISSING",
    });
    await expect(resolveDebian(request, [parsePlatform("linux/arm/v6")], ctx)).rejects.toMatchObject({
      code: "BASE_PLATFORM_MISSING",
      message: expect.stringContaining("needs Debian's armel"),
      hint: expect.stringContaining("armhf needs ARMv7"),
    });
    const empty = createContext(createNodeHost({ env: { ANYARCH_APT_ROOT: join(temp.path, "none") } }));
    await expect(resolveDebian({ suite: "bookworm", packages: ["a"] }, [amd64], empty)).rejects.toMatchObject(
      {
        code: "DEBIAN_SOURCE_MISSING",
      },
    );
  });

  it("ends cleanly when cancelled", async () => {
    const controller = new AbortController();
    archive.intercept = (incoming) => {
      if (incoming.url?.endsWith(".deb") !== true) return false;
      controller.abort();
      return true;
    };
    const cancelled = createContext(host, { signal: controller.signal });
    const lock = await resolveDebian(request, [amd64], cancelled);
    await expect(
      debianLayers(lock, amd64, cancelled, { mirrors: request.mirrors ?? [] }),
    ).rejects.toMatchObject({ name: "AbortError" });
    expect(await readdir(join(temp.path, "cache/debian")).then((names) => names.includes("unpacked"))).toBe(
      false,
    );
  });
});

describe("packages with the same file", () => {
  const shared = (name: string, text: string, fields: Record<string, string> = {}): TestPackage => ({
    name,
    version: "1",
    architecture: "amd64",
    fields,
    entries: [{ type: "directory", path: "opt", mode: 0o755 }, file("opt/f", text)],
  });

  async function opt(list: readonly TestPackage[]): Promise<{ text: string; owners: string[] }> {
    await using temp = await makeTempDir();
    await using archive = await startArchive({ packages: list, architectures: ["amd64"] });
    const host = createNodeHost({ cacheDir: temp.path });
    try {
      const ctx = createContext(host);
      const mirrors = [
        { uri: archive.uri, suites: ["test"], components: ["main"], signedBy: archive.publicKey },
      ];
      const names = list.map((one) => one.name);
      const lock = await resolveDebian({ suite: "test", packages: names, mirrors }, [amd64], ctx);
      const { layers } = await debianLayers(lock, amd64, ctx, { mirrors });
      const entries = layers.flatMap((layer) => layer.entries);
      const read = async (path: string): Promise<string> => {
        const entry = entries.find((one) => one.path === path);
        if (entry?.type !== "file") throw new Error(`${path} is no file`);
        if ("bytes" in entry.content) return Buffer.from(entry.content.bytes).toString();
        const data = await readFile(entry.content.file);
        return data.toString("utf8", entry.content.offset, (entry.content.offset ?? 0) + entry.size);
      };
      const owners: string[] = [];
      for (const name of names) {
        if ((await read(`var/lib/dpkg/info/${name}.list`)).includes("/opt/f")) owners.push(name);
      }
      return { text: await read("opt/f"), owners };
    } finally {
      await host.close();
    }
  }

  it("is the one that Replaces, whichever comes first", async () => {
    expect(await opt([shared("a", "a", { Replaces: "b (<< 2)" }), shared("b", "b")])).toEqual({
      text: "a",
      owners: ["a"],
    });
    expect(await opt([shared("a", "a"), shared("b", "b", { Replaces: "a" })])).toEqual({
      text: "b",
      owners: ["b"],
    });
  });

  it("is an error unless the files are equal", async () => {
    await expect(opt([shared("a", "a"), shared("b", "b", { Replaces: "a (<< 1)" })])).rejects.toMatchObject({
      code: "DEBIAN_UNSATISFIABLE",
      message: expect.stringContaining("/opt/f"),
    });
    expect((await opt([shared("a", "same"), shared("b", "same")])).text).toBe("same");
  });
});
