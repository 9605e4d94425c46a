import { readFileSync } from "node:fs";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import { isConfinedRoot } from "./own-ids.ts";

/** What runc needs of the kernel without root's rights: a user namespace in which /proc can be mounted. */
const trialRun = ["--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc", "--", "true"];

/** Settings that keep users from making namespaces, the value that does, and how it is changed. */
const switches: readonly (readonly [name: string, off: string, remedy: string])[] = [
  ["user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"],
  ["kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"],
  [
    "kernel/apparmor_restrict_unprivileged_userns",
    "1",
    "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
  ],
];

const privileged = "- in a container: start it with --privileged";
const unconfined = "with seccomp, apparmor and systempaths unconfined (--security-opt)";
const daemon = "- --engine docker or --engine podman, where a daemon answers";

/** runc takes who is root for one who may make namespaces. Throws TRIAL_FAILED for root of an unprivileged container. */
export function checkRights(): void {
  if (!isConfinedRoot()) return;
  throw new AnyarchError(
    "TRIAL_FAILED",
    "runc needs the right to make namespaces (CAP_SYS_ADMIN), which root doesn't have in this container.",
    {
      hint: ["One of these helps:", privileged, `- as a user who isn't root, ${unconfined}`, daemon].join(
        "\n",
      ),
    },
  );
}

/**
 * Why who isn't root can't run containers here, as an error to throw;
 * undefined where nothing speaks against it, so that the failure is another one.
 */
export async function noNamespaces(ctx: Context): Promise<AnyarchError | undefined> {
  try {
    const { code } = await ctx.host.exec("unshare", trialRun, { signal: ctx.signal, timeoutMs: 5000 });
    if (code === 0) return undefined;
  } catch {
    ctx.signal.throwIfAborted();
    return undefined; // Without unshare(1) it can't be told.
  }
  const found = switches.filter(([name, off]) => settingOf(name) === off);
  return new AnyarchError(
    "TRIAL_FAILED",
    "runc needs root, or user namespaces, and this user may not make any here.",
    {
      hint: [
        "One of these helps:",
        ...found.map(([, , remedy]) => `- as root: ${remedy}`),
        `${privileged}, or ${unconfined}`,
        daemon,
      ].join("\n"),
    },
  );
}

function settingOf(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, "utf8").trim();
  } catch {
    return undefined;
  }
}
