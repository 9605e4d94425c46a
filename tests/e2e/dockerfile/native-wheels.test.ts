import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureEngines } from "../../engines/install.ts";
import { describeWith } from "../../engines/suites.ts";
import { IndexServer } from "../../unit/packages/python/index-server.ts";
import { makeWheel } from "../../unit/packages/python/wheel-fixture.ts";
import type { Run } from "../anyarch.ts";
import { both, farmEngines, startFarm, type TestFarm } from "./farm.ts";
import { machineExtension, writeNativeSdist } from "./native-sdist.ts";

const needed = [...farmEngines, "runc"] as const;
const engines = await ensureEngines(needed);

let farm: TestFarm;
/** Base images are those of the farm; BuildKit's clients aren't in PATH. */
let alone: Readonly<Record<string, string>>;
/** The same with a client. */
let withClient: Readonly<Record<string, string>>;

beforeAll(async () => {
  if (engines.without(...needed) !== undefined) return;
  farm = await startFarm({ bases: ["python:3.11-slim", "python:3.11"] });
  const { path } = farm.workspace;
  const packages = join(path, "app/packages");
  mkdirSync(packages, { recursive: true });
  const locked = await writeNativeSdist(packages, {
    name: "native",
    source: machineExtension("native"),
  });
  farm.write({
    "app/requirements.txt": ["--no-index", "--find-links ./packages", locked],
    "app/.dockerignore": ["packages"],
    "app/main.py": ["import native", "print(native.machine())"],
    "app/anyarch.toml": [
      "[build]",
      'base_image = "python:3.11-slim"',
      "[python]",
      'build_image = "python:3.11"',
    ],
    "registries.conf": [
      "[[registry]]",
      'prefix = "docker.io"',
      `location = "${farm.bases.host}"`,
      "insecure = true",
    ],
  });
  const registries = { CONTAINERS_REGISTRIES_CONF: join(path, "registries.conf") };
  alone = { ...registries, PATH: `${dirname(engines.program("runc"))}:/usr/bin:/bin` };
  withClient = { ...registries, PATH: `${farm.env["PATH"]}` };
});

afterAll(async () => {
  await farm?.stop();
});

const build = (args: readonly string[], env = withClient): Promise<Run> =>
  farm.anyarch(["build", "app", ...both, "-o", "oci:image", "--progress", "plain", ...args], { env });

describeWith(engines, needed, "A Python package that exists as native source only", () => {
  it("is refused where no builder is, with the ways on", async () => {
    const { code, stderr } = await build([], alone);
    expect(code).toBe(1);
    expect(stderr).toMatch(/native 1\.0 has no wheel for linux\/amd64 .*native-1\.0\.tar\.gz/);
    expect(stderr).toMatch(/name a builder: --builder/);
    expect(stderr).toMatch(/--file Dockerfile/);
  });

  it("is shown by --dry-run with the node that will build it, and how", async () => {
    const two = await build(["--dry-run", ...farm.builders]);
    expect(two.code, two.stderr).toBe(0);
    expect(two.stdout).toContain(`build, native on ${farm.names.amd64}`);
    expect(two.stdout).toContain(`build, native on ${farm.names.arm64}`);
    const one = await build(["--dry-run", `--builder=${farm.endpoints.amd64}`]);
    expect(one.stdout).toContain(`build, emulated on ${farm.names.amd64}`);
    const refused = await build(["--dry-run", "--no-emulation", `--builder=${farm.endpoints.amd64}`]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/linux\/arm64.*which BuildKit can't build/);
  });

  it("004-27 is built by BuildKit on two machines, proved, runs on both platforms, and isn't built again", async () => {
    const first = await build(farm.builders);
    expect(first.code, first.stderr).toBe(0);
    const verified = await farm.anyarch(["verify", "oci:image"]);
    expect(verified.code, verified.stdout).toBe(0);
    for (const [platform, machine] of [
      ["linux/amd64", "x86_64"],
      ["linux/arm64", "aarch64"],
    ] as const) {
      const args = ["run", "--engine", "runc", "--platform", platform, "oci:image"];
      const { stdout, stderr } = await farm.anyarch(args, { env: alone });
      expect(stdout, stderr).toBe(`${machine}\n`);
    }
    const digest = (await farm.anyarch(["inspect", "oci:image", "--raw"])).stdout;
    const second = await build(["-o", "oci:again"], alone);
    expect(second.code, second.stderr).toBe(0);
    expect(second.stderr).not.toMatch(/BuildKit/);
    expect((await farm.anyarch(["inspect", "oci:again", "--raw"])).stdout).toBe(digest);
  });

  it("004-27 is compiled with system packages, and refused on a base that lacks what it is linked with", async () => {
    const { path } = farm.workspace;
    const made = join(path, "made");
    mkdirSync(made);
    const locked = await writeNativeSdist(made, {
      name: "yamlversion",
      requires: ["toolkit"],
      source: "#include <yaml.h>\nconst char *version(void) { return yaml_get_version_string(); }\n",
      libraries: "-lyaml",
      module: [
        "import ctypes, pathlib",
        'library = ctypes.CDLL(str(pathlib.Path(__file__).with_name("library.so")))',
        "library.version.restype = ctypes.c_char_p",
        "",
      ].join("\n"),
    });
    const filename = "yamlversion-1.0.tar.gz";
    const archive = { project: "yamlversion", filename, bytes: readFileSync(join(made, filename)) };
    const toolkit = { project: "toolkit", ...makeWheel({ name: "toolkit" }) };
    const login = "anna:open-sesame";
    await using index = await IndexServer.start([archive, toolkit], { login });
    const PIP_INDEX_URL = index.url.replace("//", `//${login}@`);
    const config = (base: string): void =>
      farm.write({
        "yaml/requirements.txt": [locked],
        "yaml/main.py": ["import yamlversion", "print(yamlversion.library.version().decode())"],
        "yaml/anyarch.toml": [
          "[build]",
          `base_image = "${base}"`,
          "[python]",
          'build_image = "python:3.11-slim"',
          'build_packages = ["gcc", "libyaml-dev"]',
        ],
      });
    const args = [
      "build",
      "yaml",
      "--platform",
      "linux/amd64",
      "-o",
      "oci:yaml-image",
      "--progress",
      "plain",
    ];
    config("python:3.11-slim");
    const env = { ...withClient, PIP_INDEX_URL };
    const lacking = await farm.anyarch([...args, ...farm.builders], { env });
    expect(lacking.code).toBe(1);
    expect(lacking.stderr).toMatch(/yamlversion 1\.0 needs libyaml-0\.so\.2, which the image lacks/);
    // What builds need comes from the user's index, whose password nobody sees.
    expect(index.requests.map((request) => request.path)).toContain("/simple/toolkit/");
    expect(lacking.stdout + lacking.stderr).not.toContain("sesame");
    config("deb:bookworm/python3,dash,libyaml-0-2");
    const built = await farm.anyarch(args, { env: { ...alone, PIP_INDEX_URL } });
    expect(built.code, built.stderr).toBe(0);
    const ran = await farm.anyarch(["run", "--engine", "runc", "oci:yaml-image"], { env: alone });
    expect(ran.stdout, ran.stderr).toMatch(/^0\.\d+\.\d+\n$/);
  });
});
