import type { LogRule } from "../../log/log-rule.ts";

const old =
  "(?:jessie|stretch|buster|wheezy|trusty|xenial|artful|cosmic|disco|eoan|groovy|hirsute|impish|kinetic|lunar|mantic|oracular)";

export const rule: LogRule = {
  code: "distro-repo-gone",
  title: "The distribution's release is past its life and was taken off the mirrors",
  architecture: false,
  patterns: [
    {
      line: new RegExp(
        `The repository '[^']{1,160}\\b${old}\\S{0,20} Release' (?:does not have a Release file|no longer has)`,
      ),
      score: 90,
    },
    {
      line: new RegExp(`(?:Failed to fetch|Err:?\\d*) .{0,160}\\b${old}\\b.{0,160}`),
      near: /404 +Not Found|no longer has a Release file|does not have a Release file/,
      score: 88,
    },
    {
      line: /mirrorlist\.centos\.org|Cannot find a valid baseurl for repo|Cannot prepare internal mirrorlist|No URLs in mirrorlist/i,
      score: 90,
    },
    {
      line: /vault\.centos\.org|old-releases\.ubuntu\.com|archive\.debian\.org/,
      near: /404|not found/i,
      score: 60,
      confidence: "possible",
    },
    {
      line: /does not have a Release file|no longer has a Release file/,
      nearNot: /doesn't support architecture/,
      score: 72,
      confidence: "likely",
    },
    {
      line: /alpine\/v(?:2\.\d|3\.[0-9])\/\S{1,60}.{0,40}(?:No such file|not found|404)/i,
      score: 72,
      confidence: "likely",
    },
  ],
  above: ["dns", "network-transient", "generic-user-error", "package-missing-for-arch"],
  why: "Mirrors drop a release some time after its end of life; its package lists are gone for every CPU.",
  fixes: [
    {
      title: "Move to a release that is supported",
      detail: "FROM debian:trixie-slim, ubuntu:24.04, rockylinux:9 and the like.",
    },
    {
      title: "As a stop-gap use the archive server",
      detail:
        "Debian keeps them on its archive host, Ubuntu on old-releases, CentOS in the vault. No security updates arrive there any more.",
      workaround: true,
    },
  ],
  references: [],
  bad: [
    "#5 3.1 E: The repository 'http://mirror.example/debian stretch Release' does not have a Release file.",
    "Cannot find a valid baseurl for repo: base/7/x86_64",
  ],
  good: ["E: The repository 'http://mirror.example/debian bookworm InRelease' is not signed."],
};
