import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ensureEngines } from "../engines/install.ts";
import { registerQemu } from "../engines/qemu.ts";
import { describeWith } from "../engines/suites.ts";
import { rawTar, writeRawLayout } from "../integration/trial/raw-layers.ts";
import { openTrialScene, type TrialScene } from "./trial/scene.ts";

const engines = await ensureEngines(["runc", "busybox", "qemu"]);

interface Report {
  readonly schema: string;
  readonly ok: boolean;
  readonly platforms: readonly {
    readonly platform: string;
    readonly ok: boolean;
    readonly execution?: string;
    readonly durationMs: number;
    readonly checks: readonly { kind: string; name: string; status: string; message?: string }[];
    readonly error?: { readonly code: string };
  }[];
}

let scene: TrialScene;

async function freePort(): Promise<number> {
  await using server = await listen(0);
  return server.port;
}

async function listen(port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const server: Server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function testJson(args: readonly string[]): Promise<Report & { readonly code: number }> {
  const { code, stdout, stderr } = await scene.run(["test", ...args, "--format", "json", "--quiet"]);
  expect(stdout, stderr).not.toBe("");
  return { code, ...(JSON.parse(stdout) as Report) };
}

describeWith(engines, ["runc", "busybox", "qemu"], "test and bench", () => {
  beforeAll(async () => {
    await registerQemu();
    scene = await openTrialScene();
  });
  afterAll(() => scene[Symbol.dispose]());

  it("003-28 003-32 tries commands and files on all platforms of an image and prints the matrix", async () => {
    const checks = [
      "--command",
      "test $GREETING = hello",
      "--command",
      "./script.sh x",
      "--file",
      "/bin/busybox",
    ];
    const { code, stdout, stderr } = await scene.run(["test", scene.image, ...checks, "-e", "PWD=/"]);
    expect(stdout, stderr).toMatch(/^ +linux\/amd64 +linux\/arm64 +linux\/arm\/v7$/m);
    expect(stdout).toMatch(/^runs +native +emulated +emulated$/m);
    expect(stdout).toMatch(/^uname -m +✓ [\d.]+s +✓ [\d.]+s +✓ [\d.]+s$/m);
    expect(stdout).toMatch(/^\/bin\/busybox +✓ +✓ +✓$/m);
    expect(stdout).toMatch(/^time +[\d.]+s +[\d.]+s +[\d.]+s$/m);
    // The working directory is /tmp, where there is no script.
    expect(stdout).toMatch(/✗ linux\/arm64 {2}\.\/script\.sh x\n {2}exit code 127: .*not found/);
    expect(code).toBe(1);
    expect(scene.leftovers()).toEqual([]);
  });

  it("003-19 reads [test] of the configuration, and asserts uname -m and what commands say", async () => {
    const table = [
      "[test]",
      'commands = [{ run = "uname -m", stdout = "aarch64", name = "is arm64" }, { run = ["sh", "-c", "exit 3"], exit = 3 }]',
      'files = ["/etc/passwd", "/etc/none"]',
    ];
    writeFileSync(join(scene.path, "anyarch.toml"), table.join("\n"));
    const { code, schema, ok, platforms } = await testJson([
      scene.image,
      "--platform",
      "linux/amd64,linux/arm64",
    ]);
    writeFileSync(join(scene.path, "anyarch.toml"), "");
    expect({ code, schema, ok }).toEqual({ code: 1, schema: "anyarch.test/v1", ok: false });
    const statuses = platforms.map(({ checks }) => checks.map(({ name, status }) => `${name}: ${status}`));
    const rest = ["sh -c exit 3: ok"];
    const files = ["/etc/passwd: ok", "/etc/none: failed"];
    expect(statuses).toEqual([
      ["uname -m: ok", ...files, "is arm64: failed", ...rest],
      ["uname -m: ok", ...files, "is arm64: ok", ...rest],
    ]);
    expect(platforms.map(({ execution }) => execution)).toEqual(["native", "emulated"]);
    const [amd64, arm64] = platforms.map(({ durationMs }) => durationMs);
    expect(amd64).toBeGreaterThan(0);
    expect(arm64).toBeGreaterThan(0);
  });

  it("asks ports and HTTP of the image's own command until they answer", async () => {
    const port = await freePort();
    const other = await freePort();
    const busybox = readFileSync(join(scene.path, "roots/arm64/bin/busybox"));
    const server = join(scene.path, "server");
    writeRawLayout(
      server,
      [
        rawTar([
          { path: "bin/busybox", type: "file", mode: 0o755, content: busybox },
          { path: "www/health", type: "file", content: "healthy" },
        ]),
      ],
      {
        platform: { os: "linux", architecture: "arm64" },
        config: { Cmd: ["/bin/busybox", "httpd", "-f", "-p", `127.0.0.1:${port}`, "-h", "/www"] },
      },
    );
    const good = await testJson([server, "--port", String(port), "--http", `${port}/health`]);
    expect(good.platforms[0]?.checks).toMatchObject([
      // It has neither uname nor a shell.
      { kind: "arch", name: "ELF files", status: "ok" },
      { kind: "port", status: "ok" },
      { kind: "http", name: `GET :${port}/health`, status: "ok", message: "200" },
    ]);
    expect(good.code).toBe(0);
    const bad = await testJson([
      server,
      "--http",
      `${port}/none`,
      "--port",
      String(other),
      "--ready-timeout",
      "1s",
    ]);
    expect(bad.code).toBe(1);
    expect(bad.platforms[0]?.checks.map(({ message }) => message)).toEqual([
      "all 1 ELF files are for linux/arm64",
      "nothing listens on it in time",
      "it answers 404 in time",
    ]);
    await using taken = await listen(port);
    const busy = await testJson([server, "--port", String(taken.port)]);
    expect(busy.platforms[0]?.checks[1]?.message).toContain("is in use already");
    expect(scene.leftovers()).toEqual([]);
  });

  it("003-35 finds a mislabelled image without a shell by its ELF files, and a command that ends early", async () => {
    const wrong = join(scene.path, "mislabelled");
    const busybox = readFileSync(join(scene.path, "roots/arm64/bin/busybox"));
    writeRawLayout(wrong, [rawTar([{ path: "busybox", type: "file", mode: 0o755, content: busybox }])], {
      config: { Cmd: ["/busybox", "false"] },
    });
    const { platforms } = await testJson([wrong, "--port", String(await freePort())]);
    expect(platforms[0]?.checks[0]).toMatchObject({ kind: "arch", status: "failed" });
    expect(platforms[0]?.checks[0]?.message).toContain("busybox is for aarch64, the image says linux/amd64");
    expect(platforms[0]?.checks[1]?.message).toBe("the image's command ended: exit code 1");
  });

  it("refuses what is no port before anything is run", async () => {
    for (const flags of [
      ["--port", "99999"],
      ["--http", "0/health"],
    ]) {
      const { code, stderr } = await scene.run(["test", scene.image, ...flags]);
      expect(code).toBe(2);
      expect(stderr).toContain("is no port: ports are whole numbers from 1 to 65535.");
    }
  });

  it("ends a command that takes too long, and reports a platform that can't be run", async () => {
    const slow = await testJson([scene.image, "-p", "linux/amd64", "-c", "sleep 60", "--timeout", "1s"]);
    expect(slow.platforms[0]?.checks[1]).toMatchObject({ status: "failed", message: "it took too long" });
    const riscv = join(scene.path, "riscv-only");
    writeRawLayout(riscv, [rawTar([])], { platform: { os: "linux", architecture: "riscv64" } });
    const { code, platforms } = await testJson([riscv]);
    expect(code).toBe(1);
    expect(platforms[0]?.error?.code).toBe("EMULATION_MISSING");
  });

  it("003-18 measures native against emulated run time, with the spread of the runs", async () => {
    const loop = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
    const args = [scene.image, "-p", "linux/amd64,linux/arm64", "--runs", "3"];
    const json = await scene.run(["bench", ...args, "--format", "json", "--quiet", "--", "sh", "-c", loop]);
    expect(json.code, json.stderr).toBe(0);
    const report = JSON.parse(json.stdout) as {
      schema: string;
      platforms: {
        platform: string;
        execution: string;
        times: { runs: number; median: number };
        slower?: { median: number; atLeast: number; atMost: number };
      }[];
    };
    const [amd64, arm64] = report.platforms;
    expect(report.schema).toBe("anyarch.bench/v1");
    expect(amd64).toMatchObject({ platform: "linux/amd64", execution: "native", times: { runs: 3 } });
    expect(arm64).toMatchObject({ platform: "linux/arm64", execution: "emulated", times: { runs: 3 } });
    expect(arm64?.slower?.median).toBeGreaterThan(1);
    expect(arm64?.slower?.atLeast).toBeLessThanOrEqual(arm64?.slower?.median ?? 0);
    expect(arm64?.slower?.atMost).toBeGreaterThanOrEqual(arm64?.slower?.median ?? 0);
    const text = await scene.run([
      "bench",
      scene.image,
      "-p",
      "linux/amd64",
      "--runs",
      "2",
      "--quiet",
      "--",
      "true",
    ]);
    expect(text.stdout).toMatch(/^linux\/amd64 +native +\d+ ms +\d+ ms – \d+ ms$/m);
    expect(text.stdout).toContain("nothing is known about noise");
    const failing = await scene.run(["bench", scene.image, "-p", "linux/amd64", "--", "false"]);
    expect(failing.code).toBe(1);
    expect(failing.stderr).toContain("exits with 1 on linux/amd64");
    expect(scene.leftovers()).toEqual([]);
  });
});
