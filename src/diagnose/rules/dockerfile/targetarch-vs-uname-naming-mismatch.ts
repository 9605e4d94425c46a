import { downloadsOf } from "../../dockerfile/downloads.ts";
import { wrongName } from "../../dockerfile/namings.ts";
import { archNames } from "../../dockerfile/arch-names.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import { textsOf } from "../../dockerfile/texts.ts";
import type { DockerfileRule, Remark, Severity } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, option, placesOf, usesOf, variable } from "../../dockerfile/uses.ts";

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
    'FROM debian:12\nARG TARGETARCH\nRUN if [ "$TARGETARCH" = "aarch64" ]; then echo -mno-avx > /flags; fi\n',
  ],
  good: [
    'FROM debian:12\nARG TARGETARCH\nRUN if [ "$TARGETARCH" = arm64 ] || [ "$TARGETARCH" = aarch64 ]; then echo arm > /flags; fi\n',
    "FROM debian:12\nARG TARGETARCH\nRUN curl -fsSLO https://dl.k8s.io/release/v1.30.0/bin/linux/${TARGETARCH}/kubectl\n",
    'FROM debian:12\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) A=x64 ;; arm64) A=arm64 ;; *) exit 1 ;; esac && curl -fsSLO https://nodejs.org/dist/v20.1.0/node-v20.1.0-linux-$A.tar.xz\n',
  ],
  mentions: /arch|platform|uname|machine|cpu/i,
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
    reportTriples(model, report);
    reportComparisons(model, report);
    for (const use of usesOf(model)) {
      if (!isNative(use.view)) continue;
      const wrong = wrongFlag(use.program, use.args, variable(use, "GOARCH"));
      if (wrong === undefined) continue;
      const severity: Severity = "error";
      report({ line: lineOfWord(use, derived), message: wrong, severity });
    }
  },
};

/** `[ "$TARGETARCH" = aarch64 ]`, `aarch64 = …`, `"$(uname -m)" == arm64`: never true. */
const comparisons: readonly (readonly [RegExp, right: RegExp, says: string])[] = [
  [
    /\$\{?(?:TARGET|BUILD)ARCH\}?"?\s{1,4}(?:={1,2}|-eq)\s{1,4}"?(aarch64|x86_64|x64|armv[67]l|i[36]86)\b/,
    /\$\{?(?:TARGET|BUILD)ARCH\}?"?\s{1,4}={1,2}\s{1,4}"?(?:arm64|amd64|arm|386)\b/,
    "TARGETARCH is amd64, arm64, arm or 386, never",
  ],
  [
    /\$\(uname -m\)"?\s{1,4}={1,2}\s{1,4}"?(amd64|x64)\b/,
    /\$\(uname -m\)"?\s{1,4}={1,2}\s{1,4}"?(?:x86_64|aarch64)\b/,
    "uname -m says x86_64 and aarch64, never",
  ],
];

/** A script that tries the right name as well knows about both. */
function reportComparisons(model: DockerfileModel, report: (remark: Remark) => void): void {
  for (const instruction of new Set(placesOf(model).map((place) => place.instruction))) {
    const script = instruction.keyword === "RUN" ? model.script(instruction) : undefined;
    for (const [pattern, right, says] of script === undefined ? [] : comparisons) {
      const found = pattern.exec(script?.text ?? "");
      if (found === null || right.test(script?.text ?? "")) continue;
      report({ line: script?.lineOf(found.index) ?? instruction.line, message: `${says} ${found[1]}.` });
    }
  }
}

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
  const directory = args.map((word) => nvidia.exec(word)?.[1]).find(Boolean);
  return directory === undefined
    ? undefined
    : `NVIDIA's repository has no directory ${directory}: it is x86_64, and sbsa for arm64.`;
}

/** NVIDIA's directories named as nobody there does. */
const nvidia = /developer\.download\.nvidia\.\w+\/compute\/cuda\/repos\/[^/\s]{1,40}\/(amd64|aarch64|x64)\b/;

/** Names that GNU triples, apt and Debian's JVMs don't have: which of them, and what they say instead. */
const strange: readonly (readonly [text: RegExp, says: string])[] = [
  [
    /(?:^|[=:"'\s])(?:(?:\/\S{0,200})?\/(?:lib|include|pkgconfig|share|bin)\/|-[LI]\/\S{0,200}\/)?(amd64|arm64|x64)-linux-(?:gnu|musl)(?:eabihf)?(?=$|[/:"'\s]|-(?:gcc|g\+\+|ld|ar|strip|objcopy))/,
    "triples write x86_64 and aarch64",
  ],
  [
    /^(?:gcc|g\+\+|binutils|cpp|gfortran)-(?:[\d.]+-)?(amd64|arm64|x64)-linux-gnu/,
    "Debian writes x86-64 and aarch64",
  ],
  [/(?:^|-)(amd64|arm64|x64)-unknown-linux-(?:gnu|musl)/, "Rust's triples write x86_64 and aarch64"],
  [/\bdeb(?:-src)?\s+\[[^\]\n]{0,200}?\barch=(x86_64|aarch64|x64)\b/, "apt writes amd64 and arm64"],
  [/\/jvm\/java-[\d.]+-openjdk-(x86_64|aarch64)(?:\/|$)/, "Debian writes amd64 and arm64"],
];

/** Derived names in places where another naming holds. Constants are other rules' findings. */
function reportTriples(model: DockerfileModel, report: (remark: Remark) => void): void {
  for (const { text, place, use, line } of textsOf(model)) {
    if (
      text.length < 8 ||
      text.length > 2000 ||
      !/-linux-|arch=|jvm/.test(text) ||
      /:\/\//.test(text.slice(0, 10))
    )
      continue;
    if (/^(?:clang|clang\+\+|zig|swift|lld)/.test(use?.program ?? "")) continue;
    for (const [pattern, says] of strange) {
      const name = pattern.exec(text)?.[1];
      if (name === undefined) continue;
      const { architecture } = place.stage.platform;
      const { target } = place.view.scenario;
      const [arch] = archNames(name).map((each) => each.arch);
      if (arch !== architecture && arch !== target.architecture) continue;
      const source =
        use === undefined ? place.instruction.text : (model.script(place.instruction)?.text ?? "");
      if (
        source.includes(`${name}-linux`) ||
        source.includes(`arch=${name}`) ||
        source.includes(`jdk-${name}`)
      )
        continue;
      report({
        line,
        message: `${text.slice(0, 100)} is named wrongly: ${says}.`,
        architectures: [target.architecture],
      });
      break;
    }
  }
}
