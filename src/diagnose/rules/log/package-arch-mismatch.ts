import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "package-arch-mismatch",
  title: "A package for one CPU was given to the package manager of another",
  architecture: true,
  patterns: [
    { line: /package architecture \(\S+\) does not match system \(\S+\)/i, score: 97 },
    {
      line: /is intended for a different architecture|does not have a compatible architecture|wrong architecture '|has invalid architecture|incompatible architecture|architecture mismatch/i,
      score: 92,
    },
    {
      line: /Not a compatible architecture: |package architecture is not valid|incompatible with the architectures configured|has inferior architecture/,
      score: 92,
    },
    {
      line: /^\s{0,8}arch: (?:x86_64|aarch64|armv7|armhf|x86|ppc64le|s390x|riscv64)$/,
      near: /uninstallable|unable to select packages/,
      score: 90,
    },
    {
      line: /Depends: \S{1,80}:(?:amd64|arm64|armhf|i386)\b/,
      near: /not installable|unmet dependencies|is not going to be installed/,
      score: 88,
    },
    {
      line: /\.(?:deb|rpm|apk)\b.{0,80}(?:wrong architecture|unsupported architecture)|error: Package \S+\.(?:x86_64|aarch64) .{0,80}arch/i,
      score: 88,
    },
    { line: /is not a supported wheel on this platform/, score: 76 },
  ],
  above: ["package-missing-for-arch", "generic-user-error"],
  why: "The file (.deb, .rpm, .apk, .whl) names its CPU, and that isn't the one of this image. Mostly the download's address is fixed to amd64.",
  fixes: [
    {
      title: "Take the file for the image's CPU",
      detail:
        'ARG TARGETARCH\nRUN curl -fsSLO "https://example.com/tool_${TARGETARCH}.deb" && apt-get install -y "./tool_${TARGETARCH}.deb"\nDebian\'s names are those of TARGETARCH (amd64, arm64); RPM\'s are x86_64 and aarch64.',
    },
    {
      title: "In a cross-compiling image: add the foreign architecture",
      detail:
        "dpkg --add-architecture arm64 && apt-get update && apt-get install -y libNAME-dev:arm64, or unpack the file into the sysroot with dpkg -x.",
    },
  ],
  references: ["https://github.com/docker/for-linux/issues/271"],
  bad: [
    "Cannot add package agent-1.0-1.x86_64 to transaction. Not a compatible architecture: x86_64",
    '#9 [linux/arm64 4/6] RUN dpkg -i /tmp/agent_amd64.deb\n#9 0.8 dpkg: error processing archive /tmp/agent_amd64.deb (--install):\n#9 0.8  package architecture (amd64) does not match system (arm64)\n#9 ERROR: process "/bin/sh -c dpkg -i /tmp/agent_amd64.deb" did not complete successfully: exit code: 1',
    "error: Failed dependencies:\n\tpackage agent-1.2-3.x86_64 is intended for a different architecture",
  ],
  good: [
    "dpkg: error processing archive /tmp/x.deb (--install):\n trying to overwrite '/usr/bin/x', which is also in package y 1.0",
  ],
};
