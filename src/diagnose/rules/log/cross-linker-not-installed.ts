import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "cross-linker-not-installed",
  title: "The cross linker that is configured isn't in the image",
  architecture: true,
  patterns: [
    {
      line: /linker [`'"]?(?:\S{0,40}(?:aarch64|arm|armv7|x86_64|i686|riscv64|powerpc64le|s390x)\S{0,40}(?:gcc|ld|cc|clang|lld)\S{0,8}|rust-lld|lld|mold|ld\.lld)[`'"]? not found/i,
      score: 95,
    },
    {
      line: /linker [`'"]\S{1,60}[`'"] not found/,
      command: /--target|TARGET/,
      score: 84,
      confidence: "likely",
    },
    {
      line: /(?:invalid linker name in argument|collect2: fatal error: cannot find '(?:ld|\S{1,40}-ld)')/,
      score: 82,
    },
  ],
  above: ["cross-toolchain-incomplete", "generic-user-error"],
  why: "cargo (or the compiler) is configured to link with a cross tool, such as aarch64-linux-gnu-gcc, and that program isn't installed here.",
  fixes: [
    {
      title: "Install it",
      detail:
        "Debian, Ubuntu: apt-get install -y gcc-aarch64-linux-gnu libc6-dev-arm64-cross (armv7: gcc-arm-linux-gnueabihf; x86: gcc-x86-64-linux-gnu). musl targets: a musl cross toolchain, or cargo zigbuild.",
    },
    {
      title: "On a machine of the target's own CPU remove the setting",
      detail: "[target.….linker] in .cargo/config.toml, or CARGO_TARGET_…_LINKER.",
    },
  ],
  references: [],
  bad: [
    "error: linker `aarch64-linux-gnu-gcc` not found\n  |\n  = note: No such file or directory (os error 2)",
  ],
  good: ["error: linking with `cc` failed: exit status: 1"],
};
