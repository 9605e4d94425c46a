import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureEngines } from "../engines/install.ts";
import { registerQemu } from "../engines/qemu.ts";
import { describeWith } from "../engines/suites.ts";
import { rawTar, writeRawLayout } from "../integration/trial/raw-layers.ts";
import type { Run, RunOptions } from "./anyarch.ts";
import { whyNotUnprivileged } from "./bad-input/unprivileged.ts";
import { openTrialScene, type TrialScene } from "./trial/scene.ts";

const engines = await ensureEngines(["runc", "busybox", "qemu"]);
const noNobody = whyNotUnprivileged();

const platforms = [
  { platform: "linux/amd64", machine: "x86_64" },
  { platform: "linux/arm64", machine: "aarch64" },
  { platform: "linux/arm/v7", machine: "armv7l" },
] as const;

let scene: TrialScene;

/** As root and as nobody: the same image, the same words. */
const users = [
  {
    who: "root",
    skip: false,
    run: (args: readonly string[], options?: RunOptions) => scene.run(args, options),
  },
  {
    who: "a user without privileges",
    skip: noNobody !== undefined,
    run: (args: readonly string[], options?: RunOptions) => scene.runAsNobody(args, options),
  },
] as const;

/** Runs an image whose command says "ready", then signals anyarch. */
function interrupted(
  run: (args: readonly string[], options?: RunOptions) => Promise<Run>,
  args: readonly string[],
  signal: NodeJS.Signals,
): Promise<Run> {
  return run(args, {
    onStart: (kill, stderr) => {
      const timer = setInterval(() => {
        if (!stderr().includes("ready")) return;
        clearInterval(timer);
        kill(signal);
      }, 30);
    },
  });
}

describeWith(engines, ["runc", "busybox", "qemu"], "run with runc alone", () => {
  beforeAll(async () => {
    if (arch() !== "x64") throw new Error("These tests are for x86-64.");
    await registerQemu();
    scene = await openTrialScene();
  });
  afterAll(() => scene[Symbol.dispose]());

  describe.each(users)("as $who", ({ run, skip }) => {
    it.skipIf(skip).each(platforms)(
      "004-30 003-26 003-19 runs $platform under --platform",
      async ({ platform, machine }) => {
        const { code, stdout, stderr } = await run(["run", scene.image, "--platform", platform]);
        expect(code, stderr).toBe(0);
        expect(stdout).toBe(`${machine}\n`);
        if (machine === "x86_64") expect(stderr).toBe("");
        else
          expect(stderr).toMatch(
            `warning The image is ${platform}, this machine is linux/amd64: it runs emulated by qemu-`,
          );
        expect(scene.leftovers()).toEqual([]);
      },
    );

    it.skipIf(skip)("passes exit code, environment, directory and standard input on", async () => {
      const script = "cat; echo $GREETING $MORE $(pwd) >&2; exit 7";
      const flags = ["-i", "-e", "MORE=again", "-w", "/etc", "--platform", "linux/arm64"];
      const { code, stdout, stderr } = await run(["run", ...flags, scene.image, "sh", "-c", script], {
        input: "piped\n",
      });
      expect(code, stderr).toBe(7);
      expect(stdout).toBe("piped\n");
      expect(stderr).toContain("hello again /etc\n");
    });

    it.skipIf(skip).each([
      { signal: "SIGINT", platform: "linux/amd64", script: "echo ready >&2; exec sleep 60", expected: 130 },
      { signal: "SIGTERM", platform: "linux/arm64", script: "echo ready >&2; exec sleep 60", expected: 143 },
      {
        signal: "SIGTERM",
        platform: "linux/amd64",
        script: "trap 'exit 9' TERM; echo ready >&2; sleep 60 & wait",
        expected: 9,
      },
    ] as const)(
      "passes $signal on and leaves nothing behind: $platform, $script",
      async ({ signal, platform, script, expected }) => {
        const started = performance.now();
        const { code, stderr } = await interrupted(
          run,
          ["run", scene.image, "--platform", platform, "--", "sh", "-c", script],
          signal,
        );
        expect(code, stderr).toBe(expected);
        expect(performance.now() - started).toBeLessThan(10_000);
        expect(scene.leftovers()).toEqual([]);
      },
    );

    it.skipIf(skip)(
      "uses an emulator given for this run alone, also for what the program starts",
      async () => {
        const emulator = join(scene.emulators, "qemu-aarch64-static");
        const script = "grep interpreter /dev/.binfmt_misc/anyarch; /bin/busybox uname -m; ./script.sh given";
        const args = [
          "--platform",
          "linux/arm64",
          "--emulator",
          emulator,
          "-w",
          "/",
          "--",
          "sh",
          "-c",
          script.replace("grep", "busybox grep"),
        ];
        const { code, stdout, stderr } = await run(["run", scene.image, ...args]);
        expect(code, stderr).toBe(0);
        expect(stdout).toContain(`interpreter ${scene.temp}`);
        expect(stdout).toContain("aarch64\nscript on aarch64 with given\n");
        expect(stderr).toContain(`emulated by ${emulator}`);
        expect(scene.leftovers()).toEqual([]);
      },
    );
  });

  it("runs as the user and with the groups that the image knows by name", async () => {
    const { stdout, stderr } = await scene.run([
      "run",
      "-u",
      "app",
      scene.image,
      "sh",
      "-c",
      "id -u; id -g; id -G; echo $HOME",
    ]);
    expect(stdout, stderr).toBe("1000\n1001\n1001 2000\n/home/app\n");
    const unknown = await scene.run(["run", "-u", "nobody-such", scene.image]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('The image has no user "nobody-such" in /etc/passwd.');
  });

  it("mounts volumes, read-only where told, and replaces the entry point", async () => {
    const data = join(scene.path, "data");
    mkdirSync(data, { recursive: true });
    writeFileSync(join(data, "given"), "from the host\n");
    const script = "cat /data/given; echo made > /data/made || echo refused";
    const { stdout } = await scene.run([
      "run",
      "-v",
      "data:/data:ro",
      "--entrypoint",
      "sh",
      scene.image,
      "-c",
      script,
    ]);
    expect(stdout).toBe("from the host\nrefused\n");
  });

  it("gives 127 for a command that isn't there and 126 for one that is no program", async () => {
    const missing = await scene.run(["run", scene.image, "--", "nosuch"]);
    expect(missing.code).toBe(127);
    expect(missing.stderr).toContain("[TRIAL_COMMAND_MISSING]");
    const directory = await scene.run(["run", scene.image, "--", "/etc"]);
    expect(directory.code).toBe(126);
    expect(scene.leftovers()).toEqual([]);
  });

  it("004-34 says why an image runs slowly: its label against the host's platform", async () => {
    const { stderr } = await scene.run(["run", scene.image, "--platform", "linux/arm64"]);
    expect(stderr).toContain("The image is linux/arm64, this machine is linux/amd64");
    expect(stderr).toContain("several times slower than native");
    expect(stderr).toContain("--platform linux/amd64 runs without emulation");
  });

  it("004-30 warns where the label and the program disagree", async () => {
    const wrong = join(scene.path, "wrong");
    const busybox = readFileSync(join(scene.path, "roots/arm64/bin/busybox"));
    writeRawLayout(wrong, [rawTar([{ path: "busybox", type: "file", mode: 0o755, content: busybox }])], {
      config: { Cmd: ["/busybox", "uname", "-m"] },
    });
    const { stdout, stderr } = await scene.run(["run", wrong]);
    expect(stderr).toMatch(/warning \/busybox is for aarch64.*the image's label linux\/amd64 is wrong/);
    expect(stdout).toBe("aarch64\n");
  });

  it("says how to get an emulator where none is", async () => {
    const riscv = join(scene.path, "riscv");
    writeRawLayout(riscv, [rawTar([{ path: "x", type: "file", mode: 0o755, content: "x" }])], {
      platform: { os: "linux", architecture: "riscv64" },
      config: { Cmd: ["/x"] },
    });
    const { code, stderr } = await scene.run(["run", riscv]);
    expect(code).toBe(1);
    expect(stderr).toContain("Programs of linux/riscv64 don't run on this linux/amd64 machine");
    expect(stderr).toContain("qemu-user-static");
    expect(stderr).toContain("qemu-riscv64-static");
    expect(stderr).toContain("[EMULATION_MISSING]");
  });

  it("says what engines it looked for where there is none", async () => {
    const { code, stderr } = await scene.run(["run", scene.image], {
      env: { PATH: join(scene.path, "home") },
    });
    expect(code).toBe(2);
    expect(stderr).toContain(
      "docker: it isn't installed; podman: it isn't installed; runc: it isn't installed",
    );
  });

  it("refuses a hostile image and leaves nothing of it", async () => {
    const evil = join(scene.path, "evil");
    writeRawLayout(evil, [
      rawTar([
        { path: "l", type: "symlink", target: "../../../.." },
        { path: "l/tmp/anyarch-was-here", type: "file", content: "x" },
      ]),
    ]);
    const { code, stderr } = await scene.run(["run", evil, "--", "/x"]);
    expect(code).toBe(1);
    expect(stderr).toContain("[ARCHIVE_UNSAFE]");
    expect(scene.leftovers()).toEqual([]);
  });

  it("removes what directories without permissions hold", async () => {
    const odd = join(scene.path, "odd");
    writeRawLayout(odd, [
      rawTar([
        { path: "closed", type: "directory", mode: 0o000 },
        { path: "closed/in", type: "directory", mode: 0o555 },
        { path: "closed/in/x", type: "file", mode: 0o000, content: "x" },
      ]),
    ]);
    const run = noNobody === undefined ? scene.runAsNobody : scene.run;
    const { code } = await run(["run", odd, "--", "/none"]);
    expect(code).toBe(127);
    expect(scene.leftovers()).toEqual([]);
  });

  it("003-24 003-25 shows an image's platforms and architecture without a container engine", async () => {
    const { stdout } = await scene.run(["inspect", scene.image, "--format", "json"]);
    const { platforms: shown } = JSON.parse(stdout) as { platforms: { platform: string }[] };
    expect(shown.map(({ platform }) => platform)).toEqual(["linux/amd64", "linux/arm64", "linux/arm/v7"]);
    const text = await scene.run(["inspect", scene.image, "--platform", "linux/arm64"]);
    expect(text.stdout).toMatch(/^linux\/arm64 /m);
    expect(text.stdout).not.toMatch(/^linux\/amd64 /m);
  });

  it("004-15 compares two platforms of an image without building again", async () => {
    const { stdout } = await scene.run(["inspect", scene.image, "--format", "json"]);
    const report = JSON.parse(stdout) as {
      platforms: { config: object; layers: { digest: string; platforms: string[] }[] }[];
    };
    const [amd64, arm64] = report.platforms;
    expect(amd64?.config).toEqual(arm64?.config);
    expect(amd64?.layers[0]?.digest).not.toBe(arm64?.layers[0]?.digest);
    expect(arm64?.layers[0]?.platforms).toEqual(["linux/arm64"]);
  });
});
