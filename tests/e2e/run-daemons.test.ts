import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startDockerd } from "../engines/dockerd.ts";
import { ensureEngines } from "../engines/install.ts";
import { openPodman } from "../engines/podman.ts";
import type { RunOptions } from "../engines/process.ts";
import { registerQemu } from "../engines/qemu.ts";
import { describeWith } from "../engines/suites.ts";
import { rawTar, writeRawLayout } from "../integration/trial/raw-layers.ts";
import { openTrialScene, type TrialScene } from "./trial/scene.ts";

const engines = await ensureEngines(["runc", "busybox", "qemu", "dockerd", "podman"]);

/** What the two have in common. */
interface Daemon extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
  readonly path: string;
  run(args: readonly string[], options?: RunOptions): Promise<{ readonly stdout: string }>;
}

let scene: TrialScene;

const daemons = [
  { name: "docker", open: (): Promise<Daemon> => startDockerd() },
  { name: "podman", open: (): Promise<Daemon> => openPodman() },
] as const;

/** Without the scene's runc, and with the daemon's program in PATH. */
function environment({ env, path }: Daemon): Readonly<Record<string, string>> {
  return { ...env, PATH: `${path}:/usr/bin:/bin` };
}

describeWith(engines, ["runc", "busybox", "qemu", "dockerd", "podman"], "run with docker and podman", () => {
  beforeAll(async () => {
    await registerQemu();
    scene = await openTrialScene();
  });
  afterAll(() => scene[Symbol.dispose]());

  it.each(daemons)(
    "003-26 loads into $name, runs natively and emulated, and removes image and container",
    async ({ open }) => {
      await using daemon = await open();
      const env = environment(daemon);
      const riscv = join(scene.path, "riscv");
      writeRawLayout(riscv, [rawTar([{ path: "x", type: "file", mode: 0o755, content: "x" }])], {
        platform: { os: "linux", architecture: "riscv64" },
        config: { Cmd: ["/x"] },
      });
      const before = (await daemon.run(["images", "--all", "--quiet"])).stdout;
      const network = ["--network", "host"];
      const emulated = await scene.run(["run", scene.image, ...network, "--platform", "linux/arm64"], {
        env,
      });
      expect(emulated.code, emulated.stderr).toBe(0);
      expect(emulated.stdout).toBe("aarch64\n");
      expect(emulated.stderr).toContain(
        "warning The image is linux/arm64, this machine is linux/amd64: it runs emulated",
      );
      const script = "cat; echo $GREETING $MORE; exit 7";
      const flags = ["-i", "-e", "MORE=again", "--entrypoint", "sh", ...network];
      const native = await scene.run(["run", ...flags, scene.image, "-c", script], { env, input: "piped\n" });
      expect(native.code, native.stderr).toBe(7);
      expect(native.stdout).toBe("piped\nhello again\n");
      expect(native.stderr).toBe("");
      // The daemon is on this very machine, whose table lacks it: said before anything is loaded.
      const foreign = await scene.run(["run", riscv], { env });
      expect(foreign.code).toBe(1);
      expect(foreign.stderr).toContain("Programs of linux/riscv64 don't run on this linux/amd64 machine");
      expect(foreign.stderr).toContain("docker run --privileged --rm tonistiigi/binfmt");
      const missing = await scene.run(["run", ...network, scene.image, "--", "nosuch"], { env });
      expect(missing.code).toBe(127);
      const interrupted = await scene.run(
        ["run", ...network, scene.image, "sh", "-c", "trap 'exit 9' INT; echo ready >&2; sleep 60 & wait"],
        {
          env,
          onStart: (kill, stderr) => {
            const timer = setInterval(() => {
              if (!stderr().includes("ready")) return;
              clearInterval(timer);
              kill("SIGINT");
            }, 30);
          },
        },
      );
      expect(interrupted.code, interrupted.stderr).toBe(9);
      expect((await daemon.run(["ps", "--all", "--quiet"])).stdout).toBe("");
      expect((await daemon.run(["images", "--all", "--quiet"])).stdout).toBe(before);
      expect(scene.leftovers()).toEqual([]);
    },
  );

  it("refuses an emulator of one's own, and an engine that isn't there", async () => {
    await using daemon = await openPodman();
    const emulator = join(scene.emulators, "qemu-aarch64-static");
    const env = environment(daemon);
    const refused = await scene.run(["run", scene.image, "--engine", "podman", "--emulator", emulator], {
      env,
    });
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("--emulator works with runc, not with podman.");
    const down = await scene.run(["run", scene.image, "--engine", "docker"], {
      env: { PATH: `${engines.path}:/usr/bin:/bin`, DOCKER_HOST: `unix://${scene.path}/none.sock` },
    });
    expect(down.code).toBe(2);
    expect(down.stderr).toMatch(/^error docker can't be used here: .*none\.sock/);
  });
});
