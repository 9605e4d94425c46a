import { nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "apt-libc-bin-segfault-under-qemu",
  title: "ldconfig crashed under QEMU while apt configured libc-bin",
  architecture: true,
  emulated: true,
  patterns: [
    {
      line: /libc-bin package (?:post-installation|post-removal) script subprocess returned error exit status 139|installed libc-bin package .{0,80}(?:139|signal)/,
      score: 97,
    },
    {
      line: /uncaught target signal 11|Segmentation fault/,
      near: /(?:triggers for|Setting up|processing package) libc-bin|libc-bin|ldconfig/,
      score: 96,
    },
    { line: /dpkg: error processing package libc-bin/, near: /139|Segmentation|signal 11/, score: 97 },
    {
      line: /(?:post-installation script subprocess|subprocess).{0,60}(?:exit status 139|killed by signal \(Segmentation)/,
      emulation: "likely",
      near: /libc-bin|ldconfig|dpkg/,
      score: 90,
    },
    { line: /ldconfig.{0,60}(?:Segmentation|signal 11|139)/i, score: 95 },
    {
      line: /Sub-process \/usr\/bin\/dpkg (?:returned an error code|received a segmentation fault)/,
      near: /libc-bin/,
      emulation: "shown",
      score: 88,
    },
  ],
  above: [
    "qemu-sigsegv-signal-11",
    "package-missing-for-arch",
    "generic-user-error",
    "gcc-under-qemu",
    "python-no-wheel-source-build-failed",
  ],
  why: "After libraries were unpacked the libc-bin package runs ldconfig, a static-pie program. Some QEMU versions (8.1, 9.2, 10.1 among them) map it wrongly and it crashes; dpkg then reports 139, and the packages count as not configured. Which runs fail depends on the kernel's address randomisation too.",
  fixes: [
    { ...pinnedEmulator, title: "Register another QEMU", workaround: false },
    nativeNode,
    {
      title: "Another release of the base image",
      detail:
        "Debian bookworm or trixie instead of bullseye, Ubuntu 24.04 instead of 22.04: their ldconfig is laid out differently.",
      workaround: true,
    },
    {
      title: "Replace ldconfig while apt runs",
      detail:
        "mv /sbin/ldconfig /sbin/ldconfig.bak && ln -s /bin/true /sbin/ldconfig, and back afterwards: the linker's cache is then stale.",
      workaround: true,
    },
  ],
  references: [
    "https://github.com/docker/buildx/issues/1170",
    "https://github.com/tonistiigi/binfmt/issues/298",
    "https://github.com/docker/buildx/issues/314",
    "https://github.com/moby/moby/issues/43039",
  ],
  bad: [
    "#7 99.7 Processing triggers for libc-bin (2.36-9) ...\n#7 99.8 qemu: uncaught target signal 11 (Segmentation fault) - core dumped\n#7 99.9 Segmentation fault (core dumped)\n#7 99.9 dpkg: error processing package libc-bin (--configure):\n#7 99.9  installed libc-bin package post-installation script subprocess returned error exit status 139",
  ],
  good: [
    "dpkg: error processing package libfoo (--configure):\n installed libfoo package post-installation script subprocess returned error exit status 1",
  ],
};
