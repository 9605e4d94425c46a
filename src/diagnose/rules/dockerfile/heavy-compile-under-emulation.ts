import { compileOf } from "../../dockerfile/compiles.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import { patchedFix } from "../../dockerfile/patched-fix.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { lineOfWord, type Use, usesOf } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "heavy-compile-under-emulation",
  severity: "info",
  title: "A long compile runs on the target's platform",
  why: "Where the builder has another CPU it runs under QEMU: several times slower, and the .NET SDK is not supported there at all (its crossgen and AOT compilers crash).",
  fix: "Cross-compile in a $BUILDPLATFORM stage, or use native builders. For .NET: FROM --platform=$BUILDPLATFORM …/sdk, ARG TARGETARCH, dotnet publish -a $TARGETARCH.",
  bad: [
    "FROM rust:1.79 AS build\nRUN cargo build --release\nFROM debian:12\nCOPY --from=build /target/release/app /app\n",
    "FROM mcr.microsoft.com/dotnet/sdk:8.0 AS build\nRUN dotnet publish -c Release -p:PublishReadyToRun=true -o /app\nFROM mcr.microsoft.com/dotnet/aspnet:8.0\nCOPY --from=build /app /app\n",
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:8.0 AS build\nARG TARGETARCH\nRUN dotnet publish -a $TARGETARCH -c Release -o /app\nFROM mcr.microsoft.com/dotnet/aspnet:8.0\nCOPY --from=build /app /app\n",
  ],
  mentions:
    /\b(?:go|cargo|cross|make|gmake|ninja|cmake|meson|scons|bazel|bazelisk|swift|zig|stack|cabal|dune|opam|mix|rebar3|xmake|dub|shards|native|pyinstaller|nuitka|pkg|nexe|dotnet|mvn|mvnw|gradle|gradlew)\b/,
  check(model, report) {
    const dotnet = new Set<number>();
    for (const use of usesOf(model)) {
      if (use.facts.follows !== "target") continue;
      if (use.program === "dotnet" && /^(?:publish|build|restore|test|pack|tool)$/.test(use.args[0] ?? "")) {
        const chain = rootOf(model, use.facts.index);
        if (dotnet.has(chain)) continue;
        dotnet.add(chain);
        report({
          line: lineOfWord(use, /dotnet/),
          severity: "warning",
          message: dotnetMessage(publishArgs(use)),
          ...patchedFix(model, use.facts, "dotnet", rule.fix),
        });
      } else if (compileOf(use)?.heavy === true) {
        report({
          line: use.line,
          message: `${use.program} runs emulated where the builder has another CPU.`,
        });
      }
    }
  },
};

/** The first stage of a chain of stages: what is wrong with it is said once. */
function rootOf(model: DockerfileModel, index: number): number {
  const parent = model.stages[index]?.parent;
  return parent === undefined ? index : rootOf(model, parent);
}

/** Arguments of the stage's `dotnet publish`, which says what is compiled. */
function publishArgs({ model, facts }: Use): readonly string[] {
  return (
    usesOf(model).find(
      (use) => use.facts.index === facts.index && use.program === "dotnet" && use.args[0] === "publish",
    )?.args ?? []
  );
}

function dotnetMessage(args: readonly string[]): string {
  const aot = /PublishReadyToRun=true|PublishAot=true/i.exec(args.join(" "))?.[0];
  return aot === undefined
    ? "The .NET SDK runs emulated where the builder has another CPU, which is not supported."
    : `The .NET SDK with ${aot} runs its native compiler emulated where the builder has another CPU, which is not supported and crashes.`;
}
