import type { LogRule } from "../../log/log-rule.ts";

export const rule: LogRule = {
  code: "registry-rate-limit",
  title: "The registry's limit of requests is reached (429)",
  architecture: false,
  patterns: [
    {
      line: /toomanyrequests|429 Too Many Requests|pull rate limit|rate limit (?:exceeded|reached)|You have reached your .{0,40}limit|\b429\b.{0,60}(?:status|Too Many)|status(?: code)?:? 429|API rate limit exceeded|rate exceeded/i,
      nearNot: /failed to (?:reserve|save|commit|finalize) cache|error writing layer blob/,
      score: 93,
    },
  ],
  above: [
    "registry-auth",
    "network-transient",
    "cache-export-failed",
    "push-denied",
    "registry-manifest-unknown",
    "python-no-wheel-source-build-failed",
    "generic-user-error",
  ],
  why: "Docker Hub and others count pulls per address or account; shared runners use one address up quickly, and each platform is a pull of its own.",
  fixes: [
    {
      title: "Log in before building",
      detail: "docker login (docker/login-action): a free account has a limit of its own.",
    },
    {
      title: "Use a mirror or another registry",
      detail: "public.ecr.aws/docker/library/…, mirror.gcr.io, or a pull-through cache in buildkitd.toml.",
    },
    { title: "Wait", detail: "The limit counts a window of hours.", workaround: true },
  ],
  references: [],
  bad: [
    "ERROR: failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/node/manifests/sha256:ab: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
  ],
  good: ["ERROR: failed to solve: unexpected status: 401 Unauthorized"],
};
