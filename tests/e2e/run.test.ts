import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { arch } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { binfmtLine } from "../../src/trial/binfmt.ts";
import { ensureEngines } from "../engines/install.ts";
import { registerQemu } from "../engines/qemu.ts";
import { describeWith } from "../engines/suites.ts";
import { rawTar, writeRawLayout } from "../integration/trial/raw-layers.ts";
import { root, type Run, type RunOptions } from "./anyarch.ts";
import { whyNotUnprivileged } from "./bad-input/unprivileged.ts";
import { openTrialScene, type TrialScene } from "./trial/scene.ts";

const engines = await ensureEngines(["runc", "busybox", "qemu"]);
const noScript = spawnSync("script", ["--version"]).status !== 0;
const main = join(root, "lib/cli/main.js");
const mountTable = "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc";
/** Before Linux 6.7 only the machine has a table. */
const noNamespace =
  process.getuid?.() !== 0 ||
  spawnSync("unshare", ["-Urmpf", "--mount-proc", "sh", "-c", mountTable]).status !== 0;
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

  it.skipIf(noNamespace)(
    "runs in a user namespace, and brings an interpreter that was registered without the flag F",
    async () => {
      const owned = join(scene.path, "owned");
      const busybox = readFileSync(join(scene.path, "roots/arm64/bin/busybox"));
      const files = [
        { path: "bin/busybox", type: "file", mode: 0o755, content: busybox, uid: 1000, gid: 1001 },
        { path: "home", type: "directory", mode: 0o700, uid: 1000, gid: 1001 },
        { path: "l", type: "symlink", target: "home", uid: 1000, gid: 1001 },
      ] as const;
      const platform = { os: "linux", architecture: "arm64" };
      writeRawLayout(owned, [rawTar(files)], {
        platform,
        config: { Cmd: ["/bin/busybox", "uname", "-m"], User: "1000:1001" },
      });
      const interpreter = join(scene.emulators, "qemu-aarch64-static");
      const line = binfmtLine("own", "arm64", interpreter)?.replace(/POCF$/, "P") ?? "";
      const script = [
        "mount -t binfmt_misc none /proc/sys/fs/binfmt_misc || exit 99",
        'printf %s "$LINE" > /proc/sys/fs/binfmt_misc/register || exit 98',
        `exec "$NODE" "${main}" run "${owned}"`,
      ].join("\n");
      const env = { ...scene.env, LINE: line, NODE: process.execPath };
      const nobody = [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "--",
        "unshare",
        "-Urmpf",
        "--mount-proc",
        "sh",
        "-c",
        script,
      ];
      const { status, stdout, stderr } = spawnSync("setpriv", nobody, {
        env,
        encoding: "utf8",
        timeout: 30_000,
      });
      expect(status, stderr).toBe(0);
      expect(stdout).toBe("aarch64\n");
      expect(stderr).toContain("emulated by own (binfmt_misc)");
      expect(stderr).toContain("The image's user 1000 is root in this container");
      expect(scene.leftovers()).toEqual([]);
    },
  );

  it("leaves nothing behind whenever Ctrl-C comes", async () => {
    for (const delay of [120, 180, 240, 300, 360, 420, 520]) {
      const { code, stderr } = await scene.run(
        ["run", scene.image, "--platform", "linux/arm64", "sleep", "60"],
        {
          onStart: (kill) => void setTimeout(() => kill("SIGINT"), delay),
        },
      );
      // Node.js itself may not have been up yet.
      expect([130, 128], `after ${delay} ms: ${stderr}`).toContain(code);
      expect(scene.leftovers(), `after ${delay} ms`).toEqual([]);
    }
  });

  it("puts an emulator in front of the first process where the kernel has one table for all", async () => {
    const programs = join(scene.path, "old-kernel");
    mkdirSync(programs);
    writeFileSync(join(programs, "unshare"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const env = { PATH: `${programs}:${scene.env["PATH"]}` };
    const emulator = ["--emulator", join(scene.emulators, "qemu-arm-static"), "--platform", "linux/arm/v7"];
    const started = await scene.run(["run", scene.image, ...emulator, "--", "/script.sh", "given"], { env });
    expect(started.stdout, started.stderr).toBe("script on armv7l with given\n");
    const seen = await scene.run(["run", scene.image, ...emulator, "--", "busybox", "ls", "-A", "/dev"], {
      env,
    });
    expect(seen.stdout).toContain(".anyarch-emulator\n");
    expect(seen.stdout).not.toContain(".binfmt_misc");
    expect(scene.leftovers()).toEqual([]);
  });

  it.skipIf(noScript)("gives the container a terminal, and takes it back", async () => {
    const line = [
      process.execPath,
      main,
      "run",
      "-t",
      scene.image,
      "sh",
      "-c",
      "test -t 0 && test -t 1 && echo a terminal; exit 4",
    ];
    const words = line.map((word) => `'${word}'`).join(" ");
    const result = spawnSync("script", ["-qec", words, "/dev/null"], {
      env: scene.env,
      encoding: "utf8",
      timeout: 30_000,
    });
    expect(result.stdout).toContain("a terminal\r\n");
    expect(result.status).toBe(4);
    const refused = await scene.run(["run", "-t", scene.image]);
    expect(refused.stderr).toContain("--tty needs a terminal");
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
