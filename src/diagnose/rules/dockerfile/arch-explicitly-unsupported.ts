import { type DockerfileModel, modelOf } from "../../dockerfile/model.ts";
import { usualPlatforms } from "../../dockerfile/scenario.ts";
import { type ArchitectureStop, stopsOf } from "../../dockerfile/stops.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "arch-explicitly-unsupported",
  severity: "error",
  title: "The build is ended on purpose for an architecture",
  why: "A branch names the architecture and fails: whoever wrote it knows that something is missing there.",
  fix: "Leave it and take the platform out of the build matrix, or supply what is missing and remove the stop.",
  bad: [
    'FROM debian:12\nARG TARGETARCH\nRUN if [ "$TARGETARCH" = "arm64" ]; then echo "arm64 is not supported" >&2; exit 1; fi\n',
    'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) a=x64 ;; arm64) a=arm64 ;; arm) echo "dropped with 5.0" >&2; exit 1 ;; esac\n',
    'FROM debian:12\nRUN case "$(uname -m)" in x86_64) ;; aarch64) echo "no driver for arm" && exit 1 ;; esac\n',
  ],
  good: [
    'FROM debian:12\nARG TARGETARCH\nRUN if [ "$TARGETARCH" = "arm64" ]; then echo "slow"; fi\n',
    "FROM debian:12\nRUN if [ ! -f /etc/debian_version ]; then exit 1; fi\n",
    'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64|arm64) echo "$TARGETARCH" ;; *) exit 1 ;; esac\n',
  ],
  mentions: /\b(?:exit|false|return)\b/,
  check(model, report) {
    for (const { line, constructLine, architecture, explicit } of stopsElsewhere(model)) {
      if (!explicit || architecture !== "arm") continue;
      report({
        line: constructLine,
        endLine: Math.max(line, constructLine),
        severity: "warning",
        message: "The build ends here for linux/arm, on purpose.",
        architectures: [architecture],
      });
    }
    for (const { line, constructLine, architecture, explicit } of stopsOf(model)) {
      if (!explicit) continue;
      report({
        line: constructLine,
        endLine: Math.max(line, constructLine),
        message: `The build ends here for ${architecture}, on purpose.`,
        architectures: [architecture],
      });
    }
  },
};

/** Who doesn't say for which platforms is told of stops for 32-bit ARM as well. */
function stopsElsewhere(model: DockerfileModel): readonly ArchitectureStop[] {
  const text = model.lines.join("\n");
  if (model.platforms !== usualPlatforms || !/\barm(?:v7\w*|hf|\/v7)?\b/.test(text)) return [];
  const arm = { os: "linux", architecture: "arm", variant: "v7" };
  return stopsOf(modelOf(text, [...usualPlatforms, arm]));
}
