import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureEngines } from "../engines/install.ts";
import { registerQemu } from "../engines/qemu.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, makeWorkspace, root, type RunOptions } from "./anyarch.ts";
import { makeTinyBase } from "./bad-input/tiny-base.ts";
import { machines, prepareExample, sharedCacheDir } from "./example-service.ts";

const engines = await ensureEngines(["node24", "node24-arm64", "qemu"]);

/** What of a build's result is looked at. */
interface Result {
  readonly digest: string;
  readonly platforms: readonly {
    readonly platform: string;
    readonly layers: readonly { readonly base: boolean; readonly cached: boolean }[];
  }[];
}

interface Variation {
  readonly env?: Readonly<Record<string, string>>;
  readonly node?: readonly string[];
  readonly flags?: readonly string[];
  /** Copies the application's files to a place of its own, in whatever way. */
  readonly plant?: (from: string, to: string) => void;
  /** A directory that is made, used and removed. */
  readonly parent?: string;
}

/** Names that sort differently by bytes, by locale, and as Turkish. */
const awkward = ["B.txt", "a.txt", "ä.txt", "_.txt", "ı.txt", "İ2.txt", "z/1.txt", "z.txt", "z-/2.txt"];

/** An application with more files than the example has; removed with the test file. */
function makeApplication(example: string, directory: string): string {
  prepareExample(example, directory);
  for (const name of awkward) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), `${name}\n`);
  }
  mkdirSync(join(directory, "empty"));
  return directory;
}

interface PlantOptions {
  readonly reversed?: boolean;
  /** Of files; directories get execution too. */
  readonly mode?: number;
  /** Seconds since the epoch, of the first file; every other differs. */
  readonly mtime?: number;
}

function plant(from: string, to: string, { reversed = false, mode, mtime }: PlantOptions = {}): void {
  const names = readdirSync(from, { recursive: true, encoding: "utf8" }).sort();
  for (const [index, name] of (reversed ? names.toReversed() : names).entries()) {
    const [source, target] = [join(from, name), join(to, name)];
    mkdirSync(dirname(target), { recursive: true });
    const isDirectory = statSync(source).isDirectory();
    if (isDirectory) mkdirSync(target, { recursive: true });
    else writeFileSync(target, readFileSync(source));
    if (mode !== undefined) chmodSync(target, isDirectory ? mode | 0o100 : mode);
    if (mtime !== undefined) utimesSync(target, mtime + index, mtime + index * 1.5);
  }
}

/**
 * Builds a copy of `application` with an empty cache of layers and blobs: remembered layers would prove nothing.
 * Downloads are shared with other tests.
 */
async function build(application: string, variation: Variation, ...flags: string[]): Promise<Result> {
  using workspace = makeWorkspace();
  const cache = workspace.env["ANYARCH_CACHE_DIR"] ?? "";
  mkdirSync(cache);
  for (const name of ["debian", "python"]) {
    mkdirSync(join(sharedCacheDir(), name), { recursive: true });
    symlinkSync(join(sharedCacheDir(), name), join(cache, name));
  }
  const parent = mkdtempSync(join(variation.parent ?? tmpdir(), "anyarch-place-"));
  try {
    const directory = join(parent, "application");
    (variation.plant ?? plant)(application, directory);
    const options: RunOptions = {
      cwd: workspace.path,
      env: { ...workspace.env, ...variation.env },
      ...(variation.node && { node: variation.node }),
    };
    const args = ["build", directory, ...flags, ...(variation.flags ?? []), "-o", "oci:out", "--format=json"];
    const run = await anyarch([...args, "--progress=quiet"], options);
    expect(run, run.stderr).toMatchObject({ code: 0 });
    const result = JSON.parse(run.stdout) as Result;
    const own = result.platforms.flatMap(({ layers }) => layers.filter(({ base }) => !base));
    expect(own.length).toBeGreaterThan(0);
    expect(own.filter(({ cached }) => cached)).toEqual([]);
    return result;
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
}

const umask = ["/bin/sh", "-c", 'umask 077 && exec "$@"', "sh", process.execPath];
const memory = existsSync("/dev/shm") ? "/dev/shm" : root;

const single: Readonly<Record<string, Variation>> = {
  "nothing else": {},
  "another umask": { node: umask, plant: (from, to) => plant(from, to, { mode: 0o600 }) },
  "another time zone": { env: { TZ: "Pacific/Kiritimati" } },
  "another locale": { env: { LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8", LANGUAGE: "tr" } },
  "another directory and file system": { parent: memory },
  "other modification times": { plant: (from, to) => plant(from, to, { mtime: 1_000_000_000 }) },
  "one job": { flags: ["--jobs", "1"] },
  "many jobs and threads": { flags: ["--jobs", "16"], env: { UV_THREADPOOL_SIZE: "16" } },
  "files made in another order": { parent: memory, plant: (from, to) => plant(from, to, { reversed: true }) },
};

/** All of them at once. */
const everything: Variation = {
  node: umask,
  env: { TZ: "Pacific/Kiritimati", LC_ALL: "tr_TR.UTF-8", LANG: "tr_TR.UTF-8" },
  parent: memory,
  flags: ["--jobs", "1"],
  plant: (from, to) => plant(from, to, { reversed: true, mode: 0o600, mtime: 1_000_000_000 }),
};

describeWith(engines, ["node24"], "004-24 the same index digest", () => {
  let place: string;
  let hello: string;
  let api: string;
  let tiny: string[];
  let plainApi: Promise<Result> | undefined;
  const wide = ["--platform", Object.keys(machines).join(",")];
  const buildApi = (): Promise<Result> => (plainApi ??= build(api, {}, ...wide));

  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), "anyarch-same-"));
    hello = makeApplication("hello-python", join(place, "hello"));
    api = makeApplication("api", join(place, "api"));
    tiny = ["--base-image", await makeTinyBase(join(place, "tiny")), "--platform", "linux/amd64,linux/arm64"];
  });

  afterAll(() => rmSync(place, { recursive: true, force: true }));

  it("004-24 comes of hello-python, whatever is different", async () => {
    const { digest } = await build(hello, {}, ...tiny);
    const digests: Record<string, string> = {};
    for (const [name, variation] of Object.entries(single))
      digests[name] = (await build(hello, variation, ...tiny)).digest;
    digests["Node.js 24"] = (await build(hello, { node: [engines.program("node24")] }, ...tiny)).digest;
    expect(digests).toEqual(Object.fromEntries(Object.keys(digests).map((name) => [name, digest])));
  });

  it("004-24 is another one when a file, its name or whether it is executable changes", async () => {
    const changes: Record<string, (directory: string) => void> = {
      nothing: () => {},
      content: (directory) => writeFileSync(join(directory, "a.txt"), "b.txt\n"),
      name: (directory) => writeFileSync(join(directory, "c.txt"), ""),
      executable: (directory) => chmodSync(join(directory, "app.py"), 0o755),
    };
    const digests = new Set<string>();
    for (const change of Object.values(changes)) {
      const changed = (from: string, to: string): void => {
        plant(from, to);
        change(to);
      };
      digests.add((await build(hello, { plant: changed }, ...tiny)).digest);
    }
    expect(digests.size).toBe(Object.keys(changes).length);
  });

  it("004-24 comes of examples/api for three platforms, built twice and on Node.js 24", async () => {
    const first = await buildApi();
    expect(first.platforms.map(({ platform }) => platform)).toEqual(Object.keys(machines));
    expect((await build(api, everything, ...wide)).digest).toBe(first.digest);
    expect((await build(api, { node: [engines.program("node24")] }, ...wide)).digest).toBe(first.digest);
  });

  describeWith(engines, ["node24-arm64", "qemu"], "on arm64", () => {
    beforeAll(registerQemu);
    const arm64 = (): readonly string[] => [engines.program("node24-arm64")];

    it("004-24 comes of hello-python, with gzip and with zstd", async () => {
      const gzip = await build(hello, {}, ...tiny);
      expect((await build(hello, { node: arm64() }, ...tiny)).digest).toBe(gzip.digest);
      const zstd = [...tiny, "--compression", "zstd"];
      const native = await build(hello, { node: [engines.program("node24")] }, ...zstd);
      expect(native.digest).not.toBe(gzip.digest);
      expect((await build(hello, { node: arm64() }, ...zstd)).digest).toBe(native.digest);
    });

    it("004-24 comes of examples/api for three platforms", { timeout: 600_000 }, async () => {
      const native = await buildApi();
      expect((await build(api, { node: arm64() }, ...wide)).digest).toBe(native.digest);
    });
  });
});
