import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "platform-args-need-buildkit",
  title:
    "BUILDPLATFORM, TARGETARCH and the like are empty: the builder doesn't set them, or the stage doesn't declare them",
  architecture: true,
  patterns: [
    {
      line: /failed to parse platform ?:? ?(?:"")?:? ?\\?"?\\?"? is an invalid component of|(?:""|\\"\\") is an invalid component|invalid platform ?(?:""|''|:? *$)|platform "" is invalid/i,
      score: 96,
    },
    {
      line: /"?--platform"? is only supported on a Docker daemon with experimental features enabled|unknown flag: --platform/,
      score: 84,
    },
    { line: /unsupported GOOS\/GOARCH pair (?:\/|linux\/(?:\s|$)|\/\w)/, score: 92 },
    {
      line: /(?:invalid reference format|base name \(.{0,40}\) should not be blank|failed to process .{0,60}: missing)/i,
      log: /\$\{?(?:BUILD|TARGET)(?:PLATFORM|ARCH|OS)/,
      score: 80,
      confidence: "likely",
    },
    {
      line: /https?:\/\/\S{0,200}(?:linux[-_]{1,2}\.|[-_]{2,3}|-\.(?:tar|zip|deb)|linux-\/|_linux_\.|\/\/linux\/?\/).{0,160}/i,
      command: /TARGET(?:ARCH|OS|PLATFORM|VARIANT)|BUILDARCH/,
      near: /404|not found|error/i,
      score: 86,
    },
    {
      line: /404|not in gzip format|not found|does not look like|short read|unexpected (?:end|EOF)/i,
      command: /TARGET(?:ARCH|OS|PLATFORM|VARIANT)|BUILDARCH/,
      log: /https?:\/\/\S{0,200}(?:linux[-_]{1,2}\.|-\.(?:tar|tgz|zip|deb)|linux-\/|_linux_\.|\/\/linux\/?\/)/i,
      score: 86,
    },
    {
      line: /(?:unsupported|unknown|invalid|unrecognized).{0,20}(?:arch\w*|platform|TARGET\w+):? *(?:''|""|\(empty\)|$)/i,
      log: /TARGET(?:ARCH|PLATFORM)|BUILDPLATFORM/,
      score: 82,
      confidence: "likely",
    },
    {
      line: /(?:TARGET|BUILD)(?:PLATFORM|ARCH|OS|VARIANT):? (?:unbound variable|parameter (?:not set|null)|is (?:empty|not set|unset)|must be set)/i,
      score: 92,
    },
    {
      line: /404|not in gzip format|cannot stat|No such file|not found|invalid magic|tar: |does not look like|End-of-central-directory|short read|unexpected (?:end|EOF)/i,
      log: /DEPRECATED: The legacy builder|^\s{0,3}-{2,3}> Running in |returned a non-zero code: \d|^Step \d+\/\d+ :|Sending build context to Docker daemon/,
      command: /\$\{?(?:TARGETARCH|TARGETPLATFORM|BUILDPLATFORM|TARGETOS)/,
      score: 90,
      confidence: "likely",
    },
  ],
  above: [
    "platform-string-invalid",
    "download-url-wrong-arch-name",
    "generic-user-error",
    "hardcoded-arch-path",
  ],
  why: "Only BuildKit fills BUILDPLATFORM, TARGETPLATFORM, TARGETOS and TARGETARCH, and inside a stage only after an ARG line that declares them. With the classic builder (DOCKER_BUILDKIT=0), older kaniko and podman releases they are empty.",
  fixes: [
    {
      title: "Build with BuildKit",
      detail:
        "docker buildx build …, or DOCKER_BUILDKIT=1 docker build …; in CI install docker-buildx-plugin. `anyarch build` always does.",
    },
    {
      title: "Declare the argument in the stage that uses it",
      detail: "FROM alpine\nARG TARGETARCH\nRUN echo $TARGETARCH",
    },
    {
      title: "Or pass it by hand",
      detail:
        "docker build --build-arg BUILDPLATFORM=linux/amd64 --build-arg TARGETARCH=amd64 …: right for one platform only.",
      workaround: true,
    },
  ],
  references: ["https://github.com/treeverse/lakeFS/issues/4316"],
  bad: [
    '#9 [build 3/3] RUN test -n "${TARGETARCH}" || { echo "unsupported arch: ${TARGETARCH}"; exit 1; }\n#9 0.2 unsupported arch: ',
    "#9 [3/5] RUN curl -fsSL https://example.com/tool-linux-${TARGETARCH}.tgz | tar xz\n#9 1.0 + curl -fsSL https://example.com/tool-linux-.tgz\n#9 1.0 curl: (22) The requested URL returned error: 404",

    "Step 2/4 : RUN curl -fsSLo /t.tgz https://example.com/tool-${TARGETARCH}.tgz\n ---> Running in 1f2e\ncurl: (22) The requested URL returned error: 404",
    'Step 1/9 : FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nfailed to parse platform : "" is an invalid component of "": platform specifier component must match "^[A-Za-z0-9_-]+$": invalid argument',
  ],
  good: [
    'ERROR: failed to solve: failed to parse platform linux/arm64 : "arm64 " is an invalid component of "linux/arm64 "',
  ],
};
