import { leaveOutPlatform } from "../../log/fix-texts.ts";
import type { LogLine } from "../../log/log-line.ts";
import type { LogRule } from "../../log/log-rule.ts";
import { isNotForAmd64, type LogView } from "../../log/log-view.ts";

const foreign =
  /\b(?:arm64|aarch64|armhf|armv[67]\w*|armel|s390x|ppc64le|ppc64el|riscv64|i386|linux\/arm\S*)\b/;
/** Packages that exist for x86 alone, by what they are for. */
const x86Only =
  /(?:package|candidate|provides|for|argument:?|packages:?|missing\)?:?)\W{0,4}(?:\S{0,20}:)?(?:google-chrome\S*|\S+-multilib|lib32\S+|libc6-i386|libc6-dev-i386|ia32-libs|intel-\S+|grub-pc\S*|grub-efi-amd64\S*|syslinux\S*|memtest86\S*|msodbcsql\S*|mssql-tools\S*|wine32|wine64|libquadmath0|microcode\S*|cuda-\S+|steam\S*)/i;

/** What every distribution has for every CPU: when it isn't found, the lists are missing or the name is wrong. */
const everywhere =
  /(?:package|for|argument:?|'|^ {1,4})\s{0,3}'?(?:curl|wget|git|ca-certificates|gcc|g\+\+|make|bash|vim|nano|unzip|zip|jq|gnupg2?|build-(?:essential|base)|sudo|openssl|tzdata|python3(?:-dev|-pip)?|perl|cmake|pkg-config|tar|xz-utils|openssh-client|procps|less|rsync)'?(?: |$|:)/;

/** Without its lists a package manager knows no package at all. */
const listsNotFetched =
  /(?:network|temporary|IO) error|Temporary failure|Could not (?:resolve|connect)|certificate not trusted|Operation timed out/;

function isRare(_log: LogView, { text }: LogLine): boolean {
  return !everywhere.test(text);
}

export const rule: LogRule = {
  code: "package-missing-for-arch",
  title: "The distribution has no such package (or version) for this CPU",
  architecture: true,
  patterns: [
    {
      line: /Unable to locate package|has no installation candidate|unable to select packages|no such package|No package \S+ available|Unable to find a match|No match for argument|Couldn't find any package|target not found: /i,
      emulation: "likely",
      check: isRare,
      nearNot: listsNotFetched,
      score: 80,
    },
    {
      line: /Unable to locate package|has no installation candidate|No match for argument|No package \S+ available|Unable to find a match|no such package/i,
      log: foreign,
      check: (log, line) => isRare(log, line) && isNotForAmd64(log, line),
      nearNot: listsNotFetched,
      score: 74,
      confidence: "likely",
    },
    {
      line: /No provider of '[^']{1,80}' found|^Package '[^']{1,80}' not found\.?$|No package matches '|No match for group package|not found in repository pool|no ebuilds to satisfy|masked by: .{0,60}keyword/,
      emulation: "likely",
      check: isRare,
      score: 78,
    },
    {
      line: /Could not (?:find|resolve|get) .{0,240}[:-]linux[-_](?:aarch_?64|arm\w{0,4}|ppcle_64|s390_?x|riscv64)[:. ]/,
      score: 80,
      confidence: "likely",
    },
    // A repository of packages whose lists for this CPU aren't there.
    {
      line: /404 for https?:\/\/(?!\S{0,120}(?:centos|fedora|vault))\S{0,200}\/(?:aarch64|armv7hl|ppc64le|s390x|riscv64|arm64)\/\S{0,60}repo(?:data|md)/i,
      score: 84,
    },
    {
      line: /^(?:\[ERROR\] )?\s{0,4}\d+\) \S{1,120}:linux-(?:aarch_?64|arm\w{0,4}|ppcle_64|s390_?x|riscv64):\S{1,40}$/,
      score: 82,
    },
    {
      line: /Could not find (?:gem '[^']{1,80}'|\S{1,60}) (?:with platforms? |in .{0,40}for )'?(?:aarch64|arm\w{0,4}|ppc64le|s390x|riscv64)-linux/,
      score: 84,
    },
    {
      line: /Your bundle only supports platforms \[|Repository '\S{1,60}-(?:aarch64|armhfp|ppc64le|s390x)' does not exist in project|go: download go\S{1,20} for \S{1,20}: toolchain not available/,
      score: 84,
    },
    {
      line: x86Only,
      near: /Unable to locate|no installation candidate|No match for argument|no such package|Unable to find a match/i,
      emulation: "likely",
      score: 88,
    },
    {
      line: /Version '[^']{1,80}' for '[^']{1,80}' was not found|breaks: world\[/i,
      emulation: "likely",
      score: 78,
      confidence: "likely",
    },
    {
      line: /(?:nothing provides|Depends: |not installable|is not going to be installed)/,
      near: /unmet dependencies|held broken packages|nothing provides|conflicting requests|but it is not installable/i,
      emulation: "likely",
      score: 72,
      confidence: "likely",
    },
    {
      line: /not available for (?:arch|architecture|platform|the (?:arch|platform|target))\b/i,
      score: 86,
    },
    {
      line: /doesn't support architecture|does not support (?:the )?architecture|no binary for this architecture|is not available for (?:the )?(?:arm64|aarch64|armhf|architecture)/i,
      score: 72,
      confidence: "likely",
    },
    {
      line: /Skipping acquire of configured file .{0,200}doesn't support architecture/,
      near: /Unable to locate package|no installation candidate/,
      score: 90,
    },
  ],
  above: ["generic-user-error"],
  why: "Distributions don't build every package for every CPU, and third-party repositories often hold amd64 only. On amd64 the same line works; here the index of the repository has no such name.",
  fixes: [
    {
      title: "See for which CPUs the package exists",
      detail:
        "apt-cache policy NAME, apk search, dnf repoquery --forcearch; or the distribution's package search. A newer release often has it.",
    },
    {
      title: "Choose another package or release that has it",
      detail: "For example chromium instead of google-chrome, or build it from source in a stage of its own.",
    },
    {
      title: "Install it only where it exists",
      detail: 'ARG TARGETARCH\nRUN if [ "$TARGETARCH" = amd64 ]; then apt-get install -y NAME; fi',
    },
    leaveOutPlatform,
  ],
  references: ["https://github.com/allinurl/goaccess/issues/1894"],
  bad: [
    "#9 [linux/arm64 2/4] RUN dnf install -y acme\n#9 4.1 Error: Failed to download metadata for repo 'acme': Cannot download repomd.xml: All mirrors were tried - Status code: 404 for https://repo.example.com/el9/aarch64/repodata/repomd.xml",
    "[ERROR] Failed to execute goal protobuf-maven-plugin:compile: Unable to resolve artifact: Missing:\n[ERROR] ----------\n[ERROR] 1) com.google.protobuf:protoc:exe:linux-aarch_64:3.5.0",
    "#9 [linux/arm64 2/4] RUN bundle install\n#9 3.0 Could not find gem 'nokogiri (= 1.15.4)' with platform 'aarch64-linux' in rubygems repository https://gems.example.com/ or installed locally.",

    "#8 [linux/arm64 3/5] RUN zypper -n install rareware\n#8 9.2 'rareware' not found in package names. Trying capabilities.\n#8 9.3 No provider of 'rareware' found.",
    "[ERROR] Failed to execute goal: Could not find artifact com.example.tools:gen:exe:linux-aarch_64:1.2 in central",
    'Your bundle only supports platforms ["x86_64-linux"] but your local platform is aarch64-linux. Add the current platform to the lockfile',
    '#8 [linux/arm64 stage-1 3/5] RUN apt-get update && apt-get install -y google-chrome-stable\n#8 9.2 E: Unable to locate package google-chrome-stable\n#8 ERROR: process "/bin/sh -c apt-get update && apt-get install -y google-chrome-stable" did not complete successfully: exit code: 100',
    '#8 [linux/s390x 3/5] RUN apk add fancylib\n#8 2.2 ERROR: unable to select packages:\n#8 2.2   fancylib (no such package):\n#8 2.2     required by: world[fancylib]\n#8 ERROR: process "/bin/sh -c apk add fancylib" did not complete successfully: exit code: 1',
  ],
  good: [
    "#9 [linux/arm64 3/5] RUN apk add acme\n#9 2.0 ERROR: https://mirror.example.com/alpine/v3.20/main: network error (check Internet connection and firewall)\n#9 2.1 ERROR: unable to select packages:\n#9 2.1   acme (no such package):",

    '#10 [linux/amd64 4/6] RUN apt-get install -y libmisspelt-dev\n#11 [linux/arm64 4/6] RUN apt-get install -y libmisspelt-dev\n#10 3.0 E: Unable to locate package libmisspelt-dev\n#11 5.0 E: Unable to locate package libmisspelt-dev\n#10 ERROR: process "/bin/sh -c apt-get install -y libmisspelt-dev" did not complete successfully: exit code: 100',
    '#8 [3/5] RUN apt-get install -y crul\n#8 1.2 E: Unable to locate package crul\n#8 ERROR: process "/bin/sh -c apt-get install -y crul" did not complete successfully: exit code: 100',
  ],
};
