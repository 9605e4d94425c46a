import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "rust-target-not-installed",
  title: "The Rust toolchain in use has no standard library for the target",
  architecture: true,
  stage: "rust",
  patterns: [
    {
      line: /E0463.{0,60}can't find crate for `?(?:core|std|alloc|compiler_builtins)|can't find crate for `(?:core|std)`/,
      score: 95,
    },
    {
      line: /target may not be installed|consider downloading the target with `rustup target add/,
      score: 93,
    },
    {
      line: /toolchain '\S{1,80}' (?:does not contain|is missing) component 'rust-std' for target|component 'rust-std' for target '\S{1,60}' is unavailable/i,
      score: 94,
    },
    { line: /error: Error loading target specification|Could not find specification for target/, score: 84 },
  ],
  above: ["generic-user-error", "cross-toolchain-incomplete"],
  why: "rustc can make code for many CPUs but needs core and std compiled for each. This toolchain has none for the target: it was added to another toolchain (rust-toolchain.toml switches), or never.",
  fixes: [
    {
      title: "rustup target add, for the toolchain that cargo really uses",
      detail:
        'RUN rustup target add aarch64-unknown-linux-gnu\nWith a rust-toolchain.toml: put targets = ["aarch64-unknown-linux-gnu"] into it, or run rustup after it was copied. rustup show tells which is active.',
    },
    {
      title: "A distribution's rustc has no rustup",
      detail:
        "Install its package of the target's std (Debian: libstd-rust-dev:arm64, Fedora: rust-std-static-…), or rustup.",
    },
  ],
  references: [],
  bad: [
    "error[E0463]: can't find crate for `core`\n  |\n  = note: the `aarch64-unknown-linux-musl` target may not be installed",
  ],
  good: ["error[E0463]: can't find crate for `serde_derive`"],
};
