import { existsSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBaseRegistry } from "../../engines/base-images.ts";
import { startBuildkitd, type Buildkitd } from "../../engines/buildkitd.ts";
import { ensureEngines } from "../../engines/install.ts";
import { run } from "../../engines/process.ts";
import { registerQemu } from "../../engines/qemu.ts";
import { startRegistry, type Registry } from "../../engines/registry.ts";
import { describeWith } from "../../engines/suites.ts";
import type { Run, RunOptions } from "../anyarch.ts";
import { processesMarked, snapshot } from "../bad-input/leftovers.ts";
import { type FlakyRegistry, startFlakyRegistry } from "./flaky-registry.ts";
import { expectIdle, openSite, signalAt, type Site } from "./site.ts";

const needed = ["buildkit", "busybox", "qemu", "docker-registry", "buildx", "dockerd"] as const;
const engines = await ensureEngines(needed);

/** Generous: it takes a few tenths of a second, on a machine that has nothing else to do. */
const soonMs = 8000;

let bases: Registry;
let registry: Registry;
let flaky: FlakyRegistry;
let node: Buildkitd;
let site: Site;
let dockerConfig: string;

beforeAll(async () => {
  if (engines.without(...needed) !== undefined) return;
  await registerQemu();
  bases = await startBaseRegistry(["busybox:stable"]);
  registry = await startRegistry();
  flaky = await startFlakyRegistry(registry);
  node = await startBuildkitd({ listen: "tcp", mirrors: { "docker.io": bases } });
  const path = [engines.path, process.env["PATH"] ?? ""].join(":");
  site = openSite({ PATH: path, DOCKER_HOST: "unix:///nonexistent/docker.sock" });
  dockerConfig = join(site.root, "home/.docker");
  // The user's own builder, the current one.
  const create = ["create", "--name", "mine", "--driver", "remote", "--use", node.address];
  await run(engines.program("buildx"), create, { env: { ...site.env } });
  site.write(["FROM busybox:stable", "RUN echo built > /out"]);
  site.write(["FROM busybox:stable", "RUN echo broken; exit 3"], "Broken");
  site.write(["FROM busybox:stable", "RUN while :; do echo waiting; sleep 0.2; done"], "Waiting");
});

afterAll(async () => {
  await node?.stop();
  await flaky?.[Symbol.asyncDispose]();
  await registry?.stop();
  await bases?.stop();
  site?.[Symbol.dispose]();
});

type Client = "buildx" | "buildctl";

function build(client: Client, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const output = args.includes("--output") ? [] : ["--output", `oci:${site.root}/image`];
  const env = { ANYARCH_BUILDKIT_BACKEND: client, ...options.env };
  return site.build(["--platform", "linux/amd64", ...output, ...args], { ...options, env });
}

async function expectCancelled(interrupted: Run, since: number): Promise<void> {
  expect(interrupted.code, interrupted.stderr).toBe(130);
  expect(Date.now() - since).toBeLessThan(soonMs);
  expect(interrupted.stderr).toMatch(/^Cancelled/m);
  expect(interrupted.stderr).not.toMatch(/^\s+at /m);
  expect(interrupted.stderr, "a cancelled build has no report of a failure").not.toContain("built with\n");
  expect(interrupted.stdout).toBe("");
  expect(existsSync(join(site.root, "image"))).toBe(false);
  await site.expectTidy();
  await expectIdle(node);
}

describeWith(engines, needed, "the user's builders", () => {
  it.each<[string, readonly string[]]>([
    ["an endpoint that was given", ["--builder", "ADDRESS"]],
    ["the user's builder by its name", ["--builder", "mine"]],
    ["the current builder, found", []],
  ])("001-07 are byte for byte the same after success, failure and Ctrl-C: %s", async (_, flags) => {
    const args = flags.map((flag) => flag.replace("ADDRESS", node.address));
    const before = snapshot(dockerConfig);
    expect(Object.keys(before)).toContain("buildx/current");
    const output = join(site.root, "good");
    const good = await build("buildx", [...args, "--output", `oci:${output}`]);
    expect(good.code, good.stderr).toBe(0);
    expect(snapshot(dockerConfig)).toEqual(before);
    const bad = await build("buildx", [...args, "--file", "Broken"]);
    expect(bad.code, bad.stderr).toBe(1);
    expect(snapshot(dockerConfig)).toEqual(before);
    const cancelled = await build("buildx", [...args, "--file", "Waiting"], signalAt("│ waiting", "SIGINT"));
    expect(cancelled.code, cancelled.stderr).toBe(130);
    expect(snapshot(dockerConfig)).toEqual(before);
    await site.expectTidy();
    await expectIdle(node);
  });
});

describeWith(engines, needed, "Ctrl-C", () => {
  it.each<Client>(["buildx", "buildctl"])(
    "while a builder is probed that never answers (%s)",
    async (client) => {
      const silent = createServer(() => {});
      await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
      const endpoint = `tcp://127.0.0.1:${(silent.address() as AddressInfo).port}`;
      let since = 0;
      const onStart: RunOptions["onStart"] = (kill) => {
        silent.once("connection", () => {
          since = Date.now();
          kill("SIGINT");
        });
      };
      const interrupted = await build(client, ["--builder", endpoint], { onStart });
      silent.close();
      await expectCancelled(interrupted, since);
    },
  );

  it.each<[NodeJS.Signals, Client]>([
    ["SIGINT", "buildx"],
    ["SIGINT", "buildctl"],
    ["SIGTERM", "buildctl"],
  ])("during an instruction: %s (%s)", async (signal, client) => {
    const since = Date.now();
    const interrupted = await build(
      client,
      ["--builder", node.address, "--file", "Waiting"],
      signalAt("│ waiting", signal),
    );
    await expectCancelled(interrupted, since);
    expect(interrupted.stderr).toContain("− linux/amd64  build on ");
  });

  it.each([
    ["by digest", []],
    ["under temporary tags", ["--temporary-tags"]],
  ])("during the publication of what was pushed %s: no tag of the image is there", async (_, more) => {
    let since = 0;
    const target = `${flaky.host}/team/cancelled:1`;
    const onStart: RunOptions["onStart"] = (kill) =>
      flaky.hold(
        ({ method, path }) => method === "PUT" && path.endsWith("/manifests/1"),
        () => {
          since = Date.now();
          kill("SIGINT");
        },
      );
    const args = [
      "--platform",
      "linux/amd64,linux/arm64",
      "--builder",
      node.address,
      "--tag",
      target,
      "--push",
      ...more,
    ];
    const interrupted = await site.build(args, { onStart });
    flaky.hold(
      () => false,
      () => {},
    );
    await expectCancelled(interrupted, since);
    const tag = /repositories\/team\/cancelled\/_manifests\/tags\/([^/]+)$/;
    const tags = Object.keys(snapshot(registry.storage)).flatMap((path) => tag.exec(path)?.[1] ?? []);
    if (more.length === 0) expect(tags).toEqual([]);
    else {
      // This registry removes no tags: they are asked for, and what stays is named.
      expect(tags).toEqual(
        ["amd64", "arm64"].map((name) => expect.stringMatching(`^anyarch-.*-linux-${name}$`)),
      );
      expect(interrupted.stderr).toContain(`Temporary tags stay in ${flaky.host}/team/cancelled`);
      for (const name of tags) expect(interrupted.stderr).toContain(name);
    }
  });
});

describeWith(engines, needed, "kill -9", () => {
  it("leaves nothing that the next build stumbles over; what ran ends with its next word", async () => {
    const before = snapshot(dockerConfig);
    const killed = await build(
      "buildx",
      ["--builder", "mine", "--file", "Waiting"],
      signalAt("│ waiting", "SIGKILL"),
    );
    expect(killed.code).toBe(128);
    await expect.poll(() => processesMarked(site.env["SITE"] ?? ""), { timeout: 5000 }).toEqual([]);
    await expectIdle(node);
    expect(snapshot(dockerConfig)).toEqual(before);
    const output = join(site.root, "next");
    const next = await build("buildx", ["--builder", "mine", "--output", `oci:${output}`]);
    expect(next.code, next.stderr).toBe(0);
    expect(readFileSync(join(output, "index.json"), "utf8")).toContain("sha256:");
    await site.expectTidy();
    expect(snapshot(dockerConfig)).toEqual(before);
  });
});
