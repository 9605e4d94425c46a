import { chmod, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findBackends } from "../../../src/buildkit/backend.ts";
import { makeClientConfig } from "../../../src/buildkit/client-config.ts";
import { createContext, createNodeHost } from "../../../src/host/node-host.ts";
import { ownIdentity } from "../../../src/host/process-identity.ts";
import { makeTempDir, type TempDir } from "../../../src/host/temp-dir.ts";
import { parsePlatform } from "../../../src/oci/platform.ts";
import { startBuildkitd } from "../../engines/buildkitd.ts";
import { crane } from "../../engines/clients.ts";
import { ensureEngines } from "../../engines/install.ts";
import { startRegistry } from "../../engines/registry.ts";
import { describeWith } from "../../engines/suites.ts";
import { failures, farmOf, userHost } from "./farm-fixture.ts";
import { plainSolve } from "../../../src/buildkit/solve.ts";

const needed = ["buildkit", "buildx", "docker-registry", "openssl", "crane"] as const;
const engines = await ensureEngines(needed);

let home: TempDir;

beforeAll(async () => {
  home = await makeTempDir();
});

afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

/** A program that prints something, for clients that are too old to be had. */
async function fakeProgram(folder: string, name: string, says: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, name), `#!/bin/sh\necho '${says}'\n`);
  await chmod(join(folder, name), 0o755);
  return folder;
}

describe("clients", () => {
  it("are refused with what is wrong: none, too old, an unknown choice", async () => {
    const empty = join(home.path, "empty");
    await mkdir(empty);
    const find = (env: NodeJS.ProcessEnv): Promise<unknown> =>
      findBackends(undefined, createContext(createNodeHost({ env: { HOME: empty, ...env }, cwd: empty })));
    // Plugins in the machine's own folders would be found.
    const none = find({ PATH: empty, ANYARCH_BUILDKIT_BACKEND: "buildctl" });
    await expect(none).rejects.toMatchObject({
      code: "BUILDER_TOOL_MISSING",
      message: "buildctl isn't installed.",
    });
    const old = await fakeProgram(
      join(home.path, "old"),
      "buildctl",
      "buildctl github.com/moby/buildkit v0.12.5 bac3f2b",
    );
    await expect(
      find({ PATH: `${old}:/usr/bin:/bin`, ANYARCH_BUILDKIT_BACKEND: "buildctl" }),
    ).rejects.toThrow("Too old: buildctl 0.12.5 (0.13 or newer is needed).");
    const plugin = await fakeProgram(
      join(empty, ".docker/cli-plugins"),
      "docker-buildx",
      "github.com/docker/buildx v0.13.1 788433953",
    );
    await expect(
      find({ PATH: `${plugin}:/usr/bin:/bin`, ANYARCH_BUILDKIT_BACKEND: "buildx" }),
    ).rejects.toThrow(/Too old: buildx 0\.13\.1/);
    await expect(find({ PATH: empty, ANYARCH_BUILDKIT_BACKEND: "kaniko" })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });

  it("have what a killed process left behind removed, and not what others use", async () => {
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = home.path;
    try {
      const owners = {
        "anyarch-build-dead": { ...ownIdentity(), pid: 999_999_999 },
        "anyarch-build-live": ownIdentity(),
      };
      for (const [name, owner] of Object.entries(owners)) {
        await mkdir(join(home.path, name));
        await writeFile(join(home.path, name, "owner.json"), JSON.stringify(owner));
      }
      await mkdir(join(home.path, "anyarch-build-other"));
      await using config = await makeClientConfig({}, createContext(createNodeHost()));
      const left = (await readdir(home.path)).filter((name) => /^anyarch-build-[a-z]+$/.test(name));
      expect(left).toEqual(expect.arrayContaining(["anyarch-build-live", "anyarch-build-other"]));
      expect(left).not.toContain("anyarch-build-dead");
      expect((await stat(config.directory)).mode & 0o077).toBe(0);
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  });
});

describeWith(engines, needed, "credentials for one registry", () => {
  it.each(["buildx", "buildctl"] as const)(
    "push by digest, before a credential store that fails (%s)",
    async (backend) => {
      await using registry = await startRegistry({ tls: true, auth: "basic" });
      await using node = await startBuildkitd({ registries: [registry] });
      const user = join(home.path, `user-${backend}`);
      await mkdir(join(user, ".docker"), { recursive: true });
      await writeFile(join(user, ".docker/config.json"), JSON.stringify({ credsStore: "nonexistent" }));
      await writeFile(join(user, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
      const host = userHost(engines, user);
      const { username, password } = registry;
      await using farm = await farmOf(host, {
        builders: [node.address],
        options: { backend, credentials: { [registry.host]: { username, password } } },
      });
      expect(failures(farm)).toEqual([]);
      const metadataFile = join(user, "metadata.json");
      const command = farm.nodes[0]?.command({
        platform: parsePlatform("linux/amd64"),
        context: user,
        dockerfile: join(user, "Dockerfile"),
        ...plainSolve,
        provenance: "false",
        delivery: { kind: "push-by-digest", repository: `${registry.host}/team/app` },
        metadataFile,
      });
      if (command === undefined) throw new Error("no node");
      const { code, stderr } = await host.exec(command.program, command.args, { env: command.env });
      expect(code, stderr).toBe(0);
      const digest = /sha256:[0-9a-f]{64}/.exec(stderr.slice(stderr.lastIndexOf("exporting manifest")))?.[0];
      await crane(["validate", "--remote", `${registry.host}/team/app@${digest}`], { registry });
      expect(JSON.stringify(command.args)).not.toContain(password);
    },
    60_000,
  );
});
