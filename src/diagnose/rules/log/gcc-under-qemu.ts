import { buildPlatformStage, nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

const compile =
  /(?:\b|\/)(?:gcc|g\+\+|cc1|cc1plus|c\+\+|clang(?:\+\+)?|collect2)(?![\w+])|Building C(?:XX)? object|^\s{0,2}CC(?:LD)? {1,8}\S/;

export const rule: LogRule = {
  code: "gcc-under-qemu",
  title: "The C or C++ compiler crashed under QEMU",
  architecture: true,
  emulated: true,
  patterns: [
    {
      line: /Segmentation fault\s{1,10}(?:\(core dumped\)\s{1,4})?(?:\S{0,80}\/)?(?:gcc|g\+\+|cc1|cc1plus|c\+\+|cc|clang)(?![\w+])/,
      emulation: "likely",
      score: 86,
    },
    {
      line: /internal compiler error: (?:Segmentation fault|Illegal instruction|Aborted|Bus error|Trace)|internal compiler error/i,
      emulation: "likely",
      score: 88,
    },
    {
      line: /(?:Segmentation fault|Aborted|Illegal instruction|Bus error) signal terminated program (?:cc1|cc1plus|as|collect2|ld|lto1|f951)/i,
      score: 88,
    },
    {
      line: /uncaught target signal (?:4|6|7|11)(?![\w+])/,
      near: /^(?!checking ).{0,400}\b(?:gcc|g\+\+|cc1|cc1plus|c\+\+|clang\+\+|internal compiler error|Building C(?:XX)? object|runtime\/cgo)(?![\w+])|\[ *\d+%\]/,
      score: 86,
    },
    {
      line: /uncaught target signal (?:4|6|7|11)(?![\w+])/,
      command: /(?<![\w-])(?:gcc|g\+\+|cc|clang(?:\+\+)?)(?![\w-])/,
      commandNot: /cargo|dotnet|npm|yarn|mvn|gradle|\bgo (?:build|install)|mix |ldconfig|apt-get install|pip/,
      score: 78,
      confidence: "likely",
    },
    {
      line: /clang\S{0,8}: error: (?:unable to execute command: (?:Segmentation|Illegal|Aborted|Bus|Trace)|clang frontend command failed due to signal)/,
      emulation: "likely",
      score: 88,
    },
    {
      line: /(?:signal: (?:segmentation fault|illegal instruction|aborted)|exit status 139|Segmentation fault)/i,
      near: /runtime\/cgo|# \S{0,60}cgo|gcc: /,
      emulation: "likely",
      score: 88,
    },
    {
      line: /(?:Segmentation fault|Illegal instruction|PLEASE submit a bug report)/i,
      near: compile,
      command: /(?<![\w-])(?:gcc|g\+\+|cc|clang|make|cmake|ninja|meson)(?![\w-])/,
      commandNot: /cargo|dotnet|npm|yarn|mvn|gradle|mix /,
      emulation: "shown",
      score: 80,
    },
  ],
  above: [
    "qemu-sigsegv-signal-11",
    "qemu-sigill-signal-4",
    "qemu-sigabrt-signal-6",
    "go-runtime-crash-under-qemu",
  ],
  why: "The compiler (cc1, cc1plus, the linker) stopped with a signal while QEMU ran it. On a real CPU of that kind the same sources compile; the fault is the emulator's, and it often comes and goes.",
  fixes: [
    {
      ...buildPlatformStage,
      detail: `${buildPlatformStage.detail}\nC and C++: a cross compiler (gcc-aarch64-linux-gnu), tonistiigi/xx or zig cc.`,
    },
    nativeNode,
    pinnedEmulator,
    {
      title: "Compile with one job and less optimisation",
      detail: "make -j1, -O1: makes the crash rarer.",
      workaround: true,
    },
  ],
  references: [
    "https://github.com/docker/buildx/issues/3045",
    "https://github.com/docker/buildx/issues/2841",
  ],
  bad: [
    '#9 [linux/arm64 build 4/5] RUN make\n#9 88.0 g++: internal compiler error: Segmentation fault signal terminated program cc1plus\n#9 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2',
  ],
  good: [
    "Run docker/setup-qemu-action@v3\n#9 [linux/arm64 4/4] RUN make gen\n#9 3.0 ./bin/gen --in api\n#9 3.1 qemu: uncaught target signal 11 (Segmentation fault) - core dumped\n#9 3.2 make: *** [Makefile:7: gen] Segmentation fault (core dumped)",
    "#9 [linux/amd64 build 4/5] RUN make\n#9 88.0 main.c:3:1: error: expected ';' before '}' token",
  ],
};
