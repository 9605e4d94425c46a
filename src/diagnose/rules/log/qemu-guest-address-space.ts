import { nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "qemu-guest-address-space",
  title: "QEMU can't reserve the address space that the program needs",
  architecture: true,
  emulated: true,
  patterns: [
    {
      line: /Unable to reserve \S{1,30} bytes of virtual address space|for use as guest address space|Unable to find (?:a )?guest_base|guest_base to satisfy|guest address space|Allocating guest commpage|requires more than reserved virtual address space/i,
      score: 96,
    },
    {
      line: /qemu-\S+: .{0,120}(?:mmap|virtual memory|address space|Cannot allocate memory|Unable to allocate)/i,
      score: 86,
    },
    { line: /mmap_min_addr/, near: /qemu/i, score: 84 },
  ],
  above: ["out-of-memory-native", "qemu-sigsegv-signal-11"],
  why: "A 32-bit program gets its 4 GB at a fixed place in QEMU's own memory. That place is taken (QEMU built as static-pie, versions 5.2 and the like) or forbidden (ulimit -v, vm.mmap_min_addr).",
  fixes: [
    { ...pinnedEmulator, title: "Use another QEMU build" },
    {
      title: "Lift the limits",
      detail: "ulimit -v unlimited; sysctl vm.mmap_min_addr=65536 at the most; vm.overcommit_memory=1.",
    },
    nativeNode,
  ],
  references: [
    "https://github.com/multiarch/alpine/issues/39",
    "https://github.com/balena-io/qemu/issues/21",
  ],
  bad: [
    "qemu-arm-static: Unable to reserve 0xffff0000 bytes of virtual address space at 0x1000 (Success) for use as guest address space (check yourvirtual memory ulimit setting, min_mmap_addr or reserve less using -R option)",
  ],
  good: ["mmap: Cannot allocate memory"],
};
