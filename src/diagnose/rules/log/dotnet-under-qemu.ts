import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

/** The SDK's own tools. */
const sdk = /\b(?:dotnet|msbuild|nuget)\b/i;

/** An exception of the program's own ends it with signal 6, too. */
const ownAbort =
  /Unhandled exception\. (?!System\.(?:AccessViolation|ExecutionEngine|BadImageFormat|InvalidProgram))/;
/** A call stack with lines of the project's own sources. */
const ownSource = /^\s{0,8}at .{1,300} in \/(?!_\/)\S{1,200}:line \d+/;

export const rule: LogRule = {
  code: "dotnet-under-qemu",
  title: "The .NET SDK broke under QEMU, which .NET doesn't support",
  architecture: true,
  emulated: true,
  stage: "dotnet",
  patterns: [
    {
      line: /(?:crossgen2?|ilc|Crossgen2\S*|ILCompiler)(?:\.dll|\.exe)?["']? exited with code (?:139|132|134|133|135)\b/i,
      score: 100,
    },
    { line: /MSB6006: .{0,300}exited with code (?:139|132|134|133)\b/, score: 95 },
    { line: /uncaught target signal (?:4|5|6|11)\b/, command: sdk, score: 92 },
    {
      line: /\bexit (?:code|status)[: ]*(?:139|134|132|133|135)\b|non-zero code: (?:139|134|132)\b/,
      command: sdk,
      nearNot: ownAbort,
      emulation: "likely",
      score: 88,
    },
    // Tasks, nodes and the runtime fail in ways that make no sense elsewhere.
    {
      line: /MSB4018|MSB4166|MSB6006|failed unexpectedly|Internal CLR error|System\.(?:AccessViolation|ExecutionEngine|InvalidProgram|BadImageFormat|OutOfMemory)Exception|SEHException|Failed to create CoreCLR|GC heap initialization failed|Fatal error\.|Process terminated\.|Assertion failed|child node .{0,40}exited prematurely|Cannot find .{0,40}in the enum|qemu: /i,
      command: sdk,
      emulation: "shown",
      score: 86,
    },
    {
      line: /Segmentation fault|Internal CLR error|AccessViolationException|SEHException|MSB4166|Illegal instruction|Aborted|Failed to create CoreCLR/i,
      command: sdk,
      nearNot: ownSource,
      emulation: "likely",
      score: 86,
    },
    {
      line: /Segmentation fault|\bexit (?:code|status)[: ]*139\b|non-zero code: 139\b|Internal CLR error/i,
      command: sdk,
      emulation: "possible",
      score: 78,
      confidence: "likely",
    },
    {
      line: /unhandled exception in MSBuild|task failed unexpectedly/i,
      emulation: "likely",
      score: 82,
      confidence: "likely",
    },
  ],
  above: ["qemu-sigsegv-signal-11", "qemu-sigabrt-signal-6", "qemu-sigill-signal-4", "qemu-sigtrap-signal-5"],
  why: "The SDK ran as a program of the target's CPU in QEMU's emulation. .NET's runtime compiles and manages memory in ways that QEMU doesn't reproduce; Microsoft doesn't support it. crossgen2 (ReadyToRun) and ilc (native AOT) do this work hardest and crash first: exit code 139 is 128 + signal 11, a segmentation fault. The project is not at fault.",
  fixes: [
    {
      title: "Publish on the build platform for the target (lasting)",
      detail:
        "FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:9.0 AS build\nARG TARGETARCH\nRUN dotnet restore -a $TARGETARCH\nRUN dotnet publish -c Release -a $TARGETARCH --no-restore -o /app\nThe SDK then runs natively and makes files for the target, ReadyToRun included; drop a fixed -r such as linux-musl-x64.",
    },
    {
      title: "Switch ReadyToRun off (quick)",
      detail:
        "Remove -p:PublishReadyToRun=true, or set -p:PublishReadyToRun=false. The application starts more slowly: its code is compiled when it first runs. The SDK still runs under QEMU, so other steps may crash.",
      workaround: true,
    },
    nativeNode,
  ],
  references: [
    "https://github.com/dotnet/runtime/issues/95120",
    "https://github.com/dotnet/dotnet-docker/issues/993",
  ],
  bad: [
    '#49 [linux/arm64 backend-build 7/7] RUN dotnet publish src/Api/Api.csproj -p:PublishReadyToRun=true\n#49 168.6 /usr/share/dotnet/sdk/9.0.310/Sdks/Microsoft.NET.Sdk/targets/Microsoft.NET.CrossGen.targets(470,5): error MSB6006: "/root/.nuget/packages/microsoft.netcore.app.crossgen2.linux-musl-arm64/9.0.12/tools/crossgen2" exited with code 139. [/src/Api.csproj]',
  ],
  good: [
    "Set up QEMU\n#9 [linux/arm64 4/5] RUN dotnet run\n#9 0.9 Unhandled exception. System.ArgumentNullException: Value cannot be null.\n#9 0.9    at Program.<Main>$(String[] args) in /src/Program.cs:line 3\n#9 0.9 Aborted (core dumped)",

    '#7 [build 5/6] RUN dotnet publish -c Release\n#7 9.1 /src/Program.cs(4,1): error CS0246: The type or namespace name "Foo" could not be found [/src/App.csproj]\n#7 ERROR: process "/bin/sh -c dotnet publish -c Release" did not complete successfully: exit code: 1',
  ],
};
