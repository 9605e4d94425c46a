import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BuildEvent } from "../../../src/events/event.ts";
import type { Context } from "../../../src/host/context.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { findCredential } from "../../../src/registry/credentials.ts";

let home: string;
let events: BuildEvent[];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "anyarch-credentials-"));
  events = [];
});
afterEach(() => rmSync(home, { recursive: true }));

function context(env: Record<string, string> = {}): Context {
  const host = createNodeHost({
    env: { HOME: home, PATH: `${home}/bin:${process.env["PATH"]}`, ...env },
    cwd: home,
  });
  return createContext(host, { emit: (event) => events.push(event) });
}

function write(path: string, value: unknown): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), typeof value === "string" ? value : JSON.stringify(value));
}

function helper(name: string, script: string): void {
  write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`);
  chmodSync(join(home, `bin/docker-credential-${name}`), 0o755);
}

const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString("base64") });
const docker = ".docker/config.json";
const find = (registry: string, repository = "team/app", ctx = context()) =>
  findCredential(registry, repository, {}, ctx);

describe("findCredential", () => {
  it("prefers what is given, for its own registry only", async () => {
    write(docker, { auths: { "ghcr.io": auth("a:b") } });
    const given = { "docker.io": { username: "u", password: "p" } };
    expect(await findCredential("registry-1.docker.io", "x", given, context())).toMatchObject({
      username: "u",
      password: "p",
    });
    expect(await findCredential("ghcr.io", "x", given, context())).toMatchObject({ username: "a" });
    expect(await findCredential("quay.io", "x", given, context())).toBeUndefined();
  });

  it("reads Docker's config, whose keys come in several forms", async () => {
    write(docker, {
      auths: {
        "https://index.docker.io/v1/": auth("hub:pass:with:colons"),
        "https://old.example/v1/": auth("old:1"),
        "reg.example:5000": { identitytoken: "id", ...auth("me:") },
        "bearer.example": { registrytoken: "direct" },
        "empty.example": {},
        "broken.example": { auth: "bm9jb2xvbg==" },
      },
    });
    expect(await find("docker.io", "library/python")).toEqual({
      source: join(home, docker),
      username: "hub",
      password: "pass:with:colons",
    });
    expect(await find("old.example")).toMatchObject({ username: "old" });
    expect(await find("reg.example:5000")).toMatchObject({ username: "me", identityToken: "id" });
    expect(await find("reg.example")).toBeUndefined();
    expect(await find("bearer.example")).toMatchObject({ registryToken: "direct" });
    expect(await find("empty.example")).toBeUndefined();
    expect(events).toEqual([]);
    expect(await find("broken.example")).toBeUndefined();
    expect(events).toMatchObject([{ level: "warning" }]);
  });

  it("uses DOCKER_CONFIG, then podman's files in their order", async () => {
    write("elsewhere/config.json", { auths: { "a.example": auth("docker:1") } });
    write("auth.json", { auths: { "a.example": auth("file:1"), "b.example": auth("file:2") } });
    write("run/containers/auth.json", { auths: { "b.example": auth("run:1"), "c.example": auth("run:2") } });
    write(".config/containers/auth.json", { auths: { "d.example": auth("config:1") } });
    const ctx = context({
      DOCKER_CONFIG: join(home, "elsewhere"),
      REGISTRY_AUTH_FILE: join(home, "auth.json"),
      XDG_RUNTIME_DIR: join(home, "run"),
    });
    const users = await Promise.all(
      ["a", "b", "c", "d", "e"].map((name) => find(`${name}.example`, "x", ctx)),
    );
    expect(users.map((user) => user?.username)).toEqual(["docker", "file", "run", "config", undefined]);
  });

  it("takes the longest repository prefix", async () => {
    write(".config/containers/auth.json", {
      auths: {
        "reg.example": auth("all:1"),
        "reg.example/team": auth("team:1"),
        "reg.example/team/app": auth("app:1"),
        "docker.io/library": auth("hub:1"),
      },
    });
    const user = async (repository: string) => (await find("reg.example", repository))?.username;
    expect(await user("team/app")).toBe("app");
    expect(await user("team/application")).toBe("team");
    expect(await user("teams/x")).toBe("all");
    expect((await find("docker.io", "library/python"))?.username).toBe("hub");
    expect(await find("docker.io", "me/app")).toBeUndefined();
  });

  it("asks helpers: one for a registry before the one for all", async () => {
    helper("own", `cat > ${home}/asked; echo '{"ServerURL":"x","Username":"<token>","Secret":"identity"}'`);
    helper("all", `read s; echo "{\\"Username\\":\\"for-$s\\",\\"Secret\\":\\"s\\"}"`);
    write(docker, { credHelpers: { "own.example": "own" }, credsStore: "all", auths: { "own.example": {} } });
    expect(await find("own.example")).toEqual({ source: "docker-credential-own", identityToken: "identity" });
    expect(await find("docker.io", "library/x")).toMatchObject({
      username: "for-https://index.docker.io/v1/",
    });
    expect(await find("other.example")).toMatchObject({ username: "for-other.example", password: "s" });
  });

  it("goes on without a helper that is missing, fails or talks nonsense, and shows no secret", async () => {
    helper("none", "echo 'credentials not found in native keychain'; exit 1");
    helper("bad", "echo secret-in-stderr >&2; exit 2");
    helper("odd", "echo secret-in-stdout");
    for (const [name, warnings] of [
      ["none", 0],
      ["bad", 1],
      ["odd", 1],
      ["missing", 1],
      ["../evil", 1],
    ] as const) {
      events = [];
      write(docker, { credsStore: name, auths: { "a.example": auth("fallback:1") } });
      expect((await find("a.example"))?.username).toBe("fallback");
      expect(events).toHaveLength(warnings);
    }
    expect(JSON.stringify(events)).not.toContain("secret");
  });

  it("gives GITHUB_TOKEN to ghcr.io and to nothing else", async () => {
    const ctx = context({ GITHUB_TOKEN: "t" });
    expect(await find("ghcr.io", "a/b", ctx)).toEqual({
      source: "GITHUB_TOKEN",
      username: "x-access-token",
      password: "t",
    });
    expect(await find("ghcr.io", "a/b", context({ GITHUB_TOKEN: "t", GITHUB_ACTOR: "jo" }))).toMatchObject({
      username: "jo",
    });
    for (const registry of ["docker.io", "ghcr.io.example", "ghcr.io:5000", "quay.io"])
      expect(await find(registry, "ghcr.io/x", ctx)).toBeUndefined();
    write(docker, { auths: { "ghcr.io": auth("mine:1") } });
    expect(await find("ghcr.io", "a/b", ctx)).toMatchObject({ username: "mine" });
  });

  it("warns about a broken file without quoting it", async () => {
    write(docker, '{"auths": {"a.example": {"auth": "c2VjcmV0OnNlY3JldA=="');
    expect(await find("a.example")).toBeUndefined();
    expect(events).toMatchObject([{ level: "warning", message: expect.stringContaining(docker) }]);
    expect(JSON.stringify(events)).not.toContain("c2Vj");
  });
});
