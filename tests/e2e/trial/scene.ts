import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type BusyboxArchitecture, busyboxPlatforms, makeBusyboxRoot } from "../../engines/busybox.ts";
import { needEngine } from "../../engines/install.ts";
import { writeSampleLayout } from "../../engines/sample-image.ts";
import { anyarch, type Run, type RunOptions } from "../anyarch.ts";
import { giveAway, unprivilegedNode } from "../bad-input/unprivileged.ts";

/** A machine that has runc and no docker or podman, and an image for three platforms. */
export interface TrialScene extends Disposable {
  readonly path: string;
  /** A layout for linux/amd64, linux/arm64 and linux/arm/v7, all of them busybox. */
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  /** Copies of QEMU's programs that everybody can read. */
  readonly emulators: string;
  /** Where trials keep what they need; empty when they are done. */
  readonly temp: string;
  run(args: readonly string[], options?: RunOptions): Promise<Run>;
  /** The same as a user without privileges. */
  runAsNobody(args: readonly string[], options?: RunOptions): Promise<Run>;
  /** What runs have left: files, processes, mounts. */
  leftovers(): readonly string[];
}

/** Things in the image beside busybox. */
const files: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:app:/home/app:/bin/sh\n",
  "etc/group": "root:x:0:\napp:x:1001:\nextra:x:2000:root,app\n",
  "script.sh": "#!/bin/sh\necho script on $(uname -m) with $1\n",
};

export async function openTrialScene(): Promise<TrialScene> {
  const path = mkdtempSync(join(tmpdir(), "anyarch-e2e-"));
  chmodSync(path, 0o755);
  const at = (name: string): string => join(path, name);
  for (const name of ["bin", "home", "temp", "roots", "emulators"]) mkdirSync(at(name));
  await copyRunc(at("bin"));
  const qemu = join((await needEngine("qemu")).root("qemu"), "usr/bin");
  for (const name of readdirSync(qemu)) cpSync(join(qemu, name), join(at("emulators"), name));
  const images = [];
  for (const architecture of ["amd64", "arm64", "armhf"] as const)
    images.push(await makeImage(at("roots"), architecture));
  await writeSampleLayout(at("image"), images, "latest");
  giveAway(path);
  const env = {
    PATH: `${at("bin")}:/usr/bin:/bin`,
    HOME: at("home"),
    TMPDIR: at("temp"),
    ANYARCH_CACHE_DIR: at("home/cache"),
  };
  const merged = (options: RunOptions): RunOptions => ({
    cwd: path,
    ...options,
    env: { ...env, ...options.env },
  });
  return {
    path,
    image: at("image"),
    env,
    emulators: at("emulators"),
    temp: at("temp"),
    run: (args, options = {}) => anyarch(args, merged(options)),
    runAsNobody: (args, options = {}) => anyarch(args, merged({ node: unprivilegedNode, ...options })),
    leftovers: () => [
      ...readdirSync(at("temp")),
      ...readFileSync("/proc/mounts", "utf8")
        .split("\n")
        .filter((line) => line.includes(at("temp"))),
      ...processesIn(at("temp")),
    ],
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

async function makeImage(directory: string, architecture: BusyboxArchitecture) {
  const root = await makeBusyboxRoot(join(directory, architecture), architecture);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(root, name), content);
    chmodSync(join(root, name), 0o755);
  }
  return {
    platform: busyboxPlatforms[architecture],
    root,
    config: { Env: ["PATH=/bin", "GREETING=hello"], Cmd: ["sh", "-c", "uname -m"], WorkingDir: "/tmp" },
  };
}

/** The engine is in a directory that only its owner can read. */
async function copyRunc(bin: string): Promise<void> {
  const root = (await needEngine("runc")).root("runc");
  const copied = join(bin, "runc-root");
  cpSync(root, copied, { recursive: true, verbatimSymlinks: true });
  const library = readdirSync(copied, { recursive: true, encoding: "utf8" }).find((name) =>
    name.endsWith("libseccomp.so.2"),
  );
  const script = `#!/bin/sh\nexport LD_LIBRARY_PATH='${join(copied, dirname(library ?? ""))}'\nexec '${join(copied, "usr/sbin/runc")}' "$@"\n`;
  writeFileSync(join(bin, "runc"), script);
  chmodSync(join(bin, "runc"), 0o755);
}

/** Programs whose command line or root is in a directory. */
function processesIn(directory: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return line.includes(directory) && !line.includes("lib/cli/main.js") ? [line] : [];
      } catch {
        return []; // It has just ended.
      }
    });
}
