import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AnyarchError } from "../../../src/errors/error.ts";
import { formatPlatform } from "../../../src/oci/platform.ts";
import type { BuildOptions } from "../../../src/plan/build-options.ts";
import { type ConfigFile, parseConfigFile } from "../../../src/plan/config-file.ts";
import { type DockerfileRequest, parseDockerfileRequest } from "../../../src/plan/dockerfile-request.ts";
import { chooseEngine } from "../../../src/plan/engine.ts";

let root: string;
const environment = () => ({
  cwd: root,
  arch: "x64",
  env: { TOKEN: "t0ken" },
  now: new Date("2026-11-20T10:00:00Z"),
});
const parse = (options: BuildOptions = {}, config?: ConfigFile): DockerfileRequest =>
  parseDockerfileRequest(options, config, environment());
const config = (text: string, directory = root): ConfigFile =>
  parseConfigFile(text, join(directory, "anyarch.toml"));
const failure = (work: () => unknown): AnyarchError => {
  try {
    work();
  } catch (error) {
    if (error instanceof AnyarchError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "anyarch-test-"));
  for (const directory of ["docker", "service", "python", "both", "keys"]) mkdirSync(join(root, directory));
  for (const file of [
    "Dockerfile",
    "docker/Dockerfile",
    "docker/dev.Dockerfile",
    "service/Containerfile",
    "both/Dockerfile",
    "both/app.py",
    "python/app.py",
    "keys/npmrc",
  ]) {
    writeFileSync(join(root, file), "FROM scratch\n");
  }
});
afterAll(() => rmSync(root, { recursive: true }));

describe("parseDockerfileRequest", () => {
  it("fills in defaults", () => {
    expect(parse()).toMatchObject({
      context: root,
      dockerfile: join(root, "Dockerfile"),
      platforms: [{ platform: { os: "linux", architecture: "amd64" }, optional: false }],
      tags: [],
      outputs: ["oci:dist/image"],
      push: false,
      load: false,
      noCache: false,
      emulation: true,
      fallback: "none",
      verify: "app",
      retries: 2,
      crashSilenceMs: 30_000,
    });
    expect(parse()).not.toHaveProperty("sourceDateEpoch");
    expect(parse({ load: true }).outputs).toEqual([]);
    expect(parse({ push: true, tags: ["app"] }).outputs).toEqual([]);
  });

  it("000-03 takes the Dockerfile and the context each for itself", () => {
    const at = (options: BuildOptions) => {
      const { context, dockerfile } = parse(options);
      return [context.slice(root.length), dockerfile.slice(root.length)];
    };
    expect(at({ file: "docker/dev.Dockerfile" })).toEqual(["", "/docker/dev.Dockerfile"]);
    expect(at({ file: "docker/Dockerfile", context: "service" })).toEqual(["/service", "/docker/Dockerfile"]);
    expect(at({ file: "docker", context: "service" })).toEqual(["/service", "/docker/Dockerfile"]);
    expect(at({ context: "service" })).toEqual(["/service", "/service/Containerfile"]);
    expect(at({ file: "dev.Dockerfile", context: "docker" })).toEqual(["/docker", "/docker/dev.Dockerfile"]);
    expect(at({ file: join(root, "Dockerfile"), context: "docker" })).toEqual(["/docker", "/Dockerfile"]);
    expect(failure(() => parse({ file: "none" })).code).toBe("INPUT_UNREADABLE");
    expect(failure(() => parse({ context: "keys" })).message).toMatch(/no Dockerfile in .*keys/);
    expect(failure(() => parse({ context: "docker/Dockerfile" })).hint).toMatch(
      /--file .*docker\/Dockerfile/,
    );
  });

  it("keeps addresses of contexts as they are", () => {
    const context = "https://git.example/team/app.git#main";
    expect(parse({ context, file: "Dockerfile" })).toMatchObject({
      context,
      dockerfile: join(root, "Dockerfile"),
    });
    expect(failure(() => parse({ context })).hint).toMatch(/--file/);
  });

  it("knows optional platforms; required wins where both are said", () => {
    const names = (...platforms: string[]) =>
      parse({ platforms }).platforms.map(
        ({ platform, optional }) => formatPlatform(platform) + (optional ? "?" : ""),
      );
    expect(names("linux/amd64,linux/arm64?")).toEqual(["linux/amd64", "linux/arm64?"]);
    expect(names("linux/arm64?", "linux/arm64/v8")).toEqual(["linux/arm64"]);
    expect(names("linux/arm64", "linux/arm64?")).toEqual(["linux/arm64"]);
    expect(names("local?")).toEqual(["linux/amd64?"]);
    expect(failure(() => parse({ platforms: ["all"] })).code).toBe("PLATFORM_INVALID");
    expect(failure(() => parse({ platforms: ["?"] })).code).toBe("PLATFORM_INVALID");
  });

  it("003-31 takes build arguments for all platforms and for one", () => {
    const file = config(
      '[build.build_args]\nLEVEL = 1\nMODE = "release"\n[build.platform_args."linux/aarch64"]\nFLAGS = "-mcpu=native"\nLEVEL = 3\n',
    );
    const options = { buildArgs: { LEVEL: "2" }, platformBuildArgs: { "linux/arm64": { LEVEL: "4" } } };
    expect(parse(options, file)).toMatchObject({
      buildArgs: { LEVEL: "2", MODE: "release" },
      platformBuildArgs: { "linux/arm64": { FLAGS: "-mcpu=native", LEVEL: "4" } },
    });
    expect(failure(() => parse({ buildArgs: { "a b": "" } })).code).toBe("USAGE");
  });

  it("makes paths of secrets, caches and contexts absolute, of the configuration's directory there", () => {
    const file = config(
      'build.secrets = ["id=npmrc,src=npmrc"]\nbuild.cache_to = "type=local,dest=cache"\nbuild.build_contexts = { shared = "." }\n',
      join(root, "keys"),
    );
    expect(parse({}, file)).toMatchObject({
      secrets: [`id=npmrc,src=${root}/keys/npmrc`],
      cacheTo: [`type=local,dest=${root}/keys/cache`],
      namedContexts: { shared: join(root, "keys") },
    });
    expect(
      parse({ secrets: ["id=a,src=keys/npmrc", "id=TOKEN", "type=env,id=x,env=TOKEN"] }).secrets,
    ).toEqual([`id=a,src=${root}/keys/npmrc`, "id=TOKEN,env=TOKEN", "id=x,env=TOKEN"]);
    const contexts = { base: "docker-image://alpine:3", l: "oci-layout://dist/image:1", d: "service" };
    expect(parse({ namedContexts: contexts }).namedContexts).toEqual({
      base: "docker-image://alpine:3",
      l: `oci-layout://${root}/dist/image:1`,
      d: join(root, "service"),
    });
  });

  it("refuses secrets that aren't there, without saying what they are", () => {
    for (const secret of ["id=a,src=none", "id=a,env=NONE", "src", "id=a,value=t0ken"]) {
      const error = failure(() => parse({ secrets: [secret] }));
      expect(error.exitCode).toBe(2);
    }
    expect(failure(() => parse({ secrets: ["id=a,env=NONE"] })).message).toMatch(/has no NONE/);
  });

  it("reads builders with and without platforms, flags before the configuration", () => {
    const file = config(
      '[builders]\n"linux/amd64" = ["tcp://a:1", "tcp://b:1?ca=x"]\nall = "unix:///run/b"\n[builders."linux/arm64,linux/arm/v7"]\nendpoint = "ssh://ci@arm"\n',
    );
    const { builders } = parse({ builders: ["linux/arm64=ssh://me@arm", "kube-pod://b?namespace=n"] }, file);
    expect(
      builders.map(({ platforms, endpoint, origin }) => [
        platforms?.map(formatPlatform).join(),
        endpoint,
        origin,
      ]),
    ).toEqual([
      ["linux/arm64", "ssh://me@arm", "flag"],
      [undefined, "kube-pod://b?namespace=n", "flag"],
      ["linux/amd64", "tcp://a:1", "config"],
      ["linux/amd64", "tcp://b:1?ca=x", "config"],
      [undefined, "unix:///run/b", "config"],
      ["linux/arm64,linux/arm/v7", "ssh://ci@arm", "config"],
    ]);
    expect(failure(() => parse({ builders: ["linux/arm64="] })).code).toBe("BUILDER_INVALID");
    expect(failure(() => parse({ builders: ["arm64=ssh://x"] })).code).toBe("PLATFORM_INVALID");
  });

  it("reads durations, attestations, fallback", () => {
    expect(parse({ timeout: "45m", silenceLimit: "90s", retries: 0 })).toMatchObject({
      timeoutMs: 2_700_000,
      silenceMs: 90_000,
      retries: 0,
    });
    expect(parse({ provenance: true, sbom: "generator=x" })).toMatchObject({
      provenance: "true",
      sbom: "generator=x",
    });
    for (const wrong of [
      { provenance: "." },
      { timeout: "soon" },
      { retries: -1 },
      { network: "bridge" },
      { fallback: "some" },
      { fallback: "emulate", emulation: false },
      { push: true },
    ]) {
      expect(failure(() => parse(wrong)).code).toBe("USAGE");
    }
    const two = { platforms: ["linux/amd64,linux/arm64"], outputs: ["docker-archive:a.tar"] };
    expect(failure(() => parse(two)).code).toBe("STORE_UNSUPPORTED");
  });

  it("lets this machine push to a registry of which the builders know nothing", () => {
    const file = config('[registries."reg.example"]\nca = "ca.pem"\n');
    expect(parse({ tags: ["reg.example/app"], push: true }, file).pushFrom).toBe("here");
    expect(parse({ tags: ["other.example/app"], push: true }, file)).not.toHaveProperty("pushFrom");
  });
});

describe("options of single platforms", () => {
  it("004-37 give a platform its build arguments and labels, and make it optional", () => {
    const file = config(`
      [build.platform_args."linux/arm64"]
      LEVEL = 1
      CPU = "generic"
      [platforms."linux/arm64"]
      build_args = { LEVEL = 2, LTO = true }
      labels = { tuned = "yes" }
      optional = true
    `);
    const platformBuildArgs = { "linux/arm64": { LTO: "thin" } };
    const request = parse({ platforms: ["linux/amd64,linux/arm64"], platformBuildArgs }, file);
    expect(request.platformBuildArgs).toEqual({ "linux/arm64": { LEVEL: "2", CPU: "generic", LTO: "thin" } });
    expect(request.platformLabels).toEqual({ "linux/arm64": { tuned: "yes" } });
    expect(request.platforms.map(({ optional }) => optional)).toEqual([false, true]);
  });
});

describe("chooseEngine", () => {
  const choose = (options: BuildOptions, file?: ConfigFile) =>
    chooseEngine(options, file, environment(), (directory) =>
      Promise.resolve(["python", "both"].some((name) => directory === join(root, name))),
    );

  it("004-28 builds a Dockerfile that is given or found, applications otherwise", async () => {
    expect(await choose({ context: "docker" })).toEqual({ engine: "buildkit", notes: [] });
    expect(await choose({ context: "python" })).toEqual({ engine: "assemble", notes: [] });
    expect(await choose({ context: "python", file: "Dockerfile" })).toEqual({
      engine: "buildkit",
      notes: [],
    });
    expect((await choose({ context: "both", engine: "assemble" })).engine).toBe("assemble");
    const both = await choose({ context: "both" });
    expect(both.engine).toBe("buildkit");
    expect(both.notes.join()).toMatch(/--engine assemble/);
    await expect(choose({ engine: "other" })).rejects.toMatchObject({ code: "USAGE" });
  });

  it("takes what only one engine has for a choice where an application has both", async () => {
    const meant = await choose({ context: "both", baseImage: "scratch" });
    expect(meant.engine).toBe("assemble");
    expect(meant.notes.join()).toMatch(/--engine buildkit/);
    const file = config('[build]\nbase_image = "scratch"\n');
    expect((await choose({ context: "both" }, file)).engine).toBe("assemble");
    expect((await choose({ context: "both", target: "x" }, file)).engine).toBe("buildkit");
  });

  it("refuses flags of the other engine", async () => {
    const refused = (options: BuildOptions) => choose(options).catch((error: AnyarchError) => error);
    expect(await refused({ context: "python", target: "x", load: true })).toMatchObject({
      code: "USAGE",
      message: "--target, --load are for Dockerfile builds, and no Dockerfile is built here.",
    });
    const found = (await refused({ context: "docker", baseImage: "scratch" })) as AnyarchError;
    expect(found.message).toMatch(
      /^--base-image is for builds without a Dockerfile, but .*docker\/Dockerfile is/,
    );
    expect(found.hint).toMatch(/--engine assemble/);
    const notes = (await choose({ file: "Dockerfile" }, config('[build]\nworkdir = "/srv"\n'))).notes;
    expect(notes.join()).toMatch(/--workdir/);
  });

  it("004-37 says what [platforms] sets for the other engine only", async () => {
    const file = config('[platforms."linux/arm64"]\nenv = { A = 1 }\nbuild_args = { B = 2 }');
    const { notes } = await choose({ file: "Dockerfile" }, file);
    expect(notes.join()).toContain('for [platforms."linux/arm64"] env.');
    const platformOptions = { "linux/arm64": { buildArgs: { B: "2" } } };
    await expect(choose({ context: join(root, "python"), platformOptions })).rejects.toThrow(
      '[platforms."linux/arm64"] build_args is for Dockerfile builds',
    );
  });
});
