import { readFileSync } from "node:fs";
import type { IdMapping } from "./oci-bundle.ts";

/** The users (or groups) that this process's own user namespace has, each as itself: user_namespaces(7). */
export function ownIds(kind: "uid" | "gid"): readonly IdMapping[] {
  return readFileSync(`/proc/self/${kind}_map`, "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const [inside = 0, , size = 0] = line.trim().split(/\s+/).map(Number);
      return { containerID: inside, hostID: inside, size };
    });
}

/** Whether there is a user or group of that number: files can be theirs, and processes run as them. */
export function hasId(ids: readonly IdMapping[], id: number): boolean {
  return ids.some(({ containerID, size }) => id >= containerID && id < containerID + size);
}

/** Whether this process is in another user namespace than the machine's first, which has all users. */
export function isNested(): boolean {
  const [only, ...others] = ownIds("uid");
  return only?.size !== 4_294_967_295 || others.length > 0;
}

const sysAdmin = 1n << 21n;

/** Whether this is root without the right to make namespaces, as in a container that isn't privileged: capabilities(7). */
export function isConfinedRoot(): boolean {
  if (process.geteuid?.() !== 0) return false;
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return effective !== undefined && (BigInt(`0x${effective}`) & sysAdmin) === 0n;
}
