import { applyPatch } from "diff";
import { describe, expect, it } from "vitest";
import { buildPlatformPatch, languageOf } from "../../../src/diagnose/build-platform-patch.ts";
import { parseDockerfile } from "../../../src/dockerfile/parse.ts";

function patched(
  text: string,
  ...rest: [Parameters<typeof buildPlatformPatch>[1], { stage?: string }?]
): string {
  const [language, step] = rest;
  const patch = buildPlatformPatch(text, language, step);
  if (patch === undefined) throw new Error("There is no patch.");
  const result = applyPatch(text, patch);
  if (result === false) throw new Error("The patch doesn't apply.");
  parseDockerfile(result);
  return result;
}

describe("buildPlatformPatch", () => {
  it("000-20 cross-compiles .NET: a fixed RID gives way, restore and publish agree", () => {
    const result = patched(
      "FROM mcr.microsoft.com/dotnet/sdk:9.0 AS build\nCOPY . .\nRUN dotnet restore\nRUN dotnet publish -c Release --runtime linux-x64 -o /app\nFROM mcr.microsoft.com/dotnet/aspnet:9.0\nCOPY --from=build /app /app\n",
      "dotnet",
    );
    expect(result).toBe(
      "FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:9.0 AS build\nARG TARGETARCH\nCOPY . .\nRUN dotnet restore -a $TARGETARCH\nRUN dotnet publish -c Release -a $TARGETARCH -o /app\nFROM mcr.microsoft.com/dotnet/aspnet:9.0\nCOPY --from=build /app /app\n",
    );
  });

  it("cross-compiles Go, keeps arguments that are declared, and line ends as they are", () => {
    const result = patched(
      "FROM golang:1.24 AS build\r\nARG TARGETOS\r\nRUN GOOS=linux GOARCH=amd64 go build -o /app .\r\nFROM scratch\r\nCOPY --from=build /app /app\r\n",
      "go",
    );
    expect(result).toBe(
      "FROM --platform=$BUILDPLATFORM golang:1.24 AS build\r\nARG TARGETARCH\r\nARG TARGETOS\r\nRUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app .\r\nFROM scratch\r\nCOPY --from=build /app /app\r\n",
    );
  });

  it("takes the stage that failed, and the stage it is made from", () => {
    const text =
      "FROM node:22 AS base\nFROM base AS deps\nRUN npm ci\nFROM base AS other\nFROM nginx\nCOPY --from=deps /app /app\n";
    expect(patched(text, "node", { stage: "deps" })).toContain(
      "FROM --platform=$BUILDPLATFORM node:22 AS base",
    );
  });

  it.each([
    ["the stage is the image itself", "FROM node:22\nRUN npm ci\n"],
    ["the image is made from the stage", "FROM node:22 AS build\nRUN npm ci\nFROM build\nCMD node .\n"],
    ["the stage has a platform", "FROM --platform=linux/amd64 node:22 AS build\nRUN npm ci\nFROM nginx\n"],
    ["there is no such stage", "FROM alpine AS build\nRUN make\nFROM nginx\n"],
    ["it is no Dockerfile", "RUN npm ci"],
  ])("says nothing where %s", (_why, text) => {
    expect(buildPlatformPatch(text, "node", undefined)).toBeUndefined();
  });

  it("knows a command's language", () => {
    expect(languageOf("RUN npm run build")).toBe("node");
    expect(languageOf("RUN CGO_ENABLED=0 go build ./...")).toBe("go");
    expect(languageOf("RUN make")).toBeUndefined();
  });
});
