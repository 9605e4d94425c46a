import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "illegal-instruction-cpu-baseline",
  title: "The CPU (real or virtual) lacks instructions that the program demands",
  architecture: true,
  patterns: [
    {
      line: /built for CPUs supporting|lacks (?:the )?required instruction|missing (?:CPU )?(?:instruction|feature)s?|does not report|CPU .{0,40}(?:too old|not supported|unsupported)|requires .{0,40}instruction set|unsupported (?:CPU|processor)\b/i,
      near: /AVX|SSE|instruction|CPU feature|x86-64|ARMv8|processor/i,
      nearNot: /compil|gcc|clang|mnemonic/i,
      score: 88,
    },
    {
      line: /CPU does not support x86-64-v[234]|CPU ISA level is lower than required|This program can only be run on .{0,40}(?:processors|CPUs?) (?:with|that)/i,
      score: 97,
    },
    {
      line: /requires? (?:a )?(?:CPU|processor|machine|host).{0,30}(?:AVX|SSE4|ARMv8|x86-64-v)|(?:CPU|processor) (?:lacks|does not support|doesn't support|without|missing) .{0,20}(?:AVX|SSE|BMI|POPCNT|FMA|x86-64|LSE)|requires ARMv8\.\d|Missing required CPU features|required CPU features|CPU lacks AVX|baseline optimizations: .{0,120}machine doesn't support|verify that both the operating system and the processor support/i,
      score: 95,
    },
    {
      line: /compiled to use (?:SSE|AVX)\S* instructions, but these aren't available|The TensorFlow library was compiled to use|was built with .{0,30}(?:AVX|SSE|x86-64-v\d)/i,
      score: 94,
    },
    {
      line: /\bIllegal instruction\b|\bSIGILL\b|signal 4\b|signal: illegal|trap invalid opcode/i,
      emulation: "not",
      logNot: /\bqemu\b|uncaught target signal|emulat/i,
      score: 74,
      confidence: "likely",
    },
    {
      line: /\bexit (?:code|status)[: ]*132\b|non-zero code: 132\b|exited with (?:code |status )?132/i,
      emulation: "not",
      logNot: /\bqemu\b|uncaught target signal|emulat/i,
      score: 66,
      confidence: "likely",
    },
  ],
  above: ["qemu-sigill-signal-4", "qemu-sigabrt-signal-6"],
  why: "Programs and distributions are built for a level of the CPU: x86-64-v2 (RHEL 9), v3 (RHEL 10), AVX (MongoDB 5, TensorFlow), ARMv8.2 (MongoDB on ARM). An older CPU, a virtual machine with a generic CPU model, or a Raspberry Pi 4 is below it. It isn't a fault of emulation.",
  fixes: [
    {
      title: "Give the virtual machine the host's CPU",
      detail:
        "CPU type host (Proxmox, libvirt: host-passthrough) instead of kvm64 or qemu64; or a newer machine.",
    },
    {
      title: "Use a version or image with a lower baseline",
      detail:
        "MongoDB 4.4, RHEL 8 or Debian instead of RHEL 9/10 images, the -baseline build of Bun, polars-lts-cpu.",
    },
    {
      title: "Don't compile with -march=native",
      detail:
        "It makes programs for the machine that compiles. Say what you need: -march=x86-64-v2, -march=armv8-a.",
    },
  ],
  references: ["https://github.com/t0mer/Find-my-kids/issues/1"],
  bad: [
    "This program can only be run on AMD64 processors with v3 microarchitecture support.",
    "kernel: traps: mongod[31277] trap invalid opcode ip:562ba sp:7ff error:0 in mongod",

    "Fatal glibc error: CPU does not support x86-64-v2",
    "$ docker run --rm example/worker:1\nIllegal instruction (core dumped)",
  ],
  good: [
    "#12 [linux/arm64 build 4/6] RUN npm ci\n#12 41.20 qemu: uncaught target signal 4 (Illegal instruction) - core dumped\n#12 41.55 Illegal instruction (core dumped)",
  ],
};
