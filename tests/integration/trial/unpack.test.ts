import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import type { Image } from "../../../src/image/image.ts";
import { LayoutStore } from "../../../src/stores/layout-store.ts";
import { loadIndexOrImage } from "../../../src/stores/load.ts";
import { unpackImage } from "../../../src/trial/unpack-image.ts";
import { umoci } from "../../engines/clients.ts";
import { ensureEngines } from "../../engines/install.ts";
import { describeWith } from "../../engines/suites.ts";
import { scratch } from "../../unit/archive/tree.ts";
import { type RawEntry, rawTar, writeRawLayout } from "./raw-layers.ts";

const engines = await ensureEngines(["umoci"]);
const isRoot = process.getuid?.() === 0;

/** Unpacks the layers into `directory`/rootfs with our code. */
async function unpack(
  directory: string,
  layers: readonly Buffer[],
  diffIDs?: readonly string[],
): Promise<string> {
  const host = createNodeHost();
  try {
    const ctx = createContext(host);
    writeRawLayout(join(directory, "layout"), layers, diffIDs && { diffIDs });
    const store = new LayoutStore(join(directory, "layout"));
    const image = (await loadIndexOrImage(store, "t", ctx)) as Image;
    const rootfs = join(directory, "rootfs");
    await unpackImage(image, rootfs, ctx);
    return rootfs;
  } finally {
    await host.close();
  }
}

/** All that a layer says of files; files that are one have the same number. */
function treeOf(root: string): Record<string, unknown> {
  const numbers = new Map<number, number>();
  return Object.fromEntries(
    readdirSync(root, { recursive: true, encoding: "utf8" })
      .sort()
      .map((path) => {
        const full = join(root, path);
        const { mode, uid, gid, mtimeMs, ino, ...info } = lstatSync(full);
        const owner = isRoot ? `${uid}:${gid}` : "";
        const same = numbers.get(ino) ?? numbers.size;
        numbers.set(ino, same);
        if (lstatSync(full).isSymbolicLink()) return [path, { link: readlinkSync(full), owner }];
        const time = lstatSync(full).isDirectory() ? 0 : mtimeMs;
        const content = lstatSync(full).isFile() ? readFileSync(full, "utf8") : undefined;
        return [path, { mode: mode.toString(8), owner, time, content, links: info.nlink, same }];
      }),
  );
}

const numRuns = 80;
const name = fc.constantFrom("a", "b", "c", "d");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const owner = { uid: fc.constantFrom(0, 7, 1000), gid: fc.constantFrom(0, 9) };
const entry: fc.Arbitrary<RawEntry> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      path,
      type: fc.constant("file"),
      content: fc.string({ maxLength: 5 }),
      mode: fc.constantFrom(0o644, 0o755, 0o4755, 0o600),
      mtime: fc.integer({ min: 1, max: 9 }),
      ...owner,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      path,
      type: fc.constant("directory"),
      mode: fc.constantFrom(0o755, 0o700, 0o1777),
      ...owner,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      path,
      type: fc.constant("symlink"),
      target: fc.oneof(
        name,
        path.map((to) => `/${to}`),
      ),
      mode: fc.constant(0o777),
    }),
  },
  {
    weight: 3,
    arbitrary: path.map((to): RawEntry => ({ path: to.replace(/[^/]+$/, ".wh.$&"), type: "file" })),
  },
  { weight: 1, arbitrary: path.map((to): RawEntry => ({ path: `${to}/.wh..wh..opq`, type: "file" })) },
);

/** As tools write layers: each path once, directories first, no entry below what is none, whiteouts of what isn't there. */
function wellFormed(entries: readonly RawEntry[]): RawEntry[] {
  const kept = new Map<string, RawEntry>();
  for (const one of entries) {
    const hidden = one.path.replace(/\.wh\.(?!\.wh\.)/, "");
    const parents = one.path.split("/").map((_, index, parts) => parts.slice(0, index).join("/"));
    const blocked = parents.some((parent) => {
      const type = kept.get(parent)?.type;
      return (type !== undefined && type !== "directory") || kept.has(parent.replace(/[^/]+$/, ".wh.$&"));
    });
    const below = [...kept.keys()].some(
      (other) => other.startsWith(`${hidden}/`) && one.type !== "directory",
    );
    const twin = kept.has(hidden) || kept.has(hidden.replace(/[^/]+$/, ".wh.$&"));
    if (!blocked && !below && !twin && !kept.has(one.path)) kept.set(one.path, one);
  }
  const files = [...kept.values()].filter(({ type, path: at }) => type === "file" && !at.includes(".wh."));
  const links = files
    .slice(0, 2)
    .map(({ path: target }, index): RawEntry => ({ path: `link${index}`, type: "hardlink", target }));
  return [...kept.values()].sort((x, y) => (x.path < y.path ? -1 : 1)).concat(links);
}

describeWith(engines, ["umoci"], "unpacking layers, held against umoci", () => {
  it.runIf(isRoot)(
    "gives the same files for random layers with whiteouts, links, modes and owners",
    async () => {
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(entry, { maxLength: 12 }), { minLength: 1, maxLength: 4 }),
          async (drawn) => {
            using dir = scratch();
            const layers = drawn.map((entries) => rawTar(wellFormed(entries)));
            const result = await unpack(dir.path, layers).catch((error: unknown) => error as Error);
            const bundle = join(dir.path, "bundle");
            const judge = await umoci(["unpack", "--image", `${join(dir.path, "layout")}:t`, bundle], {
              anyExit: true,
            });
            if (result instanceof Error) expect(judge.code, result.message).not.toBe(0);
            else if (judge.code === 0) {
              compared++;
              expect(treeOf(result)).toEqual(treeOf(join(bundle, "rootfs")));
            }
          },
        ),
        { numRuns },
      );
      // It refuses some layers that leave out a directory which takes a file's place.
      expect(compared).toBeGreaterThan(numRuns / 2);
    },
  );
});

const evil = { uid: 0, gid: 0, mode: 0o644 } as const;

/** Layers, lowest first, that try to reach out of the root; OUTSIDE is a directory beside it. */
const hostile: Readonly<Record<string, readonly (readonly RawEntry[])[]>> = {
  "a path with ..": [[{ path: "../OUTSIDE/x", type: "file", content: "x", ...evil }]],
  "a path with .. in its middle": [[{ path: "a/../../OUTSIDE/x", type: "file", content: "x", ...evil }]],
  "a link that climbs, and a file through it": [
    [
      { path: "l", type: "symlink", target: "../OUTSIDE", ...evil },
      { path: "l/x", type: "file", content: "x", ...evil },
    ],
  ],
  "the same in two layers": [
    [{ path: "l", type: "symlink", target: "a/../../OUTSIDE", ...evil }],
    [{ path: "l/x", type: "file", content: "x", ...evil }],
  ],
  "a hard link to a file outside": [[{ path: "h", type: "hardlink", target: "../OUTSIDE/secret", ...evil }]],
  "a hard link through a link": [
    [
      { path: "l", type: "symlink", target: "../OUTSIDE", ...evil },
      { path: "h", type: "hardlink", target: "l/secret", ...evil },
    ],
  ],
  "a whiteout of ..": [[{ path: "a/.wh...", type: "file", ...evil }]],
  "a whiteout through a link": [
    [{ path: "l", type: "symlink", target: "../OUTSIDE", ...evil }],
    [{ path: "l/.wh.secret", type: "file", ...evil }],
  ],
  "an opaque mark through a link": [
    [{ path: "l", type: "symlink", target: "../OUTSIDE", ...evil }],
    [{ path: "l/.wh..wh..opq", type: "file", ...evil }],
  ],
  "links in a circle": [
    [
      { path: "l", type: "symlink", target: "m", ...evil },
      { path: "m", type: "symlink", target: "l", ...evil },
      { path: "l/x", type: "file", content: "x", ...evil },
    ],
  ],
  "a file in the root's place": [
    [
      { path: "./", type: "file", ...evil },
      { path: ".", type: "symlink", target: "/", ...evil },
    ],
  ],
};

describe("unpacking hostile layers", () => {
  it.each(Object.entries(hostile))("refuses %s", async (_, layers) => {
    using dir = scratch();
    const outside = join(dir.path, "OUTSIDE");
    mkdirSync(outside);
    writeFileSync(join(outside, "secret"), "secret");
    const attempt = unpack(dir.path, layers.map(rawTar));
    await expect(attempt).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
    expect(readdirSync(outside)).toEqual(["secret"]);
    expect(lstatSync(join(outside, "secret")).nlink).toBe(1);
    expect(readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
  });

  it("takes absolute paths and links for the image's own", async () => {
    using dir = scratch();
    const rootfs = await unpack(dir.path, [
      rawTar([
        { path: "etc", type: "symlink", target: join(dir.path, "OUTSIDE") },
        { path: "/etc/x", type: "file", content: "x" },
        { path: "h", type: "hardlink", target: "/etc/x" },
      ]),
    ]);
    expect(readFileSync(join(rootfs, dir.path, "OUTSIDE/x"), "utf8")).toBe("x");
    expect(lstatSync(join(rootfs, "h")).nlink).toBe(2);
  });

  it("refuses a layer that isn't what the config says", async () => {
    using dir = scratch();
    const attempt = unpack(dir.path, [rawTar([{ path: "a", type: "file" }])], [`sha256:${"0".repeat(64)}`]);
    await expect(attempt).rejects.toMatchObject({ code: "DIGEST_MISMATCH" });
  });

  it("leaves devices out, and a link that is written over is gone before", async () => {
    using dir = scratch();
    writeFileSync(join(dir.path, "victim"), "whole");
    const rootfs = await unpack(dir.path, [
      rawTar([
        { path: "null", type: "device" },
        { path: "f", type: "symlink", target: join(dir.path, "victim") },
      ]),
      rawTar([{ path: "f", type: "file", content: "new" }]),
    ]);
    expect(readdirSync(rootfs)).toEqual(["f"]);
    expect(readFileSync(join(rootfs, "f"), "utf8")).toBe("new");
    expect(readFileSync(join(dir.path, "victim"), "utf8")).toBe("whole");
  });

  it.runIf(isRoot && spawnSync("python3", ["-V"]).status === 0)(
    "sets extended attributes, binary ones too",
    async () => {
      using dir = scratch();
      const capability = Buffer.from("0100000200200000000000000000000000000000", "hex");
      const rootfs = await unpack(dir.path, [
        rawTar([
          {
            path: "ping",
            type: "file",
            mode: 0o755,
            pax: { "SCHILY.xattr.security.capability": capability },
          },
        ]),
      ]);
      const read = "import os,sys; print(os.getxattr(sys.argv[1],'security.capability').hex())";
      const { stdout } = spawnSync("python3", ["-c", read, join(rootfs, "ping")], { encoding: "utf8" });
      expect(stdout.trim()).toBe(capability.toString("hex"));
    },
  );
});
