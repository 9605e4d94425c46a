import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "from-platform-pinned",
  title: "A stage is pinned to a platform that is wrong here",
  architecture: true,
  patterns: [
    {
      line: /Base image \S{1,160} was pulled with platform "[^"]{1,40}", expected "[^"]{1,40}"|InvalidBaseImagePlatform/,
      score: 74,
    },
    {
      line: /FROM --platform flag should not use constant|FromPlatformFlagConstDisallowed/,
      score: 70,
      confidence: "likely",
    },
    {
      line: /exec format error/i,
      log: /FROM --platform flag should not use constant|FromPlatformFlagConst|FROM --platform=(?:linux\/|\$\{?(?:BUILDPLATFORM|TARGETPLATFORM)(?::?-|\}?$)|\$\{?\w+:-?linux)|ARG (?:BUILD|TARGET)PLATFORM=/,
      score: 84,
      confidence: "likely",
    },
    {
      line: /(?:exec format error|no match for platform|no matching manifest|rosetta error|image's platform \(|cannot execute binary|wrong ELF|file in wrong format)/i,
      log: /ARG (?:BUILD|TARGET)(?:PLATFORM|ARCH|OS)=\S|--build-arg[ =](?:BUILD|TARGET)(?:PLATFORM|ARCH)=/,
      score: 88,
    },
    {
      line: /requested image's platform \(\S{1,30}\) does not match|does not match the (?:specified|expected) platform/i,
      near: /FROM --platform=linux\//i,
      score: 72,
      confidence: "likely",
    },
    {
      line: /Redefining|default value for global ARG|(?:BUILD|TARGET)PLATFORM.{0,60}(?:overrid|default|constant)/i,
      near: /(?:BUILD|TARGET)PLATFORM/,
      score: 66,
      confidence: "possible",
    },
  ],
  above: ["exec-format-error-no-emulation", "no-match-for-platform-in-manifest", "builder-lacks-platform"],
  why: "FROM --platform=linux/amd64 (or ARG BUILDPLATFORM=linux/amd64, whose default replaces BuildKit's own value) fixes the stage to one CPU for every target and on every machine.",
  fixes: [
    {
      title: "Declare platform arguments without a default",
      detail:
        "ARG BUILDPLATFORM\nARG TARGETPLATFORM\nBuildKit fills them in; a default or --build-arg overrides what it knows.",
    },
    {
      title: "Pin only to $BUILDPLATFORM, and only stages that cross-compile",
      detail: "FROM --platform=$BUILDPLATFORM golang:1.24 AS build; the final stage without --platform.",
    },
    { title: "Correct the value", detail: "docker buildx imagetools inspect IMAGE lists what exists." },
  ],
  references: ["https://github.com/passteque/gluetun/pull/3453"],
  bad: [
    '#2 WARN: FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64" (line 1)\n#9 [linux/amd64 build 2/4] RUN go build\n#9 0.1 exec /bin/sh: exec format error',

    '1 warning found (use docker --debug to expand):\n - InvalidBaseImagePlatform: Base image docker.io/library/alpine:3.20 was pulled with platform "linux/amd64", expected "linux/arm64" for current build (line 1)',
  ],
  good: [
    '#6 [linux/arm64 2/4] RUN apk add curl\n#6 0.211 exec /bin/sh: exec format error\n#6 ERROR: process "/bin/sh -c apk add curl" did not complete successfully: exit code: 1',
  ],
};
