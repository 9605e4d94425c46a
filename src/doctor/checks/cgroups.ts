import type { Check, Finding } from "../check.ts";
import { docker } from "../facts/docker.ts";
import { machine } from "../facts/machine.ts";
import { textOf } from "../probe.ts";

export const check: Check = {
  id: "cgroups",
  title: "Control groups",
  group: "machine",
  expected: "cgroup v2 (or v1) mounted at /sys/fs/cgroup, writable for who runs a daemon",
  why: "runc puts every RUN step into a control group; without them, or where they can't be written, BuildKit in this container fails with errors about mounting cgroups.",
  measured: "/sys/fs/cgroup, /proc/self/mounts, docker info (CgroupVersion)",
  async examine(x) {
    const { os, container } = await x.fact(machine);
    if (os !== "linux") return { status: "skip", found: "in Docker's virtual machine" };
    const [names, table] = await Promise.all([
      x.probe.list("/sys/fs/cgroup"),
      textOf(x.probe, "/proc/self/mounts"),
    ]);
    const { server, info } = await x.fact(docker);
    const theirs = info?.CgroupVersion ? `; Docker uses v${info.CgroupVersion}` : "";
    const kind = kindOf(names ?? []);
    if (kind === undefined) {
      const daemon = container !== undefined && server === undefined;
      return absent(daemon ? "warn" : server === undefined ? "warn" : "ok", theirs);
    }
    const groups = table.split("\n").filter((line) => /^\S+ \/sys\/fs\/cgroup\S* cgroup2? /.test(line));
    const readOnly =
      groups.length > 0 && groups.every((line) => /^\S+ \S+ \S+ (?:\S*,)?ro(?:,|\s)/.test(line));
    if (readOnly && container !== undefined)
      return {
        status: server === undefined ? "warn" : "ok",
        found: `${kind}, read-only${theirs}`,
        ...(server === undefined && { fix: mountHint() }),
      };
    return { status: "ok", found: `${kind}${theirs}` };
  },
};

/** What lies there, as mounts may be hidden by others. */
function kindOf(names: readonly string[]): "v2" | "v1" | undefined {
  if (names.includes("cgroup.controllers")) return "v2";
  return ["memory", "cpu", "cpu,cpuacct", "pids", "systemd"].some((name) => names.includes(name))
    ? "v1"
    : undefined;
}

function absent(status: "ok" | "warn", theirs: string): Finding {
  return { status, found: `none is mounted here${theirs}`, ...(status === "warn" && { fix: mountHint() }) };
}

function mountHint(): NonNullable<Finding["fix"]> {
  return {
    key: "mount-cgroups",
    title: "give the container the host's control groups",
    why: "The daemon in the container can then make groups for the steps it runs.",
    commands: ["docker run --privileged -v /sys/fs/cgroup:/sys/fs/cgroup:rw --cgroupns=host …"],
    undo: [],
    automatic: false,
    order: 5,
  };
}
