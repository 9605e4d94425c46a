import { nativeNode } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "dotnet-crossgen-wrong-host-arch",
  title: "dotnet publish started a compiler of the target's CPU, which this container can't run",
  architecture: true,
  stage: "dotnet",
  emulated: false,
  patterns: [
    {
      line: /(?:crossgen2?|ilc|ILCompiler).{0,100}(?:cannot execute|Exec format error|No such file|not found|Permission denied)/i,
      score: 96,
    },
    {
      line: /(?:crossgen2?|ilc|ILCompiler)(?:\.dll|\.exe)?["']? exited with code (?:126|127|1|-1|2|255|132|134|139)\b/i,
      near: /exec format|cannot execute|not found|rosetta error|ld-linux|No such file/i,
      score: 101,
    },
    {
      line: /MSB3073: The command ".{0,300}(?:crossgen2?|\/ilc)(?:\.dll)?".{0,200} exited with code (?:126|127|255)\b/i,
      score: 96,
    },
    { line: /(?:crossgen2?|ilc)(?:\.dll|\.exe)?["']? exited with code (?:126|127|255)\b/i, score: 96 },
    {
      line: /(?:crossgen2?|ilc|ILCompiler).{0,200}(?:rosetta error|ld-linux-x86-64|An error occurred trying to start process)/i,
      score: 97,
    },
    {
      line: /rosetta error|exec format error|cannot execute binary|Could not open '\/lib|qemu-\w+: Could not open/i,
      near: /NETSDK1096|NETSDK1094|crossgen2?\b|\bilc\b|ilcompiler/i,
      score: 96,
    },
    { line: /An error occurred trying to start process .{0,200}(?:crossgen|ilcompiler)/i, score: 97 },
  ],
  above: [
    "binary-download-wrong-arch",
    "exec-format-error-no-emulation",
    "glibc-vs-musl-mismatch",
    "dotnet-under-qemu",
  ],
  why: "ReadyToRun and native AOT need a compiler program (crossgen2, ilc) from NuGet. The one that was restored is made for another CPU or libc than the SDK's container, so it can't start.",
  fixes: [
    {
      title: "Publish in an SDK container of the machine's own CPU",
      detail:
        "FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:9.0 AS build\nARG TARGETARCH\nRUN dotnet publish -c Release -a $TARGETARCH -o /app\nThe SDK then restores the crossgen2 of its own CPU and compiles for the target.",
    },
    {
      title: "Without ReadyToRun when crossing",
      detail:
        "-p:PublishReadyToRun=false: the application starts more slowly, its code is compiled when it first runs.",
      workaround: true,
    },
    nativeNode,
  ],
  references: [
    "https://github.com/dotnet/dotnet-docker/issues/3063",
    "https://github.com/dotnet/coreclr/issues/23815",
  ],
  bad: [
    "Microsoft.NET.Publish.targets(461,5): error NETSDK1096: Optimizing assemblies for performance failed.\nrosetta error: failed to open elf at /lib64/ld-linux-x86-64.so.2",
    'error MSB3073: The command "/root/.nuget/packages/microsoft.netcore.app.crossgen2.linux-x64/8.0/tools/crossgen2" exited with code 127',

    '/root/.nuget/packages/microsoft.netcore.app.crossgen2.linux-x64/8.0.1/tools/crossgen2: cannot execute binary file: Exec format error\n/usr/share/dotnet/sdk/8.0.100/Sdks/Microsoft.NET.Sdk/targets/Microsoft.NET.CrossGen.targets(470,5): error MSB6006: "crossgen2" exited with code 126.',
  ],
  good: [
    '/usr/share/dotnet/sdk/9.0.310/Sdks/Microsoft.NET.Sdk/targets/Microsoft.NET.CrossGen.targets(470,5): error MSB6006: "/root/.nuget/packages/microsoft.netcore.app.crossgen2.linux-musl-arm64/9.0.12/tools/crossgen2" exited with code 139.',
  ],
};
