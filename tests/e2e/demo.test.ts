import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureEngines } from "../engines/install.ts";
import { type Registry, startRegistry } from "../engines/registry.ts";
import { describeWith } from "../engines/suites.ts";
import { anyarch, copyExample, makeWorkspace, root, type Workspace } from "./anyarch.ts";

const engines = await ensureEngines(["docker-registry"]);

describeWith(engines, [], "the README's first command", () => {
  it("004-01 004-02 builds, proves and shows both images, and says what to run next", () => {
    rmSync(join(root, "dist/image"), { recursive: true, force: true });
    const run = spawnSync("npm", ["run", "--silent", "demo"], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });
    expect(run.stderr).not.toMatch(/error/i);
    expect(run.status).toBe(0);
    for (const platform of ["linux/amd64", "linux/arm64"]) {
      expect(run.stdout).toMatch(
        new RegExp(
          `^${platform} +sha256:[0-9a-f]{12} +[0-9.]+ MB +3, 2 shared.* ✓ \\d+ ELF of \\d+ files$`,
          "m",
        ),
      );
    }
    expect(run.stdout).toMatch(/^shared by the platforms: .*application/m);
    const next = /^next: anyarch (.+)$/m.exec(run.stdout)?.[1]?.split(" ") ?? [];
    expect(next[0]).toBe("inspect");
    expect(existsSync(join(root, "dist/image/index.json"))).toBe(true);
  });

  it("shows what the next command promises", async () => {
    const run = await anyarch(["inspect", "oci:dist/image", "--format", "json"]);
    expect(run.code).toBe(0);
    const { platforms } = JSON.parse(run.stdout) as { platforms: { platform: string }[] };
    expect(platforms.map(({ platform }) => platform)).toEqual(["linux/amd64", "linux/arm64"]);
  });
});

describeWith(engines, ["docker-registry"], "a machine without a Debian mirror", () => {
  let registry: Registry;
  let workspace: Workspace;
  beforeAll(async () => {
    registry = await startRegistry({});
    workspace = makeWorkspace();
    // The image that the application would take from the hub, made of Debian packages.
    const base = join(workspace.path, "base");
    mkdirSync(base);
    writeFileSync(join(base, "main.py"), "");
    const tag = `${registry.host}/library/python:3.11-slim`;
    const made = await anyarch(
      ["build", base, "--tag", tag, "--platform", "linux/amd64,linux/arm64", "--push"],
      { env: registry.env },
    );
    expect(made.stderr).not.toMatch(/error/);
    expect(made.code).toBe(0);
  });
  afterAll(async () => {
    await registry.stop();
    workspace[Symbol.dispose]();
  });

  it("takes a registry's base image instead, and says so", async () => {
    const empty = join(workspace.path, "empty-root");
    mkdirSync(empty);
    const conf = join(workspace.path, "registries.conf");
    writeFileSync(
      conf,
      `[[registry]]\nprefix = "docker.io"\nlocation = "${registry.host}"\ninsecure = true\n`,
    );
    const app = copyExample("hello-python", join(workspace.path, "hello"));
    const run = await anyarch(
      ["build", app, "--tag", "hello-python:demo", "--platform", "linux/amd64,linux/arm64"],
      {
        cwd: workspace.path,
        env: { ...workspace.env, ...registry.env, ANYARCH_APT_ROOT: empty, CONTAINERS_REGISTRIES_CONF: conf },
      },
    );
    expect(run.stderr).toContain(
      "No Debian mirror is configured on this machine: a registry's base image is used instead",
    );
    expect(run.code).toBe(0);
    const index = JSON.parse(readFileSync(join(workspace.path, "dist/image/index.json"), "utf8")) as {
      manifests: unknown[];
    };
    expect(index.manifests).toHaveLength(1);
    expect(run.stdout).toMatch(/^linux\/arm64 .* ✓ 0 ELF of \d+ files$/m);
  });
});
