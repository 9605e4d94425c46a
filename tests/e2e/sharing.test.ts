import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crane } from "../engines/clients.ts";
import { ensureEngines } from "../engines/install.ts";
import { startRegistry, type Registry } from "../engines/registry.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, makeWorkspace, type Workspace } from "./anyarch.ts";
import { machines, prepareExample, sharedCacheDir } from "./example-service.ts";

const platforms = Object.keys(machines);
const engines = await ensureEngines(["docker-registry", "openssl", "crane"]);

interface Event {
  readonly type: string;
  readonly id?: string;
  readonly name?: string;
  readonly status?: string;
  readonly result?: Result;
}

interface Layer {
  readonly name: string;
  readonly digest: string;
  readonly cached: boolean;
  readonly sharedBy: number;
}

interface Result {
  readonly digest: string;
  readonly platforms: readonly {
    readonly platform: string;
    readonly digest: string;
    readonly layers: readonly Layer[];
  }[];
}

interface Build extends Result {
  /** Name of each finished layer task → how it ended: "cached" means that no tar was made. */
  readonly tasks: readonly (readonly [name: string, status: string])[];
  /** Digests of the blobs that the registry received, sorted. */
  readonly uploaded: readonly string[];
  /** Requests that change something, without the digests: "PUT manifest". */
  readonly writes: readonly string[];
  /** Blobs that are new in the cache, sorted. */
  readonly made: readonly string[];
}

describeWith(engines, ["docker-registry", "openssl", "crane"], "layers of examples/api", () => {
  let registry: Registry;
  let workspace: Workspace;
  let api: string;
  let cache: string;
  let seen = 0;

  beforeAll(async () => {
    registry = await startRegistry();
    workspace = makeWorkspace();
    cache = workspace.env["ANYARCH_CACHE_DIR"] ?? "";
    // Layers begin empty; what was downloaded is shared with other tests.
    mkdirSync(cache);
    for (const name of ["debian", "python"]) {
      mkdirSync(join(sharedCacheDir(), name), { recursive: true });
      symlinkSync(join(sharedCacheDir(), name), join(cache, name));
    }
    api = prepareExample("api", join(workspace.path, "api"));
  });

  afterAll(async () => {
    workspace[Symbol.dispose]();
    await registry[Symbol.asyncDispose]();
  });

  /** Blobs of the cache: digest → inode, which a file that is written again doesn't keep. */
  const blobs = (): Map<string, number> => {
    const directory = join(cache, "blobs/sha256");
    const names = readdirSync(cache).includes("blobs") ? readdirSync(directory) : [];
    return new Map(names.map((name) => [`sha256:${name}`, statSync(join(directory, name)).ino]));
  };

  async function build(tag: string, wanted: readonly string[], repository = "api"): Promise<Build> {
    const before = blobs();
    const reference = `${registry.host}/${repository}:${tag}`;
    const flags = ["--platform", wanted.join(","), "-t", reference, "--push", "--progress", "json"];
    const run = await anyarch(["build", api, ...flags], {
      cwd: workspace.path,
      env: { ...workspace.env, ...registry.env },
    });
    expect(run, run.stderr).toMatchObject({ code: 0 });
    const events = run.stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Event]));
    const result = events.findLast(({ type }) => type === "result")?.result;
    if (result === undefined) throw new Error(`no result in ${run.stdout}`);
    const names = new Map(events.map(({ id, name }) => [id, name] as const).filter(([, name]) => name));
    const tasks = events
      .filter(({ type, id }) => type === "task.finished" && names.get(id)?.startsWith("layer ") === true)
      .map(({ id, status = "" }) => [names.get(id)?.slice("layer ".length) ?? "", status] as const);
    const requests = (await registry.requests()).slice(seen);
    seen += requests.length;
    const uploaded = requests
      .filter(
        ({ method, path, status }) => method === "PUT" && path.includes("/blobs/uploads/") && status === 201,
      )
      .map(({ path }) => new URL(path, registry.url).searchParams.get("digest") ?? "");
    const writes = requests
      .filter(({ method }) => !["GET", "HEAD"].includes(method))
      .map(({ method, path }) => `${method} ${path.includes("/manifests/") ? "manifest" : "blob"}`);
    const made = [...blobs()]
      .filter(([digest, inode]) => before.get(digest) !== inode)
      .map(([digest]) => digest);
    expect([...blobs().keys()]).toEqual(expect.arrayContaining([...before.keys()]));
    return { ...result, tasks, uploaded: uploaded.sort(), writes, made: made.sort() };
  }

  const layersOf = ({ platforms: built }: Result): Layer[] => built.flatMap(({ layers }) => layers);
  const named = (result: Result, name: string): string[] =>
    layersOf(result)
      .filter((layer) => layer.name === name)
      .map(({ digest }) => digest);
  const configs = async ({ platforms: built }: Result): Promise<string[]> =>
    Promise.all(
      built.map(async ({ digest }) => {
        const { stdout } = await crane(["manifest", `${registry.host}/api@${digest}`]);
        return (JSON.parse(stdout) as { config: { digest: string } }).config.digest;
      }),
    );

  it("a second platform adds its own native layers, its config and its manifest, and no other blob", async () => {
    const first = await build("amd64", ["linux/amd64"]);
    expect(first.tasks.map(([name]) => name).sort()).toEqual(
      layersOf(first)
        .map(({ name }) => name)
        .sort(),
    );
    expect(first.uploaded).toEqual(
      [...layersOf(first).map(({ digest }) => digest), ...(await configs(first))].sort(),
    );
    const second = await build("arm64", ["linux/arm64"]);
    const own = layersOf(second).filter(
      ({ digest }) => !layersOf(first).some((layer) => layer.digest === digest),
    );
    expect(own.map(({ name }) => name)).toEqual(["Debian packages for arm64", "native python packages"]);
    expect(second.made).toEqual(own.map(({ digest }) => digest).sort());
    expect(second.uploaded).toEqual([...second.made, ...(await configs(second))].sort());
    // One manifest, by its digest and by the tag.
    expect(second.writes.filter((write) => write.endsWith("manifest"))).toHaveLength(2);
    expect(second.tasks.filter(([, status]) => status !== "cached").map(([name]) => name)).toEqual([
      "native python packages",
      "Debian packages for arm64",
    ]);
  });

  it("pure Python packages and the application are one layer on all platforms", async () => {
    const all = await build("1", platforms);
    for (const name of ["Debian packages for all architectures", "python packages", "application"]) {
      expect(named(all, name), name).toHaveLength(platforms.length);
      expect(new Set(named(all, name)).size, name).toBe(1);
    }
    expect(new Set(named(all, "native python packages")).size).toBe(platforms.length);
    const holders = layersOf(all).map(({ name, sharedBy }) => `${name}: ${sharedBy}`);
    expect(new Set(holders)).toEqual(
      new Set([
        "Debian packages for all architectures: 3",
        ...["amd64", "arm64", "armhf"].map((architecture) => `Debian packages for ${architecture}: 1`),
        "python packages: 3",
        "native python packages: 1",
        "application: 3",
      ]),
    );
    // Two of the three platforms are there from the test before.
    expect(all.made).toEqual(
      layersOf(all)
        .filter(({ cached }) => !cached)
        .map(({ digest }) => digest)
        .sort(),
    );
    expect(all.made).toHaveLength(2);
    expect(all.uploaded).toHaveLength(3);
  });

  it("a build with nothing changed makes no tar and uploads nothing", async () => {
    const before = await build("1", platforms);
    const again = await build("1", platforms);
    expect(again.digest).toBe(before.digest);
    expect(again.tasks).toHaveLength(9);
    expect(new Set(again.tasks.map(([, status]) => status))).toEqual(new Set(["cached"]));
    expect(layersOf(again).every(({ cached }) => cached)).toBe(true);
    expect(again.made).toEqual([]);
    expect(again.uploaded).toEqual([]);
    // An upload is begun and given up before anything else, to learn whether it is allowed.
    expect(again.writes.filter((write) => write.endsWith("blob"))).toEqual(["POST blob", "DELETE blob"]);
  });

  it("a changed file of the application makes and uploads one layer", async () => {
    const before = await build("1", platforms);
    const main = join(api, "main.py");
    writeFileSync(main, `${readFileSync(main, "utf8")}\n# changed\n`);
    const after = await build("2", platforms);
    const [application = ""] = named(after, "application");
    expect(named(before, "application")).not.toContain(application);
    expect(after.tasks.filter(([, status]) => status !== "cached")).toEqual([["application", "done"]]);
    expect(after.made).toEqual([application]);
    expect(after.uploaded).toEqual([application, ...(await configs(after))].sort());
    const others = (result: Result): string[] =>
      layersOf(result)
        .filter(({ name }) => name !== "application")
        .map(({ digest }) => digest);
    expect(others(after)).toEqual(others(before));
  });
});
