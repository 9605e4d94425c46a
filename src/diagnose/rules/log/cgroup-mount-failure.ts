import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "cgroup-mount-failure",
  title: "The container runtime can't mount or find cgroups",
  architecture: false,
  patterns: [
    {
      line: /cgroup mountpoint does not exist|mountpoint for (?:cgroup|devices|memory|cpuset) not found|no cgroup mount found|unable to apply cgroup configuration|cannot enter cgroupv2|error mounting "?cgroup|mounting "?cgroup.{0,120}(?:fail|denied|busy|not permitted|invalid|no such)|failed to (?:create|write|find|open|get|mount).{0,60}cgroup|mkdir \/sys\/fs\/cgroup\S{0,80}: .{0,40}(?:read-only|denied|no such|not permitted)|\/sys\/fs\/cgroup\S{0,120}: .{0,40}(?:read-only file system|permission denied|no such file|device or resource busy|invalid argument|operation not supported)|cgroups?: .{0,60}(?:not mounted|unsupported|deleted|invalid)|systemd cgroup|cgroup.{0,40}controllers? .{0,40}(?:not available|missing|invalid)/i,
      score: 93,
    },
  ],
  above: ["buildkit-node-lost", "privileged-required", "generic-user-error"],
  why: "A container inside a container (or a rootless builder) has to make control groups. The outer one doesn't let it, mounts them read-only, or an old runc doesn't know cgroup v2.",
  fixes: [
    {
      title: "Newer runc, crun and BuildKit",
      detail:
        "cgroup v2 needs Docker 20.10, containerd 1.4, runc 1.0 or later; docker:dind and moby/buildkit of a current release.",
    },
    {
      title: "Give the inner daemon cgroups of its own",
      detail:
        "docker run --privileged --cgroupns=private …, or -v /sys/fs/cgroup:/sys/fs/cgroup:rw --cgroupns=host; in Kubernetes a privileged pod or rootless BuildKit with the settings of its documentation.",
    },
  ],
  references: [
    "https://github.com/opencontainers/runc/issues/3754",
    "https://github.com/containerd/nerdctl/issues/3668",
  ],
  bad: [
    'container_linux.go:380: starting container process caused: process_linux.go:340: applying cgroup configuration for process caused "mountpoint for cgroup not found"',
    'runc run failed: unable to start container process: error during container init: error mounting "cgroup" to rootfs at "/sys/fs/cgroup": mount cgroup:/sys/fs/cgroup: operation not permitted',
    "docker: Error response from daemon: cgroups: cgroup mountpoint does not exist: unknown.",
  ],
  good: ["mkdir: cannot create directory '/data': Read-only file system"],
};
