import type { LogRule } from "../../log/log-rule.ts";

const ports = "(?:arm64|armhf|armel|ppc64el|s390x|riscv64)";

export const rule: LogRule = {
  code: "apt-foreign-arch-wrong-mirror",
  title: "apt asks Ubuntu's main archive for a CPU that only the ports archive holds",
  architecture: true,
  patterns: [
    {
      line: new RegExp(
        `(?:archive|security|mirror)\\S{0,60}ubuntu\\S{0,120}binary-${ports}\\S{0,40}.{0,60}(?:404|Not Found|Unable)`,
        "i",
      ),
      score: 97,
    },
    { line: new RegExp(`Failed to fetch \\S{0,80}/ubuntu/dists/\\S{0,80}binary-${ports}/`), score: 95 },
    {
      line: new RegExp(`^(?:Err|Ign):?\\d* \\S{0,80}ubuntu\\S* \\S{1,40} ${ports} Packages`),
      near: /404 +Not Found/,
      score: 93,
    },
    {
      line: /404 +Not Found/,
      near: new RegExp(`(?:archive|security)\\.ubuntu\\.com\\S* \\S{1,60} ${ports} Packages`),
      score: 92,
    },
    {
      line: new RegExp(`doesn't support architecture '${ports}'`),
      near: /ubuntu/i,
      score: 78,
      confidence: "likely",
    },
  ],
  above: ["distro-repo-gone", "network-transient", "package-missing-for-arch", "generic-user-error"],
  why: "archive.ubuntu.com and security.ubuntu.com hold amd64 and i386. All other CPUs are on ports.ubuntu.com/ubuntu-ports, so the package lists that apt asks for don't exist (404).",
  fixes: [
    {
      title: "Ask the ports archive for the other CPUs",
      detail:
        "deb [arch=amd64,i386] http://archive.ubuntu.com/ubuntu noble main universe\ndeb [arch=arm64,armhf] http://ports.ubuntu.com/ubuntu-ports noble main universe\nThe same for -updates and -security. In deb822 files: Architectures: and URIs:.",
    },
    {
      title: "A mirror of your own needs ubuntu-ports as well",
      detail: "Check that MIRROR/ubuntu-ports exists; a sed that replaces archive.ubuntu.com misses it.",
    },
  ],
  references: ["https://github.com/docker-library/buildpack-deps/issues/122"],
  bad: [
    "#7 12.1 E: Failed to fetch http://archive.ubuntu.com/ubuntu/dists/jammy/main/binary-arm64/Packages  404  Not Found [IP: 192.0.2.10 80]",
    "Err:6 http://security.ubuntu.com/ubuntu noble-security/main armhf Packages\n  404  Not Found [IP: 192.0.2.10 80]",
  ],
  good: [
    "E: Failed to fetch http://archive.ubuntu.com/ubuntu/pool/main/c/curl/curl_7.81.0-1_amd64.deb  404  Not Found [IP: 192.0.2.10 80]",
  ],
};
