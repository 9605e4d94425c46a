import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExecResult } from "../../src/host/exec.ts";
import { needEngine } from "./install.ts";
import { makeMountableTempDir } from "./mounts.ts";
import { run } from "./process.ts";

export interface BundleOptions {
  /** Root filesystem: a directory. Changes that the container makes stay in it. */
  readonly root: string;
  /** The program with its arguments. */
  readonly args: readonly string[];
  /** `NAME=value`; default: a PATH. */
  readonly env?: readonly string[];
  /** Default `/`. */
  readonly cwd?: string;
  /** Default 0:0. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** "host" shares the machine's network; default: none. */
  readonly network?: "none" | "host";
  /** Default 60 000. */
  readonly timeoutMs?: number;
}

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const capabilities = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_KILL",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
];

/** config.json of the OCI runtime-spec 1.0. */
function specification(options: BundleOptions): unknown {
  const namespaces = ["pid", "ipc", "uts", "mount", ...(options.network === "host" ? [] : ["network"])];
  const mount = (destination: string, type: string, ...flags: string[]): unknown => {
    return { destination, type, source: type, options: ["nosuid", ...flags] };
  };
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: options.user ?? { uid: 0, gid: 0 },
      args: options.args,
      env: options.env ?? [path],
      cwd: options.cwd ?? "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: options.root, readonly: false },
    hostname: "bundle",
    mounts: [
      mount("/proc", "proc"),
      mount("/dev", "tmpfs", "strictatime", "mode=755", "size=65536k"),
      mount("/sys", "sysfs", "ro", "noexec", "nodev"),
    ],
    linux: { namespaces: namespaces.map((type) => ({ type })) },
  };
}

/**
 * Runs a program in a root filesystem with runc, to its end; a foreign one after `registerQemu()`. A non-zero exit is
 * a result. Throws when the engine is missing.
 */
export async function runBundle(options: BundleOptions): Promise<ExecResult> {
  const runc = (await needEngine("runc")).program("runc");
  await using temp = await makeMountableTempDir();
  await writeFile(join(temp.path, "config.json"), JSON.stringify(specification(options)));
  const name = `anyarch-${randomBytes(6).toString("hex")}`;
  const state = ["--root", join(temp.path, "state")];
  try {
    const timeoutMs = options.timeoutMs ?? 60_000;
    return await run(runc, [...state, "run", "--bundle", temp.path, name], { anyExit: true, timeoutMs });
  } finally {
    await run(runc, [...state, "delete", "--force", name], { anyExit: true });
  }
}
