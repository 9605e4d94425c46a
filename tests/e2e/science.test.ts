import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { crane } from "../engines/clients.ts";
import { ensureEngines } from "../engines/install.ts";
import { openPodman } from "../engines/podman.ts";
import { registerQemu } from "../engines/qemu.ts";
import { startRegistry, type Registry } from "../engines/registry.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, makeWorkspace, type Workspace } from "./anyarch.ts";
import { machines, prepareExample, sharedCacheDir } from "./example-service.ts";

const platforms = Object.keys(machines);
const engines = await ensureEngines(["docker-registry", "openssl", "crane", "podman", "qemu", "runc"]);

describeWith(engines, ["docker-registry", "openssl", "crane"], "examples/science", () => {
  let registry: Registry;
  let workspace: Workspace;
  let env: Record<string, string>;
  let science: string;

  const build = (reference: string, ...more: string[]): ReturnType<typeof anyarch> =>
    anyarch(
      [
        "build",
        science,
        "--platform",
        platforms.join(","),
        "-t",
        `${registry.host}/${reference}`,
        "--push",
        ...more,
      ],
      { cwd: workspace.path, env },
    );

  beforeAll(async () => {
    registry = await startRegistry({ tls: true, auth: "basic" });
    workspace = makeWorkspace({ cacheDir: sharedCacheDir() });
    env = { ...workspace.env, ...registry.env };
    science = prepareExample("science", join(workspace.path, "science"));
  });

  afterAll(async () => {
    workspace[Symbol.dispose]();
    await registry[Symbol.asyncDispose]();
  });

  it("004-26 refuses what has no wheel before anything is downloaded or pushed, and says how to go on", async () => {
    using empty = makeWorkspace();
    const flags = ["--platform", platforms.join(","), "-t", `${registry.host}/science:1`, "--push"];
    const refused = await anyarch(["build", science, ...flags], {
      cwd: empty.path,
      env: { ...env, ...empty.env },
    });
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    const { stderr } = refused;
    const numpy =
      /^error numpy (\d+\.\d+\.\d+) has no wheel for linux\/arm\/v7 \(CPython 3\.11\.\d+, glibc 2\.36\): /m;
    expect(stderr).toMatch(numpy);
    expect(stderr).toMatch(/its wheels are for .*manylinux_2_\d+_aarch64.*manylinux_2_\d+_x86_64/);
    expect(stderr).toMatch(/only its source is there: numpy-[\d.]+\.tar\.gz/);
    expect(stderr).toContain("Leave linux/arm/v7 out, or pass --fallback available");
    expect(stderr).toContain("--find-links");
    expect(stderr).toContain("--extra-index-url");
    expect(stderr).toContain("[DEPENDENCY_UNAVAILABLE]");
    // What was looked at are lists only: neither a Debian package nor a wheel was fetched, and nothing was asked of
    // the registry.
    const cache = empty.env["ANYARCH_CACHE_DIR"] ?? "";
    const files = readdirSync(cache, { recursive: true, encoding: "utf8" }).filter((name) =>
      statSync(join(cache, name)).isFile(),
    );
    expect(
      files.filter((name) => !/^(?:debian\/(?:dists|indices)|python\/(?:index|default-index))/.test(name)),
    ).toEqual([]);
    expect(files.length).toBeGreaterThan(3);
    expect(await registry.requests()).toEqual([]);
    expect(existsSync(join(science, "anyarch.lock"))).toBe(false);
    expect(readdirSync(empty.path)).toEqual([]);
  });

  it("gives the same refusal as JSON", async () => {
    const refused = await build("science:1", "--format", "json", "--quiet");
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      schema: "anyarch.error/v1",
      code: "DEPENDENCY_UNAVAILABLE",
      details: { unavailable: [{ name: "numpy", platform: "linux/arm/v7" }] },
    });
  });

  it("shows in the plan which platform lacks what", async () => {
    const planned = await build("science:1", "--dry-run", "--fallback", "available");
    expect(planned.code).toBe(3);
    expect(planned.stdout).toMatch(/^package +version +linux\/amd64 +linux\/arm64 +linux\/arm\/v7$/m);
    expect(planned.stdout).toMatch(
      /^numpy +[\d.]+ +cp311-cp311-manylinux\S*_x86_64 +cp311-cp311-manylinux\S*_aarch64 +source only$/m,
    );
    expect(await registry.requests()).toEqual([]);
  });

  describeWith(engines, ["podman", "runc", "qemu"], "what is left", () => {
    it("000-18 000-19 pushes the others with --fallback available, loudly, with exit code 3", async () => {
      const partial = await build("science:2", "--fallback", "available", "--metadata-file", "metadata.json");
      expect(partial, partial.stderr).toMatchObject({ code: 3 });
      expect(partial.stderr).toMatch(
        /^LEFT OUT linux\/arm\/v7 {2}numpy [\d.]+ has no wheel for linux\/arm\/v7/m,
      );
      expect(partial.stderr).toContain(
        "The image has no linux/arm/v7, as --fallback available allows: exit code 3.",
      );
      // That way was gone already.
      expect(partial.stderr).not.toContain("or pass --fallback");
      expect(partial.stdout).toContain("index of 2 platforms");
      const reference = `${registry.host}/science:2`;
      await crane(["validate", "--remote", reference], { registry });
      const index = JSON.parse((await crane(["manifest", reference], { registry })).stdout) as {
        manifests: { platform: object }[];
      };
      expect(index.manifests.map(({ platform }) => platform)).toStrictEqual([
        { architecture: "amd64", os: "linux" },
        { architecture: "arm64", os: "linux" },
      ]);
      await registerQemu();
      await using podman = await openPodman({ registries: [registry] });
      for (const platform of ["linux/amd64", "linux/arm64"] as const) {
        const ran = await podman.run(["run", "--rm", "--quiet", "--platform", platform, reference]);
        expect(ran.stdout).toMatch(
          new RegExp(`^${machines[platform]}: numpy [\\d.]+, determinant -5\\.000$`, "m"),
        );
      }
      const refused = await podman.run(["pull", "--quiet", "--platform", "linux/arm/v7", reference], {
        anyExit: true,
      });
      expect(refused.code).not.toBe(0);
    });
  });

  it("names what was left out in the results for programs, too", async () => {
    const { code, stdout } = await build("science:2", "--fallback", "available", "--format", "json", "-q");
    expect(code).toBe(3);
    const result = JSON.parse(stdout) as { omitted: { platform: string; code: string; message: string }[] };
    expect(result.omitted).toMatchObject([{ platform: "linux/arm/v7", code: "DEPENDENCY_UNAVAILABLE" }]);
    expect(result.omitted[0]?.message).toContain("numpy");
  });

  it("stays a failure where no platform is left", async () => {
    const before = (await registry.requests()).length;
    const flags = ["--platform", "linux/arm/v7", "-t", `${registry.host}/science:3`, "--push"];
    const none = await anyarch(["build", science, ...flags, "--fallback", "available"], {
      cwd: workspace.path,
      env,
    });
    expect(none).toMatchObject({ code: 1, stdout: "" });
    expect(none.stderr).toContain("[DEPENDENCY_UNAVAILABLE]");
    expect((await registry.requests()).length).toBe(before);
  });
});
