import { archNames } from "../../dockerfile/arch-names.ts";
import { patchedFix } from "../../dockerfile/patched-fix.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, option, usesOf } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "hardcoded-dotnet-rid",
  severity: "error",
  title: "dotnet publishes for one runtime identifier",
  why: "The program's host and its ReadyToRun code are for that architecture: on another target it doesn't start.",
  fix: "On a $BUILDPLATFORM SDK stage pass `-a $TARGETARCH`, or publish without a RID when a runtime image follows. Native AOT also needs a cross linker or a native builder.",
  bad: [
    "FROM mcr.microsoft.com/dotnet/sdk:8.0 AS build\nRUN dotnet publish -c Release -r linux-musl-x64 -o /app\nFROM mcr.microsoft.com/dotnet/runtime-deps:8.0-alpine\nCOPY --from=build /app /app\n",
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:8.0 AS build\nARG TARGETARCH\nRUN dotnet publish -c Release -a $TARGETARCH -o /app\nFROM mcr.microsoft.com/dotnet/runtime:8.0\nCOPY --from=build /app /app\n",
    "FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:8.0 AS build\nRUN dotnet publish -r win-x64 -o /out\nFROM scratch\nCOPY --from=build /out /\n",
  ],
  references: ["https://learn.microsoft.com/en-us/dotnet/core/rid-catalog"],
  mentions: /dotnet/,
  check(model, report) {
    for (const use of usesOf(model)) {
      if (!isNative(use.view) || use.program !== "dotnet") continue;
      if (!/^(?:publish|build|restore|msbuild|pack|run|test)$/.test(use.args[0] ?? "")) continue;
      const rid = ridOf(use.args);
      const arch = rid === undefined ? undefined : archNames(rid)[0]?.arch;
      const { architecture } = use.view.scenario.target;
      if (
        rid === undefined ||
        arch === undefined ||
        arch === architecture ||
        /^(?:win|osx|browser|ios|android)/.test(rid)
      )
        continue;
      report({
        line: lineOfWord(use, /x64|arm64|x86|-arm\b|RuntimeIdentifier|--runtime/),
        message: `${rid} is published for every target.`,
        architectures: [architecture],
        ...patchedFix(model, use.facts, "dotnet", rule.fix),
      });
    }
  },
};

function ridOf(args: readonly string[]): string | undefined {
  const property = args
    .map((word) => /^[-/]{1,2}p(?:roperty)?:RuntimeIdentifiers?=["']?([\w.-]+)/i.exec(word)?.[1])
    .find(Boolean);
  const platform = args
    .map((word) => /^[-/]{1,2}p(?:roperty)?:PlatformTarget=["']?(x64|x86|ARM64)\b/i.exec(word)?.[1])
    .find(Boolean);
  if (platform !== undefined) return `linux-${platform.toLowerCase()}`;
  const arch = option(args, "-a", "--arch");
  return property ?? option(args, "-r", "--runtime") ?? (arch === undefined ? undefined : `linux-${arch}`);
}
