import { downloadsOf } from "../../dockerfile/downloads.ts";
import { wrongName } from "../../dockerfile/namings.ts";
import type { DockerfileRule, Severity } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, option, usesOf, variable } from "../../dockerfile/uses.ts";

/** The variable or command in an address that stands for the architecture. */
const derived = /\$\{?(?:TARGET|BUILD)?(?:ARCH|PLATFORM)\b|\$\{?\w*(?:arch|platform|machine|cpu)\w*|\$\(|`/i;

export const rule: DockerfileRule = {
  id: "targetarch-vs-uname-naming-mismatch",
  severity: "error",
  title: "A name of the architecture isn't the publisher's",
  why: "uname says x86_64 and aarch64, TARGETARCH amd64 and arm64, others x64 or 64bit: a file of the name that comes out doesn't exist. Without `curl -f` the error page is installed instead.",
  fix: "Translate with a case, one checksum for each file, and use `curl -f` so that a missing file stops the build.",
  bad: [
    "FROM debian:12\nARG TARGETARCH\nRUN curl -fsSLO https://nodejs.org/dist/v20.1.0/node-v20.1.0-linux-${TARGETARCH}.tar.xz\n",
    "FROM debian:12\nRUN curl -fsSLo /usr/local/bin/kubectl https://dl.k8s.io/release/v1.30.0/bin/linux/$(uname -m)/kubectl\n",
    "FROM golang:1.22\nRUN GOARCH=$(uname -m) go build -o /app .\n",
  ],
  good: [
    "FROM debian:12\nARG TARGETARCH\nRUN curl -fsSLO https://dl.k8s.io/release/v1.30.0/bin/linux/${TARGETARCH}/kubectl\n",
    'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) A=x64 ;; arm64) A=arm64 ;; *) exit 1 ;; esac && curl -fsSLO https://nodejs.org/dist/v20.1.0/node-v20.1.0-linux-$A.tar.xz\n',
  ],
  check(model, report) {
    for (const download of downloadsOf(model)) {
      const right = wrongName(download);
      if (right === undefined || !isNative(download.place.view)) continue;
      report({
        line: download.line,
        message: `The publisher writes ${right}: ${download.url.slice(0, 120)} doesn't exist.`,
        architectures: [download.place.view.scenario.target.architecture],
      });
    }
    for (const use of usesOf(model)) {
      if (!isNative(use.view)) continue;
      const wrong = wrongFlag(use.program, use.args, variable(use, "GOARCH"));
      if (wrong === undefined) continue;
      const severity: Severity = "error";
      report({ line: lineOfWord(use, derived), message: wrong, severity });
    }
  },
};

/** Values that a tool doesn't know: Go's GOARCH, .NET's RID, Debian's directories. */
function wrongFlag(program: string, args: readonly string[], goarch: string | undefined): string | undefined {
  if (
    program === "go" &&
    args[0] === "build" &&
    goarch !== undefined &&
    /^(?:x86_64|aarch64|x64|armv[67]l)$/.test(goarch)
  )
    return `GOARCH is "${goarch}", which Go doesn't know: it is amd64 or arm64 there.`;
  if (program === "dotnet") {
    const rid = option(args, "-r", "--runtime", "--os") ?? "";
    if (/^linux-(?:musl-)?(?:amd64|x86_64|aarch64)$/.test(rid))
      return `"${rid}" is no runtime identifier: .NET writes x64 and arm64.`;
  }
  const directory = args.find((word) =>
    /\/(?:lib|include)\/(?:amd64|arm64|x64)-linux-(?:gnu|musl)/.test(word),
  );
  return directory === undefined
    ? undefined
    : `${directory} doesn't exist: triples write x86_64 and aarch64.`;
}
