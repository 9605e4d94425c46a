import { createHash } from "node:crypto";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { anyarch, makeWorkspace, type Run, type Workspace } from "./anyarch.ts";
import { type LoopbackApplication, startLoopbackApplication } from "./loopback-application.ts";

let place: string;
let application: LoopbackApplication;
let workspace: Workspace;
let cache: string;
let outputs = 0;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), "anyarch-shared-"));
  application = await startLoopbackApplication(place);
});

afterAll(async () => {
  await application[Symbol.asyncDispose]();
  rmSync(place, { recursive: true, force: true });
});

beforeEach(() => {
  workspace = makeWorkspace();
  cache = workspace.env["ANYARCH_CACHE_DIR"] ?? "";
  rmSync(join(application.directory, "anyarch.lock"), { force: true });
});

afterEach(() => workspace[Symbol.dispose]());

interface Result {
  readonly digest: string;
  readonly platforms: readonly { readonly layers: readonly { readonly cached: boolean }[] }[];
}

/** Builds into a layout of its own, for which all content is read from the cache. */
function build(): Promise<Run> {
  const output = `oci:${join(workspace.path, `out-${outputs++}`)}`;
  const args = ["build", application.directory, ...application.flags, "-o", output];
  return anyarch([...args, "--format=json", "--progress=quiet"], {
    cwd: workspace.path,
    env: { ...workspace.env, ...application.env },
  });
}

async function built(): Promise<Result> {
  const run = await build();
  expect(run, run.stderr + run.stdout).toMatchObject({ code: 0 });
  return JSON.parse(run.stdout) as Result;
}

/** Files of the cache, or of a part of it. */
function files(part = ""): string[] {
  const names = readdirSync(join(cache, part), { recursive: true, encoding: "utf8" });
  return names.map((name) => join(cache, part, name)).filter((path) => statSync(path).isFile());
}

const requests = (): number => application.archive.requests.length + application.index.requests.length;

describe("a cache shared by processes", () => {
  it("stays whole when four builds begin at once, and all make the same", async () => {
    const results = await Promise.all([built(), built(), built(), built()]);
    expect(new Set(results.map(({ digest }) => digest)).size).toBe(1);
    for (const path of files("blobs/sha256"))
      expect(createHash("sha256").update(readFileSync(path)).digest("hex")).toBe(basename(path));
    const left = readdirSync(cache, { recursive: true, encoding: "utf8" });
    expect(left.filter((name) => /\.tmp-|\.deb$|\.lock$/.test(name))).toEqual([]);
    const before = requests();
    const { digest, platforms } = await built();
    expect(digest).toBe(results[0]?.digest);
    expect(platforms.flatMap(({ layers }) => layers).filter(({ cached }) => !cached)).toEqual([]);
    expect(requests()).toBe(before);
  });
});

describe("a damaged cache heals", () => {
  const empty = (path: string): void => writeFileSync(path, "");
  const halve = (path: string): void => truncateSync(path, Math.floor(statSync(path).size / 2));
  const remove = (path: string): void => rmSync(path);
  const flip = (path: string): void => {
    const bytes = readFileSync(path);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  };
  const isJson = (path: string): boolean => path.endsWith(".json");

  const atOnce: Readonly<Record<string, () => void>> = {
    "all blobs deleted": () => files("blobs").forEach(remove),
    "all blobs cut in half": () => files("blobs").forEach(halve),
    "all layers forgotten": () => rmSync(join(cache, "layers"), { recursive: true }),
    "all JSON cut in half": () => files().filter(isJson).forEach(halve),
    "all JSON empty": () => files().filter(isJson).forEach(empty),
    "all JSON null": () =>
      files()
        .filter(isJson)
        .forEach((path) => writeFileSync(path, "null")),
    "all JSON {}": () =>
      files()
        .filter(isJson)
        .forEach((path) => writeFileSync(path, "{}")),
    "all JSON []": () =>
      files()
        .filter(isJson)
        .forEach((path) => writeFileSync(path, "[]")),
    "everything but JSON deleted": () =>
      files()
        .filter((path) => !isJson(path))
        .forEach(remove),
    "everything but JSON cut in half": () =>
      files()
        .filter((path) => !isJson(path))
        .forEach(halve),
    "all JSON deleted": () => files().filter(isJson).forEach(remove),
    "all files cut in half": () => files().forEach(halve),
    "all files empty": () => files().forEach(empty),
    "all of it gone": () => rmSync(cache, { recursive: true }),
  };

  it.each(Object.keys(atOnce))("at once: %s", async (name) => {
    const { digest } = await built();
    atOnce[name]?.();
    expect((await built()).digest).toBe(digest);
    expect((await built()).platforms.flatMap(({ layers }) => layers).every(({ cached }) => cached)).toBe(
      true,
    );
  });

  /** Damage that no size shows is found when the bytes are used: that build may fail, none makes anything else. */
  const lasting: Readonly<Record<string, () => void>> = {
    blobs: () => files("blobs").forEach(flip),
    "blobs, and what is known of them": () => {
      files("blobs").forEach(flip);
      rmSync(join(cache, "verify"), { recursive: true });
    },
    "unpacked packages": () => {
      files("debian/unpacked")
        .filter((path) => basename(path) === "data")
        .forEach(flip);
      rmSync(join(cache, "blobs"), { recursive: true });
    },
    "unpacked wheels": () => {
      files("python/unpacked")
        .filter((path) => basename(path) === "content")
        .forEach(flip);
      rmSync(join(cache, "blobs"), { recursive: true });
    },
    wheels: () => {
      files("python/wheels").forEach(flip);
      rmSync(join(cache, "python/unpacked"), { recursive: true });
      rmSync(join(cache, "blobs"), { recursive: true });
    },
    "indices of packages": () => {
      files("debian/indices").forEach(flip);
      rmSync(join(application.directory, "anyarch.lock"));
    },
  };

  it.each(Object.keys(lasting))("with a changed bit in every file: %s", async (name) => {
    const { digest } = await built();
    lasting[name]?.();
    for (let round = 1; ; round++) {
      const run = await build();
      if (run.code === 0) {
        expect(JSON.parse(run.stdout)).toMatchObject({ digest });
        break;
      }
      expect(JSON.parse(run.stdout)).toMatchObject({ code: "DIGEST_MISMATCH" });
      expect(round).toBeLessThan(10);
    }
  });

  it("after anyarch cache prune", async () => {
    const { digest } = await built();
    const pruned = await anyarch(["cache", "prune", "--older-than", "0"], { env: workspace.env });
    expect(pruned, pruned.stderr).toMatchObject({ code: 0 });
    expect(files()).toEqual([]);
    expect((await built()).digest).toBe(digest);
  });
});
