import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Names a process so that others can tell later whether it still runs. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** The PID namespace, on Linux: in another one the PID says nothing. */
  readonly namespace?: string;
  /** When it started, in the kernel's ticks, on Linux: a PID may be given again. */
  readonly started?: string;
}

export function ownIdentity(): ProcessIdentity {
  const namespace = pidNamespace();
  const started = startTime(process.pid);
  return {
    pid: process.pid,
    host: hostname(),
    ...(namespace !== undefined && { namespace }),
    ...(started !== undefined && { started }),
  };
}

/** "unknown" for a process of another host or container. */
export function processState(identity: ProcessIdentity): "alive" | "dead" | "unknown" {
  if (identity.host !== hostname() || identity.namespace !== pidNamespace()) return "unknown";
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "dead";
  }
  const started = startTime(identity.pid);
  if (identity.started === undefined || started === undefined) return "alive";
  return started === identity.started ? "alive" : "dead";
}

/** Reads what {@link ownIdentity} gave, from JSON; undefined where the text is something else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(text) as Partial<ProcessIdentity> | null;
    return typeof value?.pid === "number" && typeof value.host === "string"
      ? (value as ProcessIdentity)
      : undefined;
  } catch {
    return undefined;
  }
}

function pidNamespace(): string | undefined {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return undefined;
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); the name in field 2 may hold blanks and parentheses. */
function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
