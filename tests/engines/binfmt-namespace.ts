import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { ExecResult } from "../../src/host/exec.ts";
import { withCleanup, type Stoppable } from "./cleanup.ts";
import { type Daemon, run, startDaemon } from "./process.ts";

export interface BinfmtNamespaceOptions {
  /** Whether its table is mounted; default true. */
  readonly mounted?: boolean;
  /** Lines for a POSIX shell in it, before anything else: what is to be broken. */
  readonly setup?: string;
  /** Whether it has 65536 users and a network of its own, which daemons need; default false: root alone. Needs root. */
  readonly daemons?: boolean;
}

/** A machine within the machine: its own table of interpreters, its own mounts, its own root without rights outside. */
export interface BinfmtNamespace extends Stoppable {
  /** Put in front of a program runs it there. */
  readonly enter: readonly [string, ...string[]];
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
    const { daemons = false } = options;
    const apart = "--mount --pid --fork --kill-child --mount-proc".split(" ");
    const users = daemons
      ? ["nsenter", "--user", "--target", String(own(await manyUsers()).pid), "--", "unshare", "--net"]
      : ["unshare", "--user", "--map-root-user"];
    const [program, ...words] = [...users, ...apart, "--", "sh", "-c", wait];
    const holder = own(await startDaemon(program, words, waiting));
    const inner = childOf(holder.pid);
    const enter = [
      "nsenter",
      "--preserve-credentials",
      "--user",
      "--mount",
      "--pid",
      ...(daemons ? ["--net"] : []),
      "--target",
      String(inner),
      "--",
    ] as const;
    const within: BinfmtNamespace["run"] = (script) =>
      run(enter[0], [...enter.slice(1), "sh", "-ec", script]);
    // Until it is mounted once the machine's own table applies in them.
    await within(`mount -t binfmt_misc binfmt_misc ${table}`);
    if (options.mounted === false) await within(`umount ${table}`);
    if (daemons) await within("ip link set lo up");
    if (options.setup !== undefined) await within(options.setup);
    return {
      enter,
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

const wait = "echo ready; exec sleep infinity";
const waiting = { ready: (output: string) => output.includes("ready"), signal: "SIGKILL" } as const;

/** Holds a user namespace that has the machine's first 65536 users and groups, each as itself. */
async function manyUsers(): Promise<Daemon> {
  const holder = await startDaemon("unshare", ["--user", "--", "sh", "-c", wait], waiting);
  for (const kind of ["uid", "gid"]) await writeFile(`/proc/${holder.pid}/${kind}_map`, "0 0 65536");
  return holder;
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
export async function whyNoBinfmtNamespace(
  options: BinfmtNamespaceOptions = {},
): Promise<string | undefined> {
  try {
    await (await startBinfmtNamespace(options)).stop();
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n").at(-1) ?? error.message) : String(error);
  }
}
