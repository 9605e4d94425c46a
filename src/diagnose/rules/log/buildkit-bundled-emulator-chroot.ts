import { nativeNode, registerEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "buildkit-bundled-emulator-chroot",
  title:
    "Programs started in a chroot or by a package manager can't see the emulator that BuildKit brought along",
  architecture: true,
  emulated: true,
  patterns: [
    {
      line: /\.(?:trigger|post-install|pre-install|post-upgrade|pre-upgrade)\S{0,4}:? .{0,20}exited with error 127/,
      score: 92,
    },
    // busybox told by its first argument what it is, which the emulator replaces.
    { line: /^\S{1,80}: applet not found$/, emulation: "likely", score: 84, confidence: "likely" },
    { line: /\* execve: No such file or directory/, near: /exited with error 127|apk|trigger/, score: 92 },
    {
      line: /(?:chroot|debootstrap|mmdebstrap|arch-chroot|dnf --installroot|proot)\S{0,20}:? .{0,120}(?:No such file|cannot execute|exec format error|error 127)/i,
      emulation: "likely",
      score: 86,
    },
    {
      line: /No such file|not found|127\b|exec format error/i,
      log: /\.buildkit_qemu_emulator/,
      command: /chroot|--root|--initdb|sysroot|installroot|debootstrap|apk (?:add|--)|su-exec|gosu|setpriv/,
      score: 84,
    },
    { line: /\.buildkit_qemu_emulator.{0,200}(?:exit code: 127|no such file)/i, score: 82 },
    { line: /exit code: 127\b/, log: /\.buildkit_qemu_emulator/, score: 80 },
  ],
  above: [
    "exec-format-error-no-emulation",
    "binfmt-flag-F-missing",
    "generic-user-error",
    "qemu-unsupported-syscall",
  ],
  why: "The host has no emulator registered, so BuildKit mounts its own as /dev/.buildkit_qemu_emulator and starts the command through it. Programs that this command starts elsewhere (in a chroot or sysroot, or through an execve that QEMU doesn't follow) need the kernel's help, and the kernel knows no emulator: error 127.",
  fixes: [
    { ...registerEmulator, title: "Register QEMU on the host, so that BuildKit doesn't use its own" },
    nativeNode,
  ],
  references: [
    "https://github.com/tonistiigi/binfmt/issues/112",
    "https://github.com/moby/buildkit/issues/1929",
  ],
  bad: [
    "#9 [linux/arm64 build 4/9] RUN ./autogen.sh\n#9 2.122 autogen.sh: applet not found",

    '#7 [linux/arm64 2/3] RUN apk add --initdb -p /out busybox\n#7 0.289 ERROR: busybox-1.36.1-r2.trigger: script exited with error 127\n#7 ERROR: process "/dev/.buildkit_qemu_emulator /bin/sh -c apk add --initdb -p /out busybox" did not complete successfully: exit code: 1',
  ],
  good: [
    '#7 [2/3] RUN ./make-it\n#7 0.2 /bin/sh: ./make-it: not found\n#7 ERROR: process "/bin/sh -c ./make-it" did not complete successfully: exit code: 127',
  ],
};
