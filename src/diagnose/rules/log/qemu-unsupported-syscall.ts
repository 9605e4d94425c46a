import { buildPlatformStage, nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "qemu-unsupported-syscall",
  title: "The emulator doesn't implement a system call that the program needs",
  architecture: true,
  emulated: true,
  stage: "any",
  patterns: [
    {
      line: /^(?:qemu\S{0,30}: )?(?:Unsupported|unimplemented) (?:syscall|ancillary data|target|setsockopt|getsockopt|ioctl|socket|clone|prctl|host|\w{1,20} (?:syscall|flags?|ioctl))|^qemu\S{0,30}: (?:Unsupported|unimplemented|Unknown (?:syscall|host|target))\b/i,
      score: 62,
    },
    {
      line: /Function not implemented|\bENOSYS\b|\(os error 38\)|errno[ =:]*38\b|\[Errno 38\]/i,
      emulation: "shown",
      score: 66,
    },
    {
      line: /Function not implemented|\bENOSYS\b|\(os error 38\)|\[Errno 38\]/i,
      emulation: "likely",
      score: 62,
      confidence: "likely",
    },
    {
      line: /(?:io_uring|seccomp|unshare|pidfd|clone3|statx|renameat2|memfd|userfaultfd|netlink|setns|personality|prctl|posix_spawn|close_range|openat2|fanotify|inotify|timer_create|mount)\S{0,20}.{0,40}(?:Invalid argument|not supported|not implemented|Operation not permitted|unsupported)/i,
      emulation: "shown",
      score: 60,
      confidence: "likely",
    },
    {
      line: /Failed to open '\/proc\/self\/exe' as a zip file|Opening zip "\/proc\/self\/exe"/,
      emulation: "likely",
      score: 62,
      confidence: "likely",
    },
  ],
  above: ["qemu-sigabrt-signal-6", "qemu-sigsegv-signal-11", "generic-user-error"],
  why: "QEMU's user mode translates system calls one by one and doesn't know them all (io_uring, new clone flags, ptrace, some netlink and ioctl calls). It answers ENOSYS, \"Function not implemented\"; programs without a second way give up. A few such lines are harmless: programs fall back.",
  fixes: [
    { ...pinnedEmulator, title: "Use a newer QEMU", workaround: false },
    buildPlatformStage,
    nativeNode,
    {
      title: "Another version of the program",
      detail:
        "One that doesn't need the call, or a switch that avoids it (UV_USE_IO_URING=0 for Node.js, for example).",
      workaround: true,
    },
  ],
  references: ["https://github.com/alpinelinux/docker-alpine/issues/48"],
  bad: [
    '#9 [linux/arm64 4/5] RUN setup-thing\n#9 1.0 qemu: Unsupported syscall: 439\n#9 1.1 setup-thing: cannot continue: Function not implemented\n#9 ERROR: process "/bin/sh -c setup-thing" did not complete successfully: exit code: 1',
  ],
  good: [
    'version_test.go:9: got "qemu: unknown", want "qemu-9"',
    '#5 [linux/arm64 2/3] RUN apt-get install -y man-db\n#5 3.0 qemu: Unsupported syscall: 278\n#5 DONE 9.0s\n#6 [linux/arm64 3/3] COPY gone /x\n#6 ERROR: failed to calculate checksum of ref a::b: "/gone": not found',
    "mount: /mnt: Function not implemented",
  ],
};
