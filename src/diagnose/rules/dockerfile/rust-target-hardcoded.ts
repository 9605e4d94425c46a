import { hasTwin } from "../../dockerfile/twins.ts";
import { archNames } from "../../dockerfile/arch-names.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import { isNative, type Place, placesOf, usesOf } from "../../dockerfile/uses.ts";
import type { DockerfileRule, Remark } from "../../dockerfile/rule.ts";
import { textsOf } from "../../dockerfile/texts.ts";

const triple =
  /(x86_64|aarch64|armv7|arm|i686|riscv64gc|powerpc64le|s390x)-(?:unknown|alpine|pc)-linux-(?:gnu|musl)\w*/;

export const rule: DockerfileRule = {
  id: "rust-target-hardcoded",
  severity: "error",
  title: "Rust is compiled for one target triple",
  why: "The program is for that architecture whatever the image is for; with another machine's toolchain the link step fails.",
  fix: "Map TARGETARCH to the triple with its cross linker, or compile for the host in a target-platform stage.",
  bad: [
    "FROM rust:1.79 AS build\nRUN rustup target add x86_64-unknown-linux-musl && cargo build --release --target x86_64-unknown-linux-musl\nFROM scratch\nCOPY --from=build /target/x86_64-unknown-linux-musl/release/app /app\n",
  ],
  good: [
    "FROM rust:1.79 AS build\nRUN cargo build --release\nFROM debian:12\nCOPY --from=build /target/release/app /app\n",
    "FROM rust:1.79 AS build\nRUN T=$(uname -m)-unknown-linux-musl && rustup target add $T && cargo build --release --target $T\n",
    "FROM rust:1.79 AS build\nRUN cargo build --release --target wasm32-unknown-unknown\n",
  ],
  mentions: /linux-(?:gnu|musl)/,
  check(model, report) {
    for (const each of textsOf(model)) {
      const { text, line, place, use, in: where, name } = each;
      const named = triple.exec(text);
      if (named === null || /^https?:|^[\w.+-]+@/.test(text)) continue;
      // What the context holds was compiled elsewhere: another rule's finding.
      if (where === "copy" && !place.instruction.flags.some(({ name: flag }) => flag === "from")) continue;
      const rust =
        /^(?:cargo|rustup|rustc|cross|cargo-\w+)$/.test(use?.program ?? "") ||
        use?.args.includes("--default-host") === true ||
        name === "CARGO_BUILD_TARGET" ||
        (/(?:^|\/)target\/|\/release\//.test(text) && !text.includes(".build/"));
      if (!rust || (where === "env" && name !== "CARGO_BUILD_TARGET")) continue;
      const arch = archNames(named[0])[0]?.arch;
      const { architecture } = place.view.scenario.target;
      if (arch === undefined || arch === architecture || severalTargets(use?.args)) continue;
      // Each target is compiled, and has its place.
      if (hasTwin(model, each)) continue;
      // A target of none of the platforms, only added and not compiled for here, is a deliberate cross target.
      const added = use?.program === "rustup";
      if (added && !model.platforms.some((platform) => platform.architecture === arch)) continue;
      report({ line, message: `${named[0]} is compiled for every target.`, architectures: [architecture] });
    }
    reportConfigurations(model, report);
  },
};

/** Cargo's own file with a target for every build. */
function reportConfigurations(model: DockerfileModel, report: (remark: Remark) => void): void {
  const check = (text: string, { view }: Place, line: (at: number) => number): void => {
    const found = /^[ \t]*target[ \t]*=[ \t]*"([\w.-]{1,80})"/m.exec(text.replaceAll("\\n", "\n"));
    const named = triple.exec(found?.[1] ?? "")?.[0];
    const { architecture } = view.scenario.target;
    if (found === null || named === undefined || archNames(named)[0]?.arch === architecture) return;
    report({
      line: line(found.index),
      message: `${named} is compiled for every target.`,
      architectures: [architecture],
    });
  };
  for (const use of usesOf(model)) {
    const { outputs, argv, input } = use.executed;
    if (!isNative(use.view) || !outputs.some((path) => cargoFile.test(path))) continue;
    for (const text of [...argv, input]) check(text, use, () => use.line);
  }
  for (const place of placesOf(model)) {
    const { instruction, at } = place;
    if (
      !/^(?:COPY|ADD)$/.test(instruction.keyword) ||
      !isNative(place.view) ||
      !cargoFile.test(at.words.at(-1) ?? "")
    )
      continue;
    for (const { body, line } of instruction.heredocs)
      check(
        body,
        place,
        (offset) =>
          (line ?? instruction.line) +
          body
            .slice(0, offset + 1)
            .trimEnd()
            .split("\n").length -
          1,
      );
  }
}

const cargoFile = /(?:^|\/)\.?cargo\/config(?:\.toml)?$/;

/** `rustup target add A B`: all that may be needed. */
function severalTargets(args: readonly string[] | undefined): boolean {
  return (args ?? []).filter((word) => triple.test(word)).length > 1;
}
