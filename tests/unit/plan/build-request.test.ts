import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AnyarchError } from "../../../src/errors/error.ts";
import { formatPlatform } from "../../../src/oci/platform.ts";
import { formatReference } from "../../../src/oci/reference.ts";
import type { BuildOptions } from "../../../src/plan/build-options.ts";
import { parseBuildRequest } from "../../../src/plan/build-request.ts";
import { parsePlatforms, withRegistry } from "../../../src/plan/request-parts.ts";
import { type ConfigFile, parseConfigFile } from "../../../src/plan/config-file.ts";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "anyarch-test-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

const parse = (options: BuildOptions, config?: ConfigFile, env: Record<string, string> = {}) =>
  parseBuildRequest({ context: directory, ...options }, config, {
    cwd: directory,
    arch: "x64",
    env,
    now: new Date("2026-11-20T10:00:00Z"),
  });
const config = (text: string): ConfigFile => parseConfigFile(text, join(directory, "anyarch.toml"));
const failure = (work: () => unknown): AnyarchError => {
  try {
    work();
  } catch (error) {
    if (error instanceof AnyarchError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

describe("platforms", () => {
  it("004-22 parses os/arch[/variant], lists and repetitions", () => {
    const platforms = parsePlatforms(["linux/amd64,linux/arm64", "linux/arm/v7", "linux/aarch64"], "x64");
    expect(platforms === "all" ? [] : platforms.map(({ platform }) => formatPlatform(platform))).toEqual([
      "linux/amd64",
      "linux/arm64",
      "linux/arm/v7",
    ]);
  });

  it("knows local and all", () => {
    expect(parsePlatforms(["local"], "arm64")).toEqual([
      { platform: { os: "linux", architecture: "arm64" }, optional: false },
    ]);
    expect(parsePlatforms(["all"], "x64")).toBe("all");
    expect(failure(() => parsePlatforms(["all,linux/amd64"], "x64")).code).toBe("PLATFORM_INVALID");
  });

  it.each([
    "amd64",
    "linux-amd64",
    "linux/arm/v9",
    "",
    "linux/amd64,",
    "linux//arm64",
    "linux/amd64/v9",
    "arm64/linux",
  ])("004-33 refuses %j and shows the right form", (text) => {
    const error = failure(() => parsePlatforms([text], "x64"));
    expect(error.code).toBe("PLATFORM_INVALID");
    expect(error.exitCode).toBe(2);
    expect(error.hint).toMatch(/linux\/amd64/);
  });

  it("004-33 suggests what was meant", () => {
    expect(failure(() => parsePlatforms(["linux-arm64"], "x64")).hint).toMatch(/Did you mean linux\/arm64\?/);
    expect(failure(() => parsePlatforms(["amd64"], "x64")).hint).toMatch(/Did you mean linux\/amd64\?/);
  });
});

describe("parseBuildRequest", () => {
  it("fills in defaults", () => {
    const request = parse({});
    expect(request).toMatchObject({
      directory,
      tags: [],
      outputs: ["oci:dist/image"],
      push: false,
      includeDeps: true,
      fallback: "none",
      workdir: "/app",
      created: "1970-01-01T00:00:00Z",
      mtime: 0,
    });
  });

  it("writes no layout when it pushes, unless asked", () => {
    expect(parse({ push: true, tags: ["registry.test/a:1"] }).outputs).toEqual([]);
    expect(parse({ push: true, tags: ["registry.test/a:1"], outputs: ["oci:x"] }).outputs).toEqual(["oci:x"]);
  });

  it("004-21 options win over the configuration only when given", () => {
    const file = config(`
      [build]
      platform = "linux/arm64"
      include_deps = false
      base_image = "python:3.12-slim"
      tag = "shop:1"
      [build.env]
      A = "config"
      B = "config"
    `);
    const fromConfig = parse({}, file);
    expect(fromConfig.platforms).toEqual([{ os: "linux", architecture: "arm64" }]);
    expect(fromConfig.includeDeps).toBe(false);
    expect(fromConfig.base).toBe("python:3.12-slim");
    const overridden = parse({ platforms: ["linux/amd64"], env: { B: "flag" } }, file);
    expect(overridden.platforms).toEqual([{ os: "linux", architecture: "amd64" }]);
    expect(overridden.includeDeps).toBe(false);
    expect(overridden.run.env).toEqual({ A: "config", B: "flag" });
  });

  it("004-20 puts short tags below [registry] url", () => {
    expect(formatReference(withRegistry("myapp:latest", "ghcr.io/myorg/myapp"))).toBe(
      "ghcr.io/myorg/myapp:latest",
    );
    expect(formatReference(withRegistry("myapp:latest", "ghcr.io/myorg"))).toBe("ghcr.io/myorg/myapp:latest");
    expect(formatReference(withRegistry("team/app", "https://reg.test:5000/"))).toBe(
      "reg.test:5000/team/app:latest",
    );
    expect(formatReference(withRegistry("other.test/app:2", "ghcr.io/myorg"))).toBe("other.test/app:2");
    expect(formatReference(withRegistry("myapp", undefined))).toBe("docker.io/library/myapp:latest");
  });

  it("takes SOURCE_DATE_EPOCH, and the clock only when asked not to be reproducible", () => {
    expect(parse({}, undefined, { SOURCE_DATE_EPOCH: "1700000000" })).toMatchObject({
      created: "2023-11-14T22:13:20Z",
      mtime: 1_700_000_000,
    });
    expect(parse({ reproducible: false }).created).toBe("2026-11-20T10:00:00Z");
    expect(failure(() => parse({}, undefined, { SOURCE_DATE_EPOCH: "soon" })).code).toBe("USAGE");
  });

  it("splits commands like a shell, or takes JSON", () => {
    expect(parse({ entrypoint: `python -c "print('a b')" x\\"` }).entrypoint).toEqual([
      "python",
      "-c",
      "print('a b')",
      'x"',
    ]);
    expect(parse({ entrypoint: '["a b", "c"]' }).entrypoint).toEqual(["a b", "c"]);
    expect(failure(() => parse({ cmd: '["a"' })).code).toBe("USAGE");
    expect(failure(() => parse({ cmd: "'open" })).code).toBe("USAGE");
  });

  it("reads ports, health checks and durations", () => {
    const { run } = parse({
      ports: ["8000", "53/udp"],
      healthcheck: { cmd: "curl -f localhost", interval: "1m30s", retries: 3 },
    });
    expect(run.ports).toEqual(["8000/tcp", "53/udp"]);
    expect(run.healthcheck).toEqual({ Test: ["CMD-SHELL", "curl -f localhost"], Interval: 90e9, Retries: 3 });
    expect(failure(() => parse({ ports: ["80000"] })).code).toBe("USAGE");
    expect(failure(() => parse({ healthcheck: { cmd: "x", interval: "soon" } })).code).toBe("USAGE");
  });

  it.each<[BuildOptions, string]>([
    [{ tags: ["Shop:1"] }, "REFERENCE_INVALID"],
    [{ push: true }, "USAGE"],
    [{ fallback: "maybe" }, "USAGE"],
    [{ jobs: 0 }, "USAGE"],
    [{ workdir: "app" }, "USAGE"],
    [{ context: "/does/not/exist" }, "INPUT_UNREADABLE"],
  ])("refuses %j with %s", (options, code) => {
    const error = failure(() => parse(options));
    expect(error.code).toBe(code);
    expect(error.exitCode).toBe(2);
  });

  it("refuses a file where a directory is wanted", () => {
    const file = join(directory, "file.py");
    writeFileSync(file, "");
    expect(failure(() => parse({ context: file })).message).toContain("is not a directory");
  });
});

describe("configuration", () => {
  it("004-19 accepts pycontainer.toml's keys", () => {
    const file = config(`
      [build]
      base_image = "python:3.11-slim"
      platform = "linux/amd64"  # Default platform
      include_deps = true
      reproducible = true

      [build.env]
      PYTHONUNBUFFERED = "1"

      [registry]
      url = "ghcr.io/myorg/myapp"
    `);
    expect(file.build).toEqual({
      baseImage: "python:3.11-slim",
      platforms: ["linux/amd64"],
      includeDeps: true,
      reproducible: true,
      env: { PYTHONUNBUFFERED: "1" },
      registry: "ghcr.io/myorg/myapp",
    });
  });

  it.each([
    ['[build]\nplatfrom = "linux/amd64"', '"platform"', "platfrom"],
    ['[biuld]\nplatform = "linux/amd64"', '"build"', "biuld"],
    ['[base.debian]\nsuit = "bookworm"', '"suite"', "suit"],
    ["[build.healthcheck]\ncmd = 'x'\nintervall = '1s'", '"interval"', "intervall"],
  ])("names an unknown key and the nearest: %s", (text, suggestion, key) => {
    const error = failure(() => config(text));
    expect(error.code).toBe("CONFIG_UNKNOWN_KEY");
    expect(error.message).toContain(key);
    expect(error.hint).toContain(`Did you mean ${suggestion}?`);
  });

  it("takes Debian sources in full, with paths relative to the file", () => {
    const file = config(`
      [base.debian]
      suite = "bookworm"
      [[base.debian.sources]]
      uri = "http://mirror.invalid/debian"
      suites = ["bookworm", "bookworm-updates"]
      keyring = "keys/archive.gpg"
    `);
    expect(file.debian).toEqual({
      suite: "bookworm",
      sources: [
        {
          uri: "http://mirror.invalid/debian",
          suites: ["bookworm", "bookworm-updates"],
          keyring: join(directory, "keys/archive.gpg"),
        },
      ],
    });
  });

  it("names the line of a syntax error and the key of a wrong type", () => {
    expect(failure(() => config('[build]\nplatform = "a\n')).message).toMatch(/anyarch\.toml, line 2/);
    const wrong = failure(() => config("[build]\njobs = 'many'"));
    expect(wrong.code).toBe("CONFIG_INVALID");
    expect(wrong.message).toContain("build.jobs");
  });
});

describe("options of single platforms", () => {
  const tuned = `
    [build.env]
    WORKERS = 2
    [platforms."linux/arm64,linux/arm/v7"]
    env = { WORKERS = 8 }
    labels = { tuned = true }
    [platforms."linux/aarch64"]
    env = { ARENAS = 1 }
    base_image = "oci:arm"
    [platforms."linux/amd64/v3"]
    optional = true
  `;

  it("004-37 come from [platforms] by normalised platform, those of the API before them", () => {
    const platforms = ["linux/amd64,linux/amd64/v3,linux/arm64"];
    const platformOptions = { "linux/arm64": { env: { WORKERS: "9" } } };
    const request = parse({ platforms, platformOptions }, config(tuned));
    expect(request.run.env).toEqual({ WORKERS: "2" });
    expect(request.platformOptions).toEqual({
      "linux/arm64": {
        env: { WORKERS: "9", ARENAS: "1" },
        labels: { tuned: "true" },
        baseImage: "oci:arm",
      },
      "linux/arm/v7": { env: { WORKERS: "8" }, labels: { tuned: "true" } },
      "linux/amd64/v3": { optional: true },
    });
    expect(request.optional).toEqual(new Set(["linux/amd64/v3"]));
  });

  it("refuse platforms and keys that don't exist", () => {
    expect(failure(() => parse({}, config("[platforms.arm64]\nenv = { A = 1 }"))).code).toBe(
      "PLATFORM_INVALID",
    );
    const wrong = failure(() => config('[platforms."linux/arm64"]\nbuild_arg = { A = 1 }'));
    expect(wrong.code).toBe("CONFIG_UNKNOWN_KEY");
    expect(wrong.hint).toContain('"build_args"');
  });
});
