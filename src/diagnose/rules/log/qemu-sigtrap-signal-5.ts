import { nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "qemu-sigtrap-signal-5",
  title: "The program was stopped by a trap under QEMU (signal 5, exit code 133)",
  architecture: true,
  emulated: true,
  patterns: [
    // Rosetta's own.
    {
      line: /^assertion failed \[.{1,200}\]: .{0,200}(?:translated|instruction|x86|arm_pc|rosetta)/,
      score: 60,
    },
    { line: /uncaught target signal 5\b/, score: 74 },
    {
      line: /trace\/breakpoint trap|(?:signal|with|by|received|caught|fatal|terminated|code|status)[^\w]{1,4}\(?SIGTRAP\b|\bSIGTRAP(?:: | \(|$)/i,
      emulation: "likely",
      score: 45,
    },
    {
      line: /\bexit (?:code|status)[: ]*133\b|non-zero code: 133\b|exited with (?:code |status )?133\b/i,
      emulation: "likely",
      score: 44,
      confidence: "likely",
    },
  ],
  why: "Signal 5 comes from a breakpoint instruction: a program's own check failed, or two emulators got in each other's way (one that the host registered and an old one left over in the base image). Exit code 133 is 128 + signal 5.",
  fixes: [
    {
      title: "See to it that there is one current emulator only",
      detail:
        "Remove qemu-*-static that the base image or a COPY brings along; then register one on the host:\ndocker run --privileged --rm tonistiigi/binfmt --uninstall 'qemu-*'\ndocker run --privileged --rm tonistiigi/binfmt --install all",
    },
    nativeNode,
    pinnedEmulator,
  ],
  references: ["https://github.com/moby/qemu/issues/13"],
  bad: [
    '#11 [linux/arm/v7 2/3] RUN /setup.sh\n#11 0.51 qemu: uncaught target signal 5 (Trace/breakpoint trap) - core dumped\n#11 ERROR: process "/bin/sh -c /setup.sh" did not complete successfully: exit code: 133',
  ],
  good: ["$ ./server\nTrace/breakpoint trap (core dumped)"],
};
