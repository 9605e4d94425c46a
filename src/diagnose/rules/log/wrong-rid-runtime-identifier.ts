import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "wrong-rid-runtime-identifier",
  title: "A .NET runtime identifier isn't known to the SDK, or wasn't restored",
  architecture: true,
  stage: "dotnet",
  patterns: [
    { line: /NETSDK1(?:047|083|082|084|094|112|061|206|134|203|204|207)\b/, score: 95 },
    {
      line: /Assets file .{0,200}doesn't have a target for|RuntimeIdentifier '?\S{1,40}'? is (?:not recognized|invalid)|no application host available for the specified RuntimeIdentifier|There was no runtime pack for|Version-specific or distribution-specific runtime identifier/i,
      score: 94,
    },
    {
      line: /NU1101|NU1102|NU1100/,
      near: /runtime\.\S{0,40}(?:linux|alpine|arm)|Microsoft\.NETCore\.App\.(?:Runtime|Host|Crossgen2)\.|ILCompiler/i,
      score: 88,
    },
  ],
  above: ["dotnet-crossgen-wrong-host-arch", "generic-user-error"],
  why: "The runtime identifier (RID) that publish was given has no packages, or differs from what restore was given: the assets file is for another one. Since .NET 8 only portable RIDs are known (linux-x64, linux-musl-arm64), not alpine.3.18-x64.",
  fixes: [
    {
      title: "Restore with the same target as publish",
      detail:
        "ARG TARGETARCH\nRUN dotnet restore -a $TARGETARCH\nRUN dotnet publish -a $TARGETARCH --no-restore -c Release -o /app\n-a takes amd64 and arm64 as TARGETARCH spells them (SDK 8 and later); -r needs linux-x64.",
    },
    {
      title: "Use portable RIDs",
      detail: "linux-x64, linux-arm64, linux-arm, linux-musl-x64, linux-musl-arm64.",
    },
  ],
  references: [],
  bad: [
    "error NETSDK1203: Ahead-of-time compilation is not supported for the target runtime identifier 'linux-arm'.",

    "/usr/share/dotnet/sdk/8.0.100/Sdks/Microsoft.NET.Sdk/targets/Microsoft.PackageDependencyResolution.targets(266,5): error NETSDK1047: Assets file '/src/obj/project.assets.json' doesn't have a target for 'net8.0/linux-arm64'.",
  ],
  good: [
    "/src/App.csproj : error NU1101: Unable to find package Contoso.Tools. No packages exist with this id in source(s): nuget.org",
  ],
};
