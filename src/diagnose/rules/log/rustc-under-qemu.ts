import { nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

const rust = /\b(?:cargo|rustc|rustup|maturin|wasm-pack|trunk)\b/;

export const rule: LogRule = {
  code: "rustc-under-qemu",
  title: "rustc or cargo crashed under QEMU",
  architecture: true,
  emulated: true,
  stage: "rust",
  patterns: [
    {
      line: /(?:rustc|build-script-\w+|cargo).{0,300}\(signal: (?:4|5|6|7|11)|\(signal: (?:4|5|6|7|11), SIG\w+/,
      emulation: "likely",
      score: 90,
    },
    {
      line: /\(signal: (?:4|6|7|11), SIG\w+: .{0,60}\)/,
      log: /qemu|aarch64|arm64|linux\/arm|armv7/i,
      near: /rustc|could not compile|build-script/,
      score: 86,
      confidence: "likely",
    },
    { line: /uncaught target signal (?:4|5|6|7|11)\b/, command: rust, score: 90 },
    {
      line: /uncaught target signal (?:4|5|6|7|11)\b/,
      near: /\b(?:Compiling \S{1,60} v\d|could not compile|Updating crates\.io|rustc|cargo)\b/,
      score: 88,
    },
    {
      line: /Segmentation fault|Illegal instruction|\bexit code: (?:139|134|132)\b|error: rustc interrupted by SIGSEGV|rustc unexpectedly overflowed/i,
      command: rust,
      emulation: "likely",
      score: 87,
    },
    {
      line: /rustc interrupted by SIG|internal compiler error|unexpectedly panicked/i,
      emulation: "shown",
      command: rust,
      score: 84,
    },
    {
      line: /rustc interrupted by SIGSEGV|rustc.{0,300}\(signal: 11, SIGSEGV/,
      emulation: "possible",
      score: 72,
      confidence: "likely",
    },
  ],
  above: [
    "qemu-sigsegv-signal-11",
    "qemu-sigill-signal-4",
    "qemu-sigabrt-signal-6",
    "gcc-under-qemu",
    "python-no-wheel-source-build-failed",
  ],
  why: "rustc is a large multithreaded program with LLVM in it; QEMU's emulation of threads and memory makes it crash (SIGSEGV), mostly at random places.",
  fixes: [
    {
      title: "Cross-compile with a native toolchain",
      detail:
        "FROM --platform=$BUILDPLATFORM rust:1 AS build\nRUN rustup target add aarch64-unknown-linux-gnu && apt-get update && apt-get install -y gcc-aarch64-linux-gnu libc6-dev-arm64-cross\nENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc\nRUN cargo build --release --target aarch64-unknown-linux-gnu\n(or cargo-zigbuild, tonistiigi/xx). Many times faster besides.",
    },
    nativeNode,
    pinnedEmulator,
  ],
  references: [
    "https://github.com/rust-lang/rust/issues/96479",
    "https://github.com/cross-rs/cross/issues/1705",
  ],
  bad: [
    "#13 [linux/arm64 build 5/6] RUN cargo build --release\n#13 412.0 error: could not compile `regex-automata` (lib)\n#13 412.0 Caused by:\n#13 412.0   process didn't exit successfully: `rustc --crate-name regex_automata` (signal: 11, SIGSEGV: invalid memory reference)",
  ],
  good: ["#13 [build 5/6] RUN cargo build --release\n#13 12.0 error[E0308]: mismatched types"],
};
