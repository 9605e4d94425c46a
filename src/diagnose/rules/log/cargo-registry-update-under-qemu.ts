import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "cargo-registry-update-under-qemu",
  title: "32-bit cargo can't read its index directory under a 64-bit kernel (value too large)",
  architecture: true,
  emulated: true,
  stage: "rust",
  patterns: [
    {
      line: /Value too large for defined data type/,
      near: /cargo|crates\.io|registry|class=Os|git/i,
      score: 96,
    },
    {
      line: /Value too large for defined data type|\(os error 75\)|EOVERFLOW/,
      command: /cargo|rustup|pip|maturin/,
      score: 93,
    },
    { line: /Value too large for defined data type/, score: 76, confidence: "likely" },
  ],
  above: [
    "network-transient",
    "generic-user-error",
    "python-no-wheel-source-build-failed",
    "qemu-unsupported-syscall",
  ],
  why: "cargo's git library reads directories with a 32-bit call. A 64-bit host's file system (ext4) gives inode numbers and offsets that don't fit, so QEMU answers EOVERFLOW, \"Value too large for defined data type\".",
  fixes: [
    {
      title: "Cross-compile from the build platform",
      detail:
        "FROM --platform=$BUILDPLATFORM rust:1 AS build\nRUN rustup target add armv7-unknown-linux-gnueabihf && apt-get update && apt-get install -y gcc-arm-linux-gnueabihf libc6-dev-armhf-cross\nRUN cargo build --release --target armv7-unknown-linux-gnueabihf",
    },
    {
      title: "Keep CARGO_HOME on a tmpfs",
      detail:
        "RUN --mount=type=tmpfs,target=/usr/local/cargo/registry cargo build --release: a tmpfs has small inode numbers.",
    },
    {
      title: "Use the sparse registry",
      detail:
        "ENV CARGO_REGISTRIES_CRATES_IO_PROTOCOL=sparse (the default since Rust 1.70): no git index is read.",
    },
    nativeNode,
  ],
  references: [
    "https://github.com/rust-lang/cargo/issues/8719",
    "https://github.com/docker/buildx/issues/395",
  ],
  bad: [
    "#13 2.5 error: failed to fetch `https://github.com/rust-lang/crates.io-index`\n#13 2.5 Caused by:\n#13 2.5   could not read directory '/usr/local/cargo/registry/index/.git//refs': Value too large for defined data type; class=Os (2)",
  ],
  good: [
    "error: failed to fetch `https://github.com/rust-lang/crates.io-index`\nCaused by:\n  network failure seems to have happened",
  ],
};
