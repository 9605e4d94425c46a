import { readdirSync, readFileSync } from "node:fs";
import { startDaemon, type Daemon, type DaemonOptions } from "./process.ts";

export interface EnclosureOptions extends DaemonOptions {
  /** Existing file of the machine → file that is seen in its place. */
  readonly replaced?: Readonly<Record<string, string>>;
}

/** Of `/proc/PID/stat`; the program's name may hold anything, so fields are counted from its closing parenthesis. */
function parentOf(pid: string): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return 0; // It has ended meanwhile.
  }
}

/**
 * Starts a daemon in process and mount namespaces of its own: with it end all its descendants, at once, and its mounts
 * are gone, as when a machine loses its power. `pid` is the daemon's on this machine. Needs root.
 */
export async function startEnclosed(
  command: string,
  args: readonly string[],
  options: EnclosureOptions,
): Promise<Daemon> {
  const replaced = Object.entries(options.replaced ?? {}).flat();
  // unshare(1) ignores SIGTERM while it waits; the kernel passes SIGKILL on.
  const script =
    'for i in $(seq "$1"); do mount --bind "$3" "$2" || exit; set -- "$1" "${@:4}"; done; exec "${@:2}"';
  const line = [
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--",
    "bash",
    "-c",
    script,
    "bash",
  ];
  const daemon = await startDaemon(
    "unshare",
    [...line, String(replaced.length / 2), ...replaced, command, ...args],
    { ...options, signal: "SIGKILL" },
  );
  const own = String(daemon.pid);
  const inner = readdirSync("/proc").find((name) => /^\d+$/.test(name) && parentOf(name) === Number(own));
  return { ...daemon, pid: Number(inner ?? own) };
}
