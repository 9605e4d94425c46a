import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "privileged-required",
  title: "Registering an emulator isn't permitted here",
  architecture: true,
  emulated: false,
  patterns: [
    {
      line: /operation not permitted|permission denied|must be superuser|read-only file system|are you root/i,
      near: /binfmt|qemu-(?:user|binfmt)|register.{0,20}emulat/i,
      nearNot: /no such device|ldconfig/,
      score: 92,
    },
    { line: /binfmt.{0,160}(?:operation not permitted|permission denied|read-only file system)/i, score: 94 },
    {
      line: /[Pp]rivileged (?:mode is (?:not allowed|incompatible|disabled)|containers? (?:are|is) not allowed)|--privileged .{0,60}not (?:allowed|permitted)/,
      near: /binfmt|qemu|emulat/i,
      score: 92,
    },
    {
      line: /privileged.{0,60}(?:not allowed|not permitted|forbidden|disallowed|denied|incompatible)/i,
      log: /binfmt|qemu/i,
      score: 86,
    },
    {
      line: /violates PodSecurity.{0,300}privileged|securityContext\.privileged: Invalid value|unable to validate against any (?:security context constraint|pod security policy).{0,300}[Pp]rivileged|Privileged containers are not allowed|disallowed by cluster policy.{0,200}privileged/,
      score: 88,
    },
    { line: /You must (?:run|be) .{0,40}root|must be run as root/i, near: /binfmt|qemu/i, score: 84 },
  ],
  above: ["exec-format-error-no-emulation", "generic-user-error"],
  why: "binfmt_misc belongs to the kernel of the whole machine, so only a privileged container (or root on the host) may register an emulator. Runners in Kubernetes, rootless Docker and shared CI services don't allow it.",
  fixes: [
    {
      title: "Register on the host or node beforehand",
      detail:
        "On the machine itself: docker run --privileged --rm tonistiigi/binfmt --install all. In Kubernetes: a DaemonSet with a privileged container. All builds on that machine can use it.",
    },
    {
      title: "Run the builder privileged",
      detail:
        "GitLab runner: privileged = true; docker run --privileged for Docker-in-Docker; sudo where it is missing.",
    },
    nativeNode,
  ],
  references: [
    "https://github.com/docker/setup-qemu-action/issues/67",
    "https://github.com/nestybox/sysbox/issues/823",
  ],
  bad: [
    "update-binfmts: warning: Couldn't load the binfmt_misc module.\nupdate-binfmts: warning: unable to open /proc/sys/fs/binfmt_misc/register for writing: Permission denied",
    "mount: /proc/sys/fs/binfmt_misc: must be superuser to use mount.",

    'Error from server (Forbidden): error when creating "ds.yaml": pods "emulators" is forbidden: violates PodSecurity "baseline:latest": privileged (container "register" must not set securityContext.privileged=true)',
    "[command]/usr/bin/docker run --rm --privileged tonistiigi/binfmt:latest --install all\nerror: operation not permitted\ncannot mount binfmt_misc filesystem at /proc/sys/fs/binfmt_misc",
  ],
  good: ["mkdir: can't create directory '/data': Permission denied"],
};
