import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Entry } from "../../src/archive/entry.ts";
import { ContentDigests } from "../../src/assemble/content-digests.ts";
import { openDebianBase } from "../../src/assemble/debian-base.ts";
import { LayerBuilder } from "../../src/assemble/layer-builder.ts";
import { ResultStore } from "../../src/assemble/result-store.ts";
import type { Context } from "../../src/host/context.ts";
import { withFileLock } from "../../src/host/file-lock.ts";
import { createContext, createNodeHost } from "../../src/host/node-host.ts";
import { makeTempDir } from "../../src/host/temp-dir.ts";
import { appendLayers, emptyImage, mutateConfig, type Image } from "../../src/image/image.ts";
import type { RunConfig } from "../../src/oci/image-config.ts";
import { parsePlatform, type Platform } from "../../src/oci/platform.ts";
import { copy } from "../../src/stores/copy.ts";
import { openStore } from "../../src/stores/locations.ts";
import { machineMirror } from "./apt.ts";
import { enginesDirectory, ensureEngines, needEngine } from "./install.ts";
import { startRegistry, type Registry, type RegistryOptions } from "./registry.ts";

interface BaseRecipe {
  /** Of Debian bookworm, beside what they depend on. */
  readonly packages: readonly string[];
  /** What lies on top of them. */
  readonly files?: (platform: Platform) => Promise<readonly Entry[]>;
  readonly config: RunConfig;
  /** Changed with the code of `files`, so that images are made anew. */
  readonly version: number;
}

/** Debian's essential packages, as every Debian image has them, and what Debian's own images add. */
const slim = [
  ..."base-files base-passwd bash bsdutils coreutils dash debianutils diffutils dpkg findutils grep".split(
    " ",
  ),
  ..."gzip hostname init-system-helpers libc-bin login mawk ncurses-base ncurses-bin perl-base sed".split(
    " ",
  ),
  ..."sysvinit-utils tar util-linux apt debian-archive-keyring passwd tzdata".split(" "),
];
/** For C extensions of Python. */
const compiler = ["gcc", "libc6-dev", "libpython3.11-dev"];
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const link = (from: string, target: string): Entry => ({ type: "symlink", path: from, target, mode: 0o777 });

const program = (to: string, file: string): Entry => {
  return { type: "file", path: to, mode: 0o755, size: lstatSync(file).size, content: { file } };
};

/** A directory of the host as entries below `to`. */
function tree(directory: string, to: string): Entry[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((item): Entry[] => {
    const file = join(directory, item.name);
    const at = `${to}/${item.name}`;
    if (item.isDirectory()) return [{ type: "directory", path: at, mode: 0o755 }, ...tree(file, at)];
    if (item.isSymbolicLink()) return [link(at, readlinkSync(file))];
    const { size, mode } = lstatSync(file);
    return [{ type: "file", path: at, mode: mode & 0o111 ? 0o755 : 0o644, size, content: { file } }];
  });
}

/** apt's sources of this machine's mirror: they are in the image that stays on this machine, and nowhere else. */
function debianFiles(): Promise<readonly Entry[]> {
  const { uri } = machineMirror();
  const signed = "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg";
  const suites = ["bookworm", "bookworm-updates"].map((suite) => `deb [${signed}] ${uri} ${suite} main\n`);
  const bytes = Buffer.from(suites.join(""));
  const content = { size: bytes.length, content: { bytes } };
  return Promise.resolve([{ type: "file", path: "etc/apt/sources.list", mode: 0o644, ...content }]);
}

async function busyboxFiles({ architecture }: Platform): Promise<readonly Entry[]> {
  const engine = await needEngine("busybox");
  const file = join(engine.root("busybox"), architecture, "bin/busybox");
  const applets = spawnSync(engine.program("busybox-amd64"), ["--list"], { encoding: "utf8" }).stdout;
  const users = Buffer.from("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n");
  const names = applets.split("\n").filter((name) => name !== "" && name !== "busybox");
  return [
    program("bin/busybox", file),
    ...names.map((name) => link(`bin/${name}`, "busybox")),
    { type: "file", path: "etc/passwd", mode: 0o644, size: users.length, content: { bytes: users } },
    ...["dev", "proc", "sys", "root"].map((name): Entry => ({ type: "directory", path: name, mode: 0o755 })),
    { type: "directory", path: "tmp", mode: 0o1777 },
  ];
}

async function nodeFiles({ architecture }: Platform): Promise<readonly Entry[]> {
  const name = architecture === "arm64" ? "node24-arm64" : "node24";
  const engines = await ensureEngines([name, "npm"]);
  return [
    ...(await debianFiles()),
    program("usr/local/bin/node", join(engines.root(name), "package/bin/node")),
    ...tree(join(engines.root("npm"), "package"), "usr/local/lib/node_modules/npm"),
    link("usr/local/bin/npm", "../lib/node_modules/npm/bin/npm-cli.js"),
    link("usr/local/bin/npx", "../lib/node_modules/npm/bin/npx-cli.js"),
  ];
}

/** Docker's image has a Python of its own; Debian's refuses pip outside of virtual environments by a marker file. */
async function pythonFiles(): Promise<readonly Entry[]> {
  const nothing = { size: 0, content: { bytes: Buffer.alloc(0) } };
  const hidden = "usr/lib/python3.11/.wh.EXTERNALLY-MANAGED";
  return [
    ...(await debianFiles()),
    link("usr/local/bin/python", "/usr/bin/python3"),
    { type: "file", path: hidden, mode: 0o644, ...nothing },
  ];
}

const recipes = {
  "busybox:stable": {
    packages: [],
    files: busyboxFiles,
    config: { Env: [path], Cmd: ["sh"] },
    version: 1,
  },
  "debian:bookworm-slim": {
    packages: slim,
    files: debianFiles,
    config: { Env: [path], Cmd: ["bash"] },
    version: 2,
  },
  "python:3.11-slim": {
    packages: [...slim, "ca-certificates", "python3", "python3-pip", "python3-venv"],
    files: pythonFiles,
    config: { Env: [path, "LANG=C.UTF-8"], Cmd: ["python3"] },
    version: 2,
  },
  "python:3.11": {
    packages: ["dash", "python3", "python3-pip", ...compiler],
    files: () => Promise.resolve([link("usr/bin/cc", "gcc")]),
    config: { Env: [path, "LANG=C.UTF-8"], Cmd: ["python3"] },
    version: 1,
  },
  "node:24-slim": {
    packages: [...slim, "ca-certificates", "libstdc++6"],
    files: nodeFiles,
    config: { Env: [path], Cmd: ["node"] },
    version: 2,
  },
  "golang:1-bookworm": {
    packages: [...slim, "ca-certificates", "golang-go"],
    files: debianFiles,
    config: { Env: [path, "GOPATH=/go"], Cmd: ["bash"], WorkingDir: "/go" },
    version: 2,
  },
} as const satisfies Readonly<Record<string, BaseRecipe>>;

/** As in Docker Hub's `library/`; for linux/amd64 and linux/arm64. */
export type BaseImageName = keyof typeof recipes;

const platforms = ["linux/amd64", "linux/arm64"].map(parsePlatform);

function fingerprint(name: BaseImageName): string {
  const { packages, config, version }: BaseRecipe = recipes[name];
  const content = JSON.stringify({ format: 1, name, packages, config, version });
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}

async function makeImages(name: BaseImageName, directory: string, ctx: Context): Promise<Image[]> {
  const { packages, files, config }: BaseRecipe = recipes[name];
  const created = "1970-01-01T00:00:00Z";
  const digests = new ContentDigests(ctx.host.cacheDir, name);
  const builder = new LayerBuilder({ compression: "gzip", mtime: 0, remember: true, jobs: 2 }, digests);
  const options = { stores: {}, debian: undefined, directory, updateLock: false, created };
  const location = `deb:bookworm/${packages.join(",")}`;
  const opened =
    packages.length === 0 ? [] : await (await openDebianBase(location, options, ctx)).open(platforms, ctx);
  return Promise.all(
    platforms.map(async (platform, index) => {
      const debian = opened[index];
      if (debian instanceof Error) throw debian;
      const bottom = debian === undefined ? emptyImage(platform) : (await debian.image(builder, ctx)).image;
      const entries = (await files?.(platform)) ?? [];
      const layers = entries.length === 0 ? [] : [{ name: "files", neutral: false, entries }];
      const added = await Promise.all(layers.map((layer) => builder.build(layer, undefined, ctx)));
      const history = { created, created_by: name };
      const image = appendLayers(
        bottom,
        added.map(({ layer }) => ({ layer, history })),
      );
      return mutateConfig(image, (whole) => ({ ...whole, created, config }));
    }),
  );
}

async function provide(name: BaseImageName, directory: string, ctx: Context): Promise<void> {
  const done = join(directory, `${fingerprint(name)}.done`);
  if (existsSync(done)) return;
  await withFileLock(join(directory, `${fingerprint(name)}.lock`), ctx, async () => {
    if (existsSync(done)) return;
    await using temp = await makeTempDir();
    const images = await makeImages(name, temp.path, ctx);
    const from = new ResultStore(images, {
      annotations: {},
      baseLayers: new Set(),
      mountSource: () => undefined,
    });
    await using registry = await startRegistry({ storage: join(directory, "storage") });
    await using opened = await openStore(`docker://${registry.host}/library/${name}`, {}, ctx);
    const { store: to, reference } = opened;
    await copy({ from, to, descriptor: from.descriptor, references: [reference] }, ctx);
    await writeFile(done, "");
  });
}

/**
 * A read-only registry that holds base images as `library/NAME:TAG`, made of Debian's packages (and npm's of Node.js):
 * the mirror of docker.io for nodes, so that ordinary `FROM python:3.11-slim` lines work. The images are made once per
 * machine and recipe, in the engines' directory, and only those that are asked for.
 */
export async function startBaseRegistry(
  names: readonly BaseImageName[],
  options: Omit<RegistryOptions, "storage" | "readOnly"> = {},
): Promise<Registry> {
  const directory = join(enginesDirectory(), "base-images");
  await mkdir(directory, { recursive: true });
  const missing = names.filter((name) => !existsSync(join(directory, `${fingerprint(name)}.done`)));
  if (missing.length > 0) {
    // Gigabytes: kept only as long as several images may share them.
    await using cache = await makeTempDir();
    const host = createNodeHost({ cacheDir: cache.path });
    try {
      for (const name of missing) await provide(name, directory, createContext(host));
    } finally {
      await host.close();
    }
  }
  return await startRegistry({ ...options, storage: join(directory, "storage"), readOnly: true });
}
