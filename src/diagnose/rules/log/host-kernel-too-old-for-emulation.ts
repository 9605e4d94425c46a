import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "host-kernel-too-old-for-emulation",
  title: "The host's kernel (or its seccomp filter) lacks what the emulator needs",
  architecture: true,
  patterns: [
    {
      line: /requires the membarrier system call|upgrade your system to a newer version of Linux/i,
      score: 96,
    },
    { line: /FATAL: kernel too old/, score: 92 },
    {
      line: /(?:write error|write|echo): .{0,80}invalid argument|invalid argument/i,
      near: /binfmt_misc\/register|as binfmt interpreter|cannot (?:register|write to).{0,60}binfmt/i,
      score: 92,
    },
    { line: /binfmt_misc\/register.{0,60}invalid argument/i, score: 94 },
  ],
  above: [
    "binfmt-flag-F-missing",
    "exec-format-error-no-emulation",
    "privileged-required",
    "qemu-sigabrt-signal-6",
  ],
  why: 'Flag F of binfmt_misc came with Linux 4.8; an older kernel answers "invalid argument". QEMU builds may need the membarrier system call, which old kernels don\'t have and old Docker seccomp profiles refuse. A C library may demand a newer kernel than QEMU reports.',
  fixes: [
    {
      title: "Use a newer kernel and container engine",
      detail:
        "uname -r: 4.8 at the least, better 5.x; Docker 20.10 or later has a seccomp profile that lets membarrier through.",
    },
    {
      title: "Or a QEMU build that does without",
      detail:
        'tonistiigi/binfmt instead of an old distribution\'s qemu-user; for "kernel too old" QEMU_UNAME=5.10.0.',
      workaround: true,
    },
  ],
  references: [
    "https://github.com/docker/for-linux/issues/899",
    "https://github.com/multiarch/qemu-user-static/issues/38",
  ],
  bad: [
    "This QEMU binary requires the membarrier system call.\nPlease upgrade your system to a newer version of Linux",
    "installing: arm64 cannot write to /proc/sys/fs/binfmt_misc/register: write /proc/sys/fs/binfmt_misc/register: invalid argument",
  ],
  good: ["tar: invalid argument: -Z"],
};
