import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import {
  isLoopback,
  RegistriesConfig,
  type RegistryOverrides,
} from "../../../src/registry/registries-config.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "anyarch-conf-"));
  mkdirSync(join(home, ".config/containers/registries.conf.d"), { recursive: true });
});
afterEach(() => rmSync(home, { recursive: true }));

const context = (env: Record<string, string> = {}): Context =>
  createContext(createNodeHost({ env: { HOME: home, ...env }, cwd: home }));

async function endpoints(conf: string, name: string, overrides: RegistryOverrides = {}) {
  writeFileSync(join(home, ".config/containers/registries.conf"), conf);
  const slash = name.indexOf("/");
  const config = new RegistriesConfig(overrides);
  const found = await config.endpoints(name.slice(0, slash), name.slice(slash + 1), context());
  return {
    pull: found.pull.map(
      (one) => `${one.host}/${one.repository}${one.insecure ? " insecure" : ""} ${one.use}`,
    ),
    push: `${found.push.host}/${found.push.repository}`,
  };
}

describe("endpoints", () => {
  it("knows Docker Hub's real host", async () => {
    expect(await endpoints("", "docker.io/library/python")).toEqual({
      pull: ["registry-1.docker.io/library/python all"],
      push: "registry-1.docker.io/library/python",
    });
  });

  it("uses the entry with the longest prefix: location, mirrors in order, insecure", async () => {
    const conf = `
[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "mirror.example/hub"
[[registry.mirror]]
location = "other.example:5000"
insecure = true
pull-from-mirror = "digest-only"
[[registry]]
prefix = "docker.io/team"
location = "internal.example/docker-team"
insecure = true
[[registry]]
prefix = "*.corp.example"
insecure = true
mirror-by-digest-only = true
`;
    expect(await endpoints(conf, "docker.io/library/python")).toEqual({
      pull: [
        "mirror.example/hub/library/python all",
        "other.example:5000/library/python insecure digest-only",
        "registry-1.docker.io/library/python all",
      ],
      push: "registry-1.docker.io/library/python",
    });
    expect(await endpoints(conf, "docker.io/team/app")).toEqual({
      pull: ["internal.example/docker-team/app insecure all"],
      push: "internal.example/docker-team/app",
    });
    expect((await endpoints(conf, "docker.io/teams/app")).push).toBe("registry-1.docker.io/teams/app");
    expect((await endpoints(conf, "a.corp.example:5000/x")).pull).toEqual([
      "a.corp.example:5000/x insecure all",
    ]);
    expect((await endpoints(conf, "corp.example/x")).pull).toEqual(["corp.example/x all"]);
  });

  it("lets the user's own configuration win", async () => {
    const conf = '[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "mirror.example"\n';
    const overrides = {
      "docker.io": { mirrors: ["http://one.example:5000/hub"], location: "proxy.example/hub" },
    };
    expect(await endpoints(conf, "docker.io/library/a", overrides)).toEqual({
      pull: ["one.example:5000/hub/library/a insecure all", "proxy.example/hub/library/a all"],
      push: "proxy.example/hub/library/a",
    });
    expect(
      (await endpoints(conf, "docker.io/library/a", { "docker.io": { insecure: true } })).pull[0],
    ).toContain("mirror");
  });

  it("reads drop-in files, and the file that the environment names in place of all others", async () => {
    writeFileSync(
      join(home, ".config/containers/registries.conf.d/10.conf"),
      '[[registry]]\nprefix = "a.example"\nlocation = "dropin.example"\n',
    );
    expect((await endpoints("", "a.example/x")).push).toBe("dropin.example/x");
    writeFileSync(join(home, "own.conf"), '[[registry]]\nprefix = "a.example"\nlocation = "own.example"\n');
    const ctx = context({ CONTAINERS_REGISTRIES_CONF: join(home, "own.conf") });
    expect((await new RegistriesConfig().endpoints("a.example", "x", ctx)).push.host).toBe("own.example");
  });

  it("says which file is wrong", async () => {
    const wrong = expect.objectContaining({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("registries.conf"),
    });
    for (const conf of ["[[registry]", "[[registry]]\ninsecure = true\n", "[[registry]]\nlocation = 1\n"])
      await expect(endpoints(conf, "a.example/x")).rejects.toEqual(wrong);
    const ctx = context({ CONTAINERS_REGISTRIES_CONF: join(home, "missing.conf") });
    await expect(new RegistriesConfig().endpoints("a", "x", ctx)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });
});

describe("isLoopback", () => {
  it.each(["localhost", "localhost:5000", "127.0.0.1", "127.8.9.10:80", "[::1]:5000", "[::1]"])(
    "is %s",
    (host) => {
      expect(isLoopback(host)).toBe(true);
    },
  );
  it.each(["registry", "127.0.0.1.example", "localhost.example", "128.0.0.1", "[::2]", "10.0.0.1:5000"])(
    "isn't %s",
    (host) => {
      expect(isLoopback(host)).toBe(false);
    },
  );
});
