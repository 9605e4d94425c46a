import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNodeHost } from "../../../src/host/node-host.ts";
import {
  AnyarchError,
  build,
  type BuildOptions,
  type BuildResult,
  copy,
  planBuild,
  verify,
} from "../../../src/index.ts";
import { TestRegistry } from "../../../src/testing/registry.ts";
import { putFakeBase } from "./fake-base.ts";

/**
 * Each place where the tool that document 004 was written for did something wrong, and what is right there. All of it
 * in this process, with a registry in memory and a base image that is one only in name.
 */

interface Machine {
  readonly directory: string;
  readonly host: ReturnType<typeof createNodeHost>;
}

let machine: Machine;
let registry: TestRegistry;
/** The application's directory; also the current one. */
let app: string;
let base: string;

beforeEach(async () => {
  const directory = mkdtempSync(join(tmpdir(), "anyarch-predecessor-"));
  app = join(directory, "app");
  mkdirSync(app);
  const env = { HOME: directory, PATH: process.env["PATH"] ?? "", GITHUB_TOKEN: "ghs_secret" };
  machine = { directory, host: createNodeHost({ env, cwd: app, cacheDir: join(directory, "cache") }) };
  registry = await TestRegistry.start();
  putFakeBase({ registry, repository: "library/python", tag: "3.11", architectures: ["amd64", "arm64"] });
  base = `${registry.host}/library/python:3.11`;
  write({ "app.py": "def main():\n    print('hello')\n", "pyproject.toml": pyproject("app:main") });
});

afterEach(async () => {
  await registry[Symbol.asyncDispose]();
  await machine.host.close();
  rmSync(machine.directory, { recursive: true, force: true });
});

function pyproject(script: string): string {
  return `[project]\nname = "demo"\nversion = "1.0.0"\nrequires-python = ">=3.11"\n[project.scripts]\ndemo = "${script}"\n`;
}

function write(files: Readonly<Record<string, string>>, directory: string = app): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
}

const settings = () => ({ host: machine.host });
const run = (options: BuildOptions = {}): Promise<BuildResult> =>
  build({ platforms: ["linux/arm64"], baseImage: base, ...options }, settings());

async function failure(work: Promise<unknown>): Promise<AnyarchError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AnyarchError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

interface Read {
  readonly mediaType?: string;
  readonly config: { readonly mediaType: string; readonly digest: string };
  readonly layers: readonly { readonly mediaType: string; readonly digest: string }[];
}

const layout = () => join(app, "dist/image");
const blob = (digest: string): Buffer => readFileSync(join(layout(), "blobs", digest.replace(":", "/")));
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- The caller says what the blob holds.
const parsed = <T>(digest: string): T => JSON.parse(blob(digest).toString("utf8")) as T;
const configOf = (digest: string) =>
  parsed<{
    architecture: string;
    config: { Env: string[]; Entrypoint: string[]; WorkingDir: string; Cmd?: string[] };
    rootfs: { diff_ids: string[] };
    history: { created_by?: string; empty_layer?: boolean }[];
  }>(parsed<Read>(digest).config.digest);

/** Paths in the application's layer, the last one. */
function applicationFiles(digest: string): string[] {
  const layer = parsed<Read>(digest).layers.at(-1);
  const input = gunzipSync(blob(layer?.digest ?? ""));
  const listed = spawnSync("tar", ["-tf", "-"], { input, encoding: "utf8" });
  return listed.stdout.split("\n").filter((line) => line !== "" && !line.endsWith("/"));
}

const plan = (options: BuildOptions = {}, more: { config?: string } = {}) =>
  planBuild({ baseImage: base, ...options, engine: "assemble" }, { ...settings(), ...more });

describe("base images", () => {
  it.each(["docker", "oci"] as const)(
    "004-23 takes the platform's image from an index of %s's types",
    async (family) => {
      putFakeBase({ registry, repository: "base", tag: "1", family, architectures: ["amd64", "arm64"] });
      const { digest } = await run({ baseImage: `${registry.host}/base:1` });
      expect(configOf(digest).architecture).toBe("arm64");
      // All of one family: Docker's clients refuse a mixture.
      const manifest = parsed<Read>(digest);
      const types = [
        manifest.mediaType,
        manifest.config.mediaType,
        ...manifest.layers.map((layer) => layer.mediaType),
      ];
      expect(new Set(types.map((type) => type?.includes(".docker."))).size).toBe(1);
      expect((await verify("dist/image", { deep: true }, settings())).platforms[0]?.ok).toBe(true);
    },
  );

  it("004-32 refuses another platform than that of a base without an index, instead of mislabelling it", async () => {
    putFakeBase({ registry, repository: "single", tag: "1", architectures: "amd64" });
    const single = `${registry.host}/single:1`;
    const error = await failure(run({ baseImage: single }));
    expect(error.code).toBe("BASE_PLATFORM_MISSING");
    expect(error.message).toContain("No matching manifest for linux/arm64");
    expect(error.message).toContain("has linux/amd64");
    expect(readdirSync(app)).not.toContain("dist");
    const { digest } = await run({ baseImage: single, platforms: ["linux/amd64"] });
    expect(configOf(digest).architecture).toBe("amd64");
  });

  it("refuses a base whose index says something else than the image", async () => {
    putFakeBase({
      registry,
      repository: "liar",
      tag: "1",
      architectures: ["amd64"],
      labels: { amd64: "arm64" },
    });
    const error = await failure(run({ baseImage: `${registry.host}/liar:1` }));
    expect(error).toMatchObject({ code: "BASE_MISMATCH", exitCode: 1 });
    expect(error.message).toMatch(/index says linux\/arm64, the image's config says linux\/amd64/);
  });

  it("reads name@digest and names on localhost as what they are", async () => {
    const digest = registry.tags.get("library/python")?.get("3.11") ?? "";
    const pinned = await plan({ baseImage: `${registry.host}/library/python@${digest}` });
    expect(pinned.base).toEqual({ location: `${registry.host}/library/python@${digest}`, digest });
    const named = `localhost:${registry.port}/library/python:3.11@${digest}`;
    expect((await plan({ baseImage: named })).base.digest).toBe(digest);
  });

  it("never uses a blob or manifest that isn't what its digest says", async () => {
    const blobs = registry.blobs.get("library/python");
    for (const [digest, bytes] of blobs ?? []) blobs?.set(digest, Buffer.from(bytes.map((byte) => byte ^ 1)));
    expect((await failure(run())).code).toBe("DIGEST_MISMATCH");
    const index = registry.manifests
      .get("library/python")
      ?.get(registry.tags.get("library/python")?.get("3.11") ?? "");
    for (const [digest, { mediaType }] of registry.manifests.get("library/python") ?? []) {
      if (mediaType === index?.mediaType) continue;
      registry.manifests
        .get("library/python")
        ?.set(digest, { mediaType, bytes: Buffer.from('{"schemaVersion":2}') });
    }
    expect((await failure(run())).code).toBe("DIGEST_MISMATCH");
  });
});

describe("the image", () => {
  it("004-07 004-38 has a diff ID and a step of history for each layer, those of the base first", async () => {
    const { digest } = await run();
    const { layers } = parsed<Read>(digest);
    const { rootfs, history } = configOf(digest);
    const unpacked = layers.map(
      (layer) =>
        `sha256:${createHash("sha256")
          .update(gunzipSync(blob(layer.digest)))
          .digest("hex")}`,
    );
    expect(rootfs.diff_ids).toEqual(unpacked);
    expect(history.filter((step) => step.empty_layer !== true)).toHaveLength(layers.length);
    expect(history.slice(0, 2).map((step) => step.created_by)).toEqual(["COPY python", "ENV LANG=C.UTF-8"]);
  });

  it("004-04 has its tag on the descriptor in index.json", async () => {
    await run({ tags: ["demo:1.0"] });
    const index = JSON.parse(readFileSync(join(layout(), "index.json"), "utf8")) as {
      annotations?: object;
      manifests: { annotations: object }[];
    };
    expect(index.annotations).toBeUndefined();
    expect(index.manifests[0]?.annotations).toMatchObject({ "org.opencontainers.image.ref.name": "1.0" });
  });

  it("004-12 starts as [project.scripts] says, in the base's environment", async () => {
    const { config } = configOf((await run({ env: { A: "b" } })).digest);
    expect(config).toMatchObject({ Entrypoint: ["/opt/venv/bin/demo"], WorkingDir: "/app" });
    expect(config).not.toHaveProperty("Cmd"); // The base's, which belongs to its own entry point.
    expect(config.Env).toEqual(
      expect.arrayContaining(["PATH=/opt/venv/bin:/usr/bin:/bin", "LANG=C.UTF-8", "A=b"]),
    );
  });
});

describe("the application's files", () => {
  it.each([
    ["a module at the root", { "app.py": "def main(): ..." }, "app:main"],
    ["a package at the root", { "shop/__init__.py": "", "shop/cli.py": "def main(): ..." }, "shop.cli:main"],
    [
      "a package below src",
      { "src/shop/__init__.py": "", "src/shop/cli.py": "def main(): ..." },
      "shop.cli:main",
    ],
  ])("004-12 %s is in the image and importable", async (_, files, script) => {
    rmSync(join(app, "app.py"));
    write({ ...files, "pyproject.toml": pyproject(script), "assets/logo.txt": "logo" });
    const { digest } = await run();
    expect(applicationFiles(digest)).toEqual(
      expect.arrayContaining([...Object.keys(files), "assets/logo.txt"].map((path) => `app/${path}`)),
    );
    const site = "opt/venv/lib/python3.11/site-packages";
    expect(applicationFiles(digest)).toEqual(
      expect.arrayContaining([`${site}/_anyarch_application.pth`, "opt/venv/bin/demo"]),
    );
  });

  it("leaves out secrets, version control, environments and caches, at any depth", async () => {
    const unwanted = [
      ".env",
      ".env.production",
      ".git/config",
      ".venv/bin/python",
      "venv/pyvenv.cfg",
      "node_modules/a/b.js",
    ];
    const deep = [
      "pkg/.env",
      "pkg/__pycache__/a.pyc",
      ".netrc",
      ".pypirc",
      ".npmrc",
      ".ssh/id_ed25519",
      "id_rsa",
    ];
    const made = ["dist/old.whl", ".pytest_cache/x", ".aws/credentials", "pycontainer.toml"];
    write(
      Object.fromEntries(
        [...unwanted, ...deep, ...made].map((path) => [path, path.endsWith("toml") ? "" : "SECRET"]),
      ),
    );
    write({ "pkg/__init__.py": "", ".dockerignore": "notes/\n", "notes/a.txt": "SECRET" });
    const { digest } = await run();
    const files = applicationFiles(digest).filter((path) => path.startsWith("app/"));
    expect(files).toEqual(["app/app.py", "app/pkg/__init__.py", "app/pyproject.toml"]);
    for (const { digest: layer } of parsed<Read>(digest).layers)
      expect(gunzipSync(blob(layer)).includes("SECRET")).toBe(false);
  });

  it("004-24 what is remembered goes by content: not by size and time, nor past another workdir", async () => {
    const file = join(app, "app.py");
    const at = new Date("2024-01-01T00:00:00Z");
    const layerOf = async (options: BuildOptions = {}): Promise<string> => {
      utimesSync(file, at, at);
      return parsed<Read>((await run(options)).digest).layers.at(-1)?.digest ?? "";
    };
    const first = await layerOf();
    expect(await layerOf()).toBe(first);
    writeFileSync(file, readFileSync(file, "utf8").replace("hello", "howdy"));
    const changed = await layerOf();
    expect(changed).not.toBe(first);
    const elsewhere = await layerOf({ workdir: "/srv/demo" });
    expect(elsewhere).not.toBe(changed);
    expect(gunzipSync(blob(elsewhere)).includes("srv/demo/app.py")).toBe(true);
    writeFileSync(file, readFileSync(file, "utf8").replace("howdy", "hello"));
    expect(await layerOf()).toBe(first);
  });
});

describe("configuration", () => {
  const toml = `[build]
base_image = "BASE"
platform = "linux/arm64"
include_deps = false
tag = "demo:config"
[build.env]
FROM = "config"
`;
  const platformsOf = ({ platforms }: { platforms: readonly { platform: string }[] }) =>
    platforms.map(({ platform }) => platform);

  it.each(["anyarch.toml", "pycontainer.toml"])("004-19 %s is found by itself", async (name) => {
    write({ [name]: toml.replace("BASE", base) });
    const found = await planBuild({ engine: "assemble" }, settings());
    expect(platformsOf(found)).toEqual(["linux/arm64"]);
    expect(found.application.dependencies).toMatch(/left out/);
    expect(found.tags).toEqual(["demo:config"]);
    // Beside the application, wherever the command runs.
    const elsewhere = createNodeHost({ cwd: machine.directory, cacheDir: machine.host.cacheDir });
    expect(platformsOf(await planBuild({ context: "app" }, { host: elsewhere }))).toEqual(["linux/arm64"]);
    await elsewhere.close();
  });

  it("004-21 --config names another file, and options win one by one", async () => {
    write({
      "pycontainer.toml": toml.replace("BASE", base),
      "other.toml": '[build]\nplatform = "linux/amd64"\n',
    });
    expect(platformsOf(await plan({}, { config: "other.toml" }))).toEqual(["linux/amd64"]);
    const overridden = await plan({ platforms: ["linux/amd64"] });
    expect(platformsOf(overridden)).toEqual(["linux/amd64"]);
    expect(overridden.application.dependencies).toMatch(/left out/);
    const result = await build({ env: { MORE: "1" }, workdir: "/srv" }, settings());
    const { config } = configOf(result.digest);
    expect(config.Env).toEqual(expect.arrayContaining(["FROM=config", "MORE=1"]));
    expect(config.WorkingDir).toBe("/srv");
  });

  it.each([
    [
      "[build]\nplatfrom = 'linux/arm64'",
      /\[build\] has an unknown key "platfrom"/,
      /Did you mean "platform"\?/,
    ],
    ["[biuld]\nplatform = 'linux/arm64'", /has an unknown key "biuld"/, /Did you mean "build"\?/],
  ])("an unknown key is an error that names the nearest: %j", async (text, message, hint) => {
    write({ "pycontainer.toml": text });
    const error = await failure(plan());
    expect(error).toMatchObject({ code: "CONFIG_UNKNOWN_KEY", exitCode: 2 });
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  it("004-13 requires-python counts, with a configuration file and without", async () => {
    write({
      "pyproject.toml": pyproject("app:main").replace(">=3.11", "<4,>=3.12"),
      "other.toml": "[build]\n",
    });
    for (const more of [{}, { config: "other.toml" }]) {
      const error = await failure(plan({}, more));
      expect(error.code).toBe("BASE_UNSUITABLE");
      expect(error.hint).toContain("python:3.12-slim");
    }
  });
});

describe("registries", () => {
  const pushed = () => registry.requests.filter(({ method }) => method !== "GET" && method !== "HEAD");

  it("--dry-run with --push plans the push and sends nothing", async () => {
    const planned = await plan({ tags: [`${registry.host}/demo:1`], push: true });
    expect(planned).toMatchObject({ push: true, tags: [`${registry.host}/demo:1`], outputs: [] });
    expect(pushed()).toEqual([]);
    expect(readdirSync(app).sort()).toEqual(["app.py", "pyproject.toml"]);
  });

  it("004-11 pushes to a registry on the loopback in plain HTTP, and shows no token to it", async () => {
    await run({ tags: [`${registry.host}/demo:1`], push: true });
    expect(registry.tags.get("demo")?.has("1")).toBe(true);
    expect(registry.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  it("004-11 a password is exchanged for a token where the registry asks for one", async () => {
    const login = { username: "anna", password: "secret" };
    await using secured = await TestRegistry.start({ auth: { scheme: "bearer", ...login } });
    const tags = [`${secured.host}/demo:1`];
    expect((await failure(run({ tags, push: true }))).code).toBe("REGISTRY_UNAUTHORIZED");
    await build(
      { platforms: ["linux/arm64"], baseImage: base, tags, push: true },
      { ...settings(), credentials: login },
    );
    expect(secured.tags.get("demo")?.has("1")).toBe(true);
    // The base's registry is another one: it never sees the password.
    expect(registry.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  });

  it("004-08 both platforms are one index, and the layout keeps what was built before", async () => {
    const one = await run({ tags: ["demo:arm64"] });
    const both = await run({ tags: ["demo:all"], platforms: ["linux/amd64,linux/arm64"] });
    const index = JSON.parse(readFileSync(join(layout(), "index.json"), "utf8")) as {
      manifests: { digest: string }[];
    };
    expect(index.manifests.map(({ digest }) => digest)).toEqual([both.digest, one.digest]);
    await copy("oci:dist/image:arm64", [`docker://${registry.host}/copied:1`], {}, settings());
    expect(registry.tags.get("copied")?.get("1")).toBe(one.digest);
  });
});
