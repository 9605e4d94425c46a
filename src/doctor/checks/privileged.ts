import type { Check } from "../check.ts";
import { buildNodes, chooseNode } from "../facts/build-nodes.ts";
import { docker } from "../facts/docker.ts";
import { foreignPlatforms } from "../facts/emulation.ts";
import { machine, sysAdmin } from "../facts/machine.ts";

export const check: Check = {
  id: "privileged",
  title: "Rights of this container",
  group: "machine",
  expected: "CAP_SYS_ADMIN, or a Docker socket, or nothing that needs them",
  why: "Registering QEMU, and a daemon of its own (Docker-in-Docker), need CAP_SYS_ADMIN, which a container has with --privileged only.",
  measured: "CapEff of /proc/self/status",
  async examine(x) {
    const { container, capabilities, uid } = await x.fact(machine);
    if (container === undefined) return { status: "skip", found: "not in a container" };
    if (capabilities === undefined) return { status: "skip", found: "the capabilities can't be read" };
    if ((capabilities & sysAdmin) !== 0n)
      return { status: "ok", found: "privileged: CAP_SYS_ADMIN is there" };
    const { server } = await x.fact(docker);
    const { usable } = await x.fact(buildNodes);
    const missing = x.platforms.filter((platform) => chooseNode(usable, platform) === undefined);
    const emulates = (await x.fact(foreignPlatforms)).some(({ runs }) => !runs);
    const found = `not privileged (user ${uid ?? "unknown"}, without CAP_SYS_ADMIN)`;
    if (server !== undefined)
      return { status: "ok", found: `${found}; the daemon behind the socket has the rights` };
    if (missing.length === 0) return { status: "ok", found: `${found}, and nothing needs it` };
    return {
      status: emulates ? "fail" : "warn",
      found,
      fix: {
        key: "privileged",
        title: "start the container with more rights, or build elsewhere",
        why: "--privileged gives all capabilities and devices: only for containers whose content is trusted. A remote builder or rootless BuildKit needs neither.",
        commands: [
          "docker run --privileged -v /sys/fs/cgroup:/sys/fs/cgroup:rw …",
          "anyarch build --builder ssh://USER@HOST …",
          "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined moby/buildkit:rootless",
        ],
        undo: [],
        automatic: false,
        order: 5,
      },
    };
  },
};
