import type { LogLine } from "../../log/log-line.ts";
import { cpuOf, type LogView } from "../../log/log-view.ts";
import type { LogRule } from "../../log/log-rule.ts";

const archUrl =
  /(?:\$\{?(?:TARGETARCH|TARGETPLATFORM|TARGETVARIANT|ARCH|arch|BUILDARCH|DPKG_ARCH|dpkgArch|MACHINE|PLATFORM)\}?|uname -m|--print-architecture|aarch64|arm64|x86_64|amd64|armv7|armhf|arm-?v[67])/;
const named = "(?:aarch64|arm64|x86_64|amd64|armv[67]l?|armhf|x64|arm-v[67]|linux-arm)";

/** What these ask for bears the name that the project wrote down. */
const packageManager =
  /^(?:npm (?:ERR!|error|warn|WARN)|error (?:An unexpected error occurred: ")?https?:\/\/registry\.| ?ERR_PNPM|.{0,20}\[\d\/\d\])/;

/** A step for amd64 whose address is written for amd64 has the right name; then the file itself is gone. */
function isMaybeMisspelt(_log: LogView, { step, text }: LogLine): boolean {
  if (packageManager.test(text)) return false;
  if (step?.command === undefined || cpuOf(step.platform) !== "amd64") return true;
  return /\$|`|aarch64|arm/.test(step.command);
}

export const rule: LogRule = {
  code: "download-url-wrong-arch-name",
  title: "The download's address spells the CPU wrongly: what came back is an error page",
  architecture: true,
  patterns: [
    {
      line: /line \d+: (?:syntax error near unexpected token [`'"]<|[`'"]?<(?:\?xml|!DOCTYPE|html|Error))|<Code>(?:NoSuchKey|AccessDenied)<|unexpected token .<.$/i,
      near: /line \d+: |not found|sh: /,
      score: 92,
    },
    {
      line: /line \d+: (?:Not|<!DOCTYPE|<html|<\?xml|NoSuchKey|404:?|Not:?)\S{0,20}:? (?:command )?not found|: Not: (?:command )?not found|<!DOCTYPE: not found/i,
      score: 92,
    },
    {
      line: /syntax error near unexpected token .{0,10}(?:newline|<)|syntax error: unexpected (?:newline|redirection)|cannot open !?DOCTYPE|cannot open html|<!DOCTYPE html>|<Error><Code>NoSuchKey/i,
      command: archUrl,
      score: 86,
    },
    {
      line: /not in gzip format|does not look like a tar archive|End-of-central-directory signature not found|File format not recognized|not a (?:bzip2|zip|xz|gzip) file|invalid (?:magic|tar magic)|unexpected end of file|Child returned status 1|short read|corrupted archive|not a Debian format archive/i,
      command: archUrl,
      score: 82,
    },
    {
      line: /(?:returned error: 404|404:? Not Found|ERROR 404|invalid response status 404)/i,
      check: isMaybeMisspelt,
      command: archUrl,
      emulation: "likely",
      score: 80,
    },
    {
      line: /not in gzip format|does not look like a tar archive|End-of-central-directory signature not found|invalid (?:magic|tar magic)|gzip: stdin: unexpected end of file/i,
      near: new RegExp(`https?://\\S{0,300}[-_./=]${named}`),
      score: 80,
      confidence: "likely",
    },
    {
      line: new RegExp(`https?://\\S{0,300}${named}\\S{0,200}.{0,60}(?:404|Not Found)`, "i"),
      check: isMaybeMisspelt,
      nearNot: /binary-(?:arm64|armhf|amd64)|Packages|APKINDEX|\/dists\/|\/pool\/|manifests\/|repodata/,
      score: 80,
    },
    {
      line: /(?:returned error: 404|404:? Not Found|ERROR 404)/i,
      check: isMaybeMisspelt,
      command: archUrl,
      nearNot: /binary-(?:arm64|armhf|amd64)|Packages|APKINDEX|\/dists\/|\/pool\/|manifests\/|repodata/,
      score: 72,
      confidence: "likely",
    },
    {
      line: /(?:returned error: 404|404:? Not Found|ERROR 404)/i,
      check: isMaybeMisspelt,
      near: new RegExp(`https?://\\S{0,300}[-_./]${named}`),
      nearNot: /binary-(?:arm64|armhf|amd64)|Packages|APKINDEX|\/dists\/|\/pool\/|manifests\/|repodata/,
      score: 74,
      confidence: "likely",
    },
  ],
  above: ["generic-user-error", "exec-format-error-no-emulation", "binary-download-wrong-arch"],
  why: "Publishers name CPUs differently: amd64, x86_64, x64; arm64, aarch64; armv7, armhf, arm-v7. The address was put together with a name that this publisher doesn't use, so the server answered 404; without -f curl stores the error page as if it were the file.",
  fixes: [
    {
      title: "Translate the name",
      detail:
        'ARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) a=x86_64 ;; arm64) a=aarch64 ;; arm) a=armv7 ;; *) echo "unsupported: $TARGETARCH" >&2; exit 1 ;; esac && \\\n    curl -fsSLO "https://example.com/tool-linux-$a.tar.gz"\nTARGETARCH has to be declared with ARG in the same stage.',
    },
    {
      title: "Make curl fail on errors",
      detail: "curl -fsSL instead of curl -sL: the build then stops where the fault is.",
    },
    {
      title: "See that the file exists for this CPU at all",
      detail: "Look at the release's list of files. An older version may lack arm64.",
    },
  ],
  references: ["https://github.com/docker-solr/docker-solr/issues/190"],
  bad: [
    "#9 [linux/arm64 3/5] ADD https://example.com/releases/x-linux-aarch64 /usr/bin/x\n#9 ERROR: invalid response status 404",

    '#8 [linux/arm64 3/6] RUN curl -sL https://example.com/tool-$(uname -m).tar.gz | tar xz\n#8 1.1 gzip: stdin: not in gzip format\n#8 1.1 tar: Child returned status 1\n#8 ERROR: process "/bin/sh -c curl -sL https://example.com/tool-$(uname -m).tar.gz | tar xz" did not complete successfully: exit code: 2',
    "/usr/local/bin/yq: line 1: Not: command not found",
  ],
  good: [
    "#9 [linux/arm64 build 5/6] RUN npm ci --cpu=arm64\n#9 20.1 npm error code E404\n#9 20.1 npm error 404 Not Found - GET https://packages.example.com/@acme%2flinux-arm64-tools - Not found",

    "#7 [linux/amd64 2/3] RUN curl -fsSLO https://example.com/v99/tool_linux_amd64.tar.gz\n#7 0.6 curl: (22) The requested URL returned error: 404",
    "#8 [3/6] RUN curl -fsSL https://example.com/data.csv\n#8 1.1 curl: (22) The requested URL returned error: 404",
  ],
};
