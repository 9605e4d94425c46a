import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

const index = /Updating (?:\S{1,80} index|git repository)|crates\.io-index/;

export const rule: LogRule = {
  code: "cargo-index-oom-137-under-qemu",
  title: "cargo was killed for memory while it updated its git index under emulation",
  architecture: true,
  emulated: true,
  stage: "rust",
  patterns: [
    {
      line: /\bexit (?:code|status)[: ]*137\b|non-zero code: 137\b|^Killed\b|: Killed$|signal: 9|SIGKILL/,
      near: index,
      nearNot: /Compiling \S{1,60} v\d|Downloaded \d+ crates/,
      score: 92,
    },
    {
      line: /\bexit (?:code|status)[: ]*137\b|non-zero code: 137\b/,
      log: index,
      logNot: /Compiling \S{1,60} v\d/,
      command: /cargo/,
      score: 90,
    },
  ],
  above: ["out-of-memory-native", "rustc-under-qemu"],
  why: "The whole index of crates.io is a git repository of several hundred thousand files. cargo's built-in git library unpacks it in memory, and under QEMU that takes several GB; the kernel kills it (signal 9, exit code 137).",
  fixes: [
    {
      title: "Use the sparse registry or git itself",
      detail:
        "ENV CARGO_REGISTRIES_CRATES_IO_PROTOCOL=sparse (the default since Rust 1.70)\nor ENV CARGO_NET_GIT_FETCH_WITH_CLI=true with git installed.",
    },
    {
      title: "Cross-compile from the build platform",
      detail: "FROM --platform=$BUILDPLATFORM rust:1 AS build and cargo build --target: nothing is emulated.",
    },
    nativeNode,
  ],
  references: ["https://github.com/rust-lang/cargo/issues/8719"],
  bad: [
    '#12 [linux/arm64 build 4/5] RUN cargo build --release\n#12 0.9     Updating crates.io index\n#12 ERROR: process "/bin/sh -c cargo build --release" did not complete successfully: exit code: 137',
  ],
  good: [
    "#12 [build 4/5] RUN cargo build --release\n#12 0.9     Updating crates.io index\n#12 20.0    Compiling big v1.0.0\n#12 90.0 error: could not compile `big` (signal: 9, SIGKILL: kill)",
  ],
};
