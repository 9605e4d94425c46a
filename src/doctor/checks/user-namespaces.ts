import type { Check } from "../check.ts";
import { docker } from "../facts/docker.ts";
import { machine } from "../facts/machine.ts";
import { said, textOf } from "../probe.ts";

export const check: Check = {
  id: "user-namespaces",
  title: "Rootless Docker and user namespaces",
  group: "machine",
  expected:
    "user namespaces for everybody, newuidmap, and ranges in /etc/subuid, where a daemon runs without root",
  why: "A rootless daemon makes its containers' root in a user namespace. Ubuntu from 23.10 lets only programs with an AppArmor profile do that; without ranges of ids an image's files can't keep their owners. A rootless daemon can't register QEMU: root of the machine has to.",
  measured:
    "docker info (SecurityOptions), kernel.apparmor_restrict_unprivileged_userns, user.max_user_namespaces, /etc/subuid, newuidmap",
  async examine(x) {
    const { os, uid } = await x.fact(machine);
    const { info } = await x.fact(docker);
    const rootless = info?.SecurityOptions?.some((option) => option.includes("rootless")) === true;
    if (os !== "linux") return { status: "skip", found: "in Docker's virtual machine" };
    const [restricted, most, subuid, mapper, user] = await Promise.all([
      textOf(x.probe, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
      textOf(x.probe, "/proc/sys/user/max_user_namespaces"),
      textOf(x.probe, "/etc/subuid"),
      said(x.probe, "sh", ["-c", "command -v newuidmap"]),
      said(x.probe, "id", ["-un"]),
    ]);
    const faults = [
      ...(restricted.trim() === "1"
        ? ["AppArmor restricts unprivileged user namespaces (kernel.apparmor_restrict_unprivileged_userns=1)"]
        : []),
      ...(most.trim() === "0" ? ["user.max_user_namespaces is 0"] : []),
      ...(mapper === undefined ? ["newuidmap isn't installed"] : []),
      ...(subuid
        .split("\n")
        .some((line) => line.startsWith(`${user ?? ""}:`) || line.startsWith(`${uid ?? ""}:`))
        ? []
        : ["this user has no range in /etc/subuid"]),
    ];
    const found = `${rootless ? "Docker is rootless" : "no rootless Docker"}${faults.length > 0 ? `; ${faults.join(", ")}` : ""}`;
    // They matter to who has no root's daemon.
    if (!rootless || faults.length === 0) return { status: "ok", found };
    return {
      status: "warn",
      found,
      fix: {
        key: "user-namespaces",
        title: "allow rootless containers",
        why: "The setting is the machine's; the ranges are this user's alone.",
        commands: [
          "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
          "sudo apt-get install -y uidmap",
          `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user ?? "USER"}`,
        ],
        undo: [
          "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=1",
          `sudo usermod --del-subuids 100000-165535 --del-subgids 100000-165535 ${user ?? "USER"}`,
        ],
        automatic: false,
        order: 5,
      },
    };
  },
};
