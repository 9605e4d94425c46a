import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "driver-does-not-support-cache-export",
  title: "The docker driver with the classic image store can't export the build cache",
  architecture: false,
  patterns: [
    {
      line: /cache export (?:feature )?is (?:currently )?not supported for (?:the )?docker driver|cache export is not supported/i,
      score: 97,
    },
  ],
  above: ["cache-export-failed", "generic-user-error"],
  why: "--cache-to (except type=inline) needs a builder that keeps images in containerd's format; the default docker driver with the classic store doesn't.",
  fixes: [
    {
      title: "Use a docker-container builder",
      detail: "docker buildx create --driver docker-container --use; on GitHub docker/setup-buildx-action.",
    },
    {
      title: "Or the containerd image store",
      detail: '{"features": {"containerd-snapshotter": true}} in /etc/docker/daemon.json',
    },
    { title: "Or leave --cache-to away", detail: "--cache-to type=inline works with every driver." },
  ],
  references: [],
  bad: [
    'ERROR: cache export feature is currently not supported for docker driver. Please switch to a different driver (eg. "docker buildx create --use")',
  ],
  good: ["ERROR: multiple platforms feature is currently not supported for docker driver."],
};
