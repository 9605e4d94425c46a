import { readdirSync, readFileSync } from "node:fs";
import type { ExecResult } from "../../src/host/exec.ts";
import { withCleanup, type Stoppable } from "./cleanup.ts";
import { run, startDaemon } from "./process.ts";

export interface BinfmtNamespaceOptions {
  /** Whether its table is mounted; default true. */
  readonly mounted?: boolean;
  /** Lines for a POSIX shell in it, before anything else: what is to be broken. */
  readonly setup?: string;
}

/** A machine within the machine: its own table of interpreters, its own mounts, its own root without rights outside. */
export interface BinfmtNamespace extends Stoppable {
  /** Starts a shell in it that reads its script from standard input. */
  readonly command: readonly [string, ...string[]];
  /** The same without any capability, as in a container that isn't privileged. */
  readonly unprivileged: readonly [string, ...string[]];
  /** Runs a POSIX shell's lines in it. Throws on a non-zero exit. */
  run(script: string): Promise<ExecResult>;
  /** The names of its entries, with their texts. */
  table(): Promise<string>;
}

const table = "/proc/sys/fs/binfmt_misc";

/**
 * Starts user, mount and process namespaces with a binfmt_misc table of their own (Linux from 6.7), which is empty. The
 * machine's own table is neither seen nor changed in them (0.1 s). Throws where the kernel lacks that.
 */
export async function startBinfmtNamespace(options: BinfmtNamespaceOptions = {}): Promise<BinfmtNamespace> {
  return await withCleanup(async (own) => {
    const holder = own(
      await startDaemon(
        "unshare",
        [
          ..."--user --map-root-user --mount --pid --fork --kill-child --mount-proc".split(" "),
          "--",
          "sh",
          "-c",
          "echo ready; exec sleep infinity",
        ],
        { ready: (output) => output.includes("ready"), signal: "SIGKILL" },
      ),
    );
    const inner = childOf(holder.pid);
    const enter = [
      "nsenter",
      "--preserve-credentials",
      "--user",
      "--mount",
      "--pid",
      "--target",
      String(inner),
      "--",
    ] as const;
    const within: BinfmtNamespace["run"] = (script) =>
      run(enter[0], [...enter.slice(1), "sh", "-ec", script]);
    // Until it is mounted once the machine's own table applies in them.
    await within(`mount -t binfmt_misc binfmt_misc ${table}`);
    if (options.mounted === false) await within(`umount ${table}`);
    if (options.setup !== undefined) await within(options.setup);
    return {
      command: [...enter, "sh"],
      unprivileged: [...enter, "setpriv", "--bounding-set=-all", "--inh-caps=-all", "sh"],
      run: within,
      table: async () => {
        const script = `cd ${table} 2>/dev/null || exit 0; for f in *; do case $f in register|"*") ;; *) echo "== $f"; cat "$f";; esac; done`;
        return (await within(script)).stdout;
      },
    };
  });
}

/** Of `/proc/PID/stat`, counted from the parenthesis that closes the program's name. */
function childOf(parent: number): number {
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent) return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error(`unshare (${parent}) has no child`);
}

/** Whether namespaces can have tables of their own here; else why not. */
export async function whyNoBinfmtNamespace(): Promise<string | undefined> {
  try {
    await (await startBinfmtNamespace()).stop();
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n").at(-1) ?? error.message) : String(error);
  }
}
