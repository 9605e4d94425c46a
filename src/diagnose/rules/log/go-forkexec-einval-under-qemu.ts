import { nativeNode, pinnedEmulator } from "../../log/fix-texts.ts";
import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "go-forkexec-einval-under-qemu",
  title: "This Go release starts processes in a way that QEMU rejects (fork/exec …: invalid argument)",
  architecture: true,
  emulated: true,
  stage: "go",
  patterns: [
    { line: /fork\/exec \S{1,200}: invalid argument/, score: 96 },
    {
      line: /can't start telemetry child process|error obtaining buildID for go tool/,
      near: /invalid argument/,
      score: 95,
    },
  ],
  above: ["go-runtime-crash-under-qemu"],
  why: "Go 1.23.0 started child processes with a clone flag (pidfd) that QEMU's user mode answers with EINVAL. On real hardware it works.",
  fixes: [
    { title: "Use a Go release with the fix", detail: "Go 1.23.1 and later, or 1.22." },
    {
      title: "Run the Go stage on the build platform",
      detail:
        "FROM --platform=$BUILDPLATFORM golang:1.24 AS build\nARG TARGETOS TARGETARCH\nRUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app .",
    },
    nativeNode,
    pinnedEmulator,
  ],
  references: [
    "https://github.com/golang/go/issues/68976",
    "https://github.com/docker-library/golang/issues/533",
  ],
  bad: [
    "go: error obtaining buildID for go tool compile: fork/exec /usr/local/go/pkg/tool/linux_arm64/compile: invalid argument",
  ],
  good: ["fork/exec /usr/bin/git: no such file or directory"],
};
