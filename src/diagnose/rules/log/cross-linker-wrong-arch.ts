import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "cross-linker-wrong-arch",
  title: "The linker was given objects or libraries of another CPU",
  architecture: true,
  patterns: [
    { line: /Relocations in generic ELF \(EM: \d+\)/, score: 93 },
    {
      line: /file in wrong format|error adding symbols: file in wrong format|File format not recognized|file not recognized/i,
      near: /\bld\b|ld:|linker|collect2|\.o\b|\.a\b|\.so\b|cannot find -l/,
      score: 90,
    },
    { line: /skipping incompatible \S{1,200} when searching for/, score: 82 },
    {
      line: /is incompatible with (?:elf\d\d\S{0,30}|aarch64\S{0,20}|armelf\S{0,20})|incompatible (?:target|with i386:x86-64|file format)|architecture of input file .{0,120}is incompatible|unknown architecture of input file|unrecognised emulation mode|unrecognized emulation mode/i,
      score: 90,
    },
    {
      line: /(?:wrong ELF class|ELF file's phentsize not|machine type \S{0,30} conflicts)/i,
      near: /\bld\b|linker|collect2/,
      score: 84,
    },
  ],
  above: ["cross-linker-not-installed", "cross-toolchain-incomplete", "generic-user-error"],
  why: "The linker works for one CPU; some object, archive or library that it was given is for another (machine 62 is x86-64, 183 is AArch64, 40 is ARM). Either the C compiler wasn't switched to the target along with the linker, or a library comes from the build machine or was vendored ready-made.",
  fixes: [
    {
      title: "Build every object for the target",
      detail:
        "Set all tools, not only the linker: CC, CXX, AR and the linker (Rust: CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER, CC_aarch64_unknown_linux_gnu; CMake: a toolchain file). Remove objects of an earlier build: target/, build/, *.o out of the context.",
    },
    {
      title: "Take the target's libraries",
      detail:
        "dpkg --add-architecture arm64 && apt-get install -y libssl-dev:arm64, PKG_CONFIG_PATH=/usr/lib/aarch64-linux-gnu/pkgconfig; replace vendored archives.",
    },
  ],
  references: [],
  bad: [
    "/usr/lib/gcc-cross/aarch64-linux-gnu/12/../../../../aarch64-linux-gnu/bin/ld: foo.o: Relocations in generic ELF (EM: 62)\nfoo.o: error adding symbols: file in wrong format\ncollect2: error: ld returned 1 exit status",
  ],
  good: [
    "/usr/bin/ld: cannot find -lfoo: No such file or directory\ncollect2: error: ld returned 1 exit status",
  ],
};
