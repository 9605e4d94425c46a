import { archNames, wholeArch, withoutArchs, mayNameArch } from "../../dockerfile/arch-names.ts";
import { envPairs } from "../../dockerfile/stage-view.ts";
import { declaredArguments } from "../../../dockerfile/arguments.ts";
import type { DockerfileRule, Severity } from "../../dockerfile/rule.ts";
import { type DockerfileModel, linesUsing } from "../../dockerfile/model.ts";
import { lineOfText } from "../../dockerfile/uses.ts";

const otherRules =
  /^(?:GOARCH|JAVA_HOME|CARGO_BUILD_TARGET|PATH|LD_LIBRARY_PATH|LIBRARY_PATH|LD_PRELOAD|PKG_CONFIG_PATH|CFLAGS|CXXFLAGS|RUSTFLAGS)$/;

export const rule: DockerfileRule = {
  id: "env-hardcoded-arch",
  severity: "warning",
  title: "A constant spells out an architecture",
  why: "It is the same for every target, and what is derived from it is for one.",
  fix: "Derive it from TARGETARCH in the stage, or set it for every triple; never reuse a built-in name for it.",
  bad: [
    "FROM debian:12\nENV ARCH=amd64\nRUN curl -fsSLO https://dl.example.com/tool-$ARCH.tgz\n",
    "FROM rust:1.79\nENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc\nRUN cargo build --release\n",
  ],
  good: [
    "FROM debian:12\nARG TARGETARCH\nENV ARCH=$TARGETARCH\nRUN curl -fsSLO https://dl.example.com/tool-$ARCH.tgz\n",
    "FROM debian:12\nENV MODE=linux\n",
  ],
  mentions: mayNameArch,
  check(model, report) {
    for (const { stage, onlyFor } of model.stages) {
      if (onlyFor !== undefined) continue;
      const names = stage.instructions
        .filter(({ keyword }) => keyword === "ENV")
        .flatMap((instruction) => envPairs(instruction).map((pair) => ({ ...pair, instruction })));
      for (const { name, value, instruction } of names) {
        if (otherRules.test(name)) continue;
        const triple = tripleOf(name);
        const bare = value.replaceAll(/["']/g, "");
        const constant =
          !value.includes("$") && (wholeArch(bare) !== undefined || compilerFor(bare) || holdsArchFlag(bare));
        if (!constant && triple === undefined) continue;
        if (isOneOfSeveral(name, names)) continue;
        // Set anew, from something else, before anything is done.
        const later = names.find((other) => other.name === name && other.instruction.line > instruction.line);
        if (/^["']?\$\{?TARGET/.test(later?.value ?? "")) continue;
        if (
          triple !== undefined &&
          names.some((other) => {
            const second = tripleOf(other.name);
            return second !== undefined && second !== triple;
          })
        )
          continue;
        report({
          line: lineOfText(instruction, new RegExp(`(?:^|\\s)${name.replaceAll(/\W/g, ".")}[= ]`)),
          severity: severityOf(model, name, constant),
          message:
            triple === undefined
              ? `${name} is "${bare}" for every target.`
              : `${name} holds for one target triple only.`,
        });
      }
    }
    for (const instruction of model.dockerfile.stages.flatMap(({ instructions }) =>
      instructions.filter(({ keyword }) => keyword === "ARG"),
    )) {
      const flag = declaredArguments(instruction).find(
        ({ value }) => value !== undefined && holdsArchFlag(value.replaceAll(/["']/g, "")),
      );
      if (flag !== undefined)
        report({
          line: instruction.line,
          message: `${flag.name} hands one architecture to whatever it is used for.`,
        });
      const triple = declaredArguments(instruction).find(
        ({ name, value }) => value !== undefined && tripleOf(name) !== undefined,
      );
      if (triple !== undefined)
        report({ line: instruction.line, message: `${triple.name} holds for one target triple only.` });
    }
  },
};

/** CARGO_TARGET_X86_64_…_LINKER, CC_aarch64_unknown_linux_gnu: the architecture that the name holds for. */
function tripleOf(name: string): string | undefined {
  const named = /(?:^|_)((?:X86_64|AARCH64|ARMV7|I686|ARM)_(?:UNKNOWN_)?LINUX_(?:GNU|MUSL)\w*)/i.exec(
    name,
  )?.[1];
  return named === undefined
    ? undefined
    : archNames(named.replaceAll("_unknown", "-unknown").replaceAll("_UNKNOWN", "-unknown"))[0]?.arch;
}

/** DISTRO_amd64=x64 beside DISTRO_arm64=arm64: one is picked by the target. */
function isOneOfSeveral(name: string, all: readonly { readonly name: string }[]): boolean {
  const parts = withoutArchs(name.replaceAll("_", "-"));
  if (!parts.includes("*")) return false;
  return all.some((other) => other.name !== name && withoutArchs(other.name.replaceAll("_", "-")) === parts);
}

/** "x86_64-linux-gnu-gcc": a cross compiler, as the value of CC. */
function compilerFor(value: string): boolean {
  return /^(?:x86_64|aarch64|arm|i686)-linux-\w+-(?:gcc|g\+\+|ld|ar|clang|strip|objcopy|ranlib|)$/.test(
    value,
  );
}

function severityOf(model: DockerfileModel, name: string, constant: boolean): Severity {
  if (!constant) return "warning";
  const downloads = linesUsing(model, name).some((line) => /https?:|\/|-o\b/.test(line));
  return downloads ? "error" : "warning";
}

/** Options for build tools kept in a variable: "--profile x --arm". */
function holdsArchFlag(value: string): boolean {
  return /(?:^|\s)--?(?:arm|arm64|armv7l?|x64|x86_64|amd64|x86|ia32|aarch64)(?:\s|$)|(?:^|\s)--?(?:arch|cpu|target-?arch|host|target|platform|machine)[= ](?:linux[-/])?(?:amd64|x86_64|x64|arm64|aarch64|armhf|armv7l?)\b/.test(
    value,
  );
}
