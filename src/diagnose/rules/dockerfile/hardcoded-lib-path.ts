import type { DockerfileModel } from "../../dockerfile/model.ts";
import { hasTwin } from "../../dockerfile/twins.ts";
import { archNames } from "../../dockerfile/arch-names.ts";
import { replaceOnLine } from "../../dockerfile/edits.ts";
import type { DockerfileRule, Severity } from "../../dockerfile/rule.ts";
import { type Text, textsOf } from "../../dockerfile/texts.ts";

/** Multiarch directories, loaders, and the build directories of Python's distutils. */
const path =
  /(?:(?:x86_64|i[36]86|aarch64|arm|powerpc64le|s390x|riscv64)-linux-(?:gnu|musl)\w*|ld-(?:linux|musl)-(?:x86-64|x86_64|aarch64|armhf|i386)\.so|lib\.linux-(?:x86_64|aarch64|armv7l))(?=$|[/:.\w*?\-,"' ])/;

export const rule: DockerfileRule = {
  id: "hardcoded-lib-path",
  severity: "error",
  title: "A library directory of one architecture is written out",
  why: "Debian and Ubuntu keep libraries in a directory named after the architecture: on another target this one doesn't exist.",
  fix: "Find it with `gcc -print-multiarch`, `dpkg-architecture -q DEB_HOST_MULTIARCH` or a glob, or link the file to a neutral path once.",
  bad: [
    "FROM debian:12\nENV LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/custom\n",
    "FROM debian:12 AS b\nFROM scratch\nCOPY --from=b /lib64/ld-linux-x86-64.so.2 /lib64/\n",
    "FROM debian:12\nRUN ln -s /usr/lib/x86_64-linux-gnu/libssl.so.3 /usr/lib/libssl.so\n",
  ],
  good: [
    "FROM debian:12\nRUN ln -s /usr/lib/$(uname -m)-linux-gnu/libssl.so.3 /usr/lib/libssl.so\n",
    "FROM debian:12\nRUN ln -s /usr/lib/*/libssl.so.3 /usr/lib/libssl.so\n",
    "FROM debian:12\nRUN CC=aarch64-linux-gnu-gcc ./configure --host=aarch64-linux-gnu\n",
  ],
  mentions: /linux-(?:gnu|musl)|ld-linux|ld-musl|lib\.linux/,
  check(model, report) {
    for (const text of textsOf(model)) {
      const found = path.exec(text.text);
      if (found === null || !isLibraryPath(text.text, found.index) || isOtherRules(text)) continue;
      const arch = archNames(found[0])[0]?.arch ?? (found[0].includes("x86") ? "amd64" : undefined);
      const { architecture } = text.place.stage.platform;
      if (arch === undefined || arch === architecture) continue;
      if (servesTarget(model, text, architecture)) continue;
      report({
        line: text.line,
        severity: severityOf(text),
        message: `${text.text.slice(0, 100)} is the directory of ${arch}.`,
        architectures: [architecture],
        ...(text.use !== undefined &&
          text.place.facts.follows === "target" && {
            edits: replaceOnLine(model, text.line, /\bx86_64-linux-gnu\b/g, "$(uname -m)-linux-gnu"),
          }),
      });
    }
  },
};

/** A list, or commands side by side, with the target's directory too: what isn't there is skipped. */
function servesTarget(model: DockerfileModel, text: Text, architecture: string): boolean {
  if (archNames(text.text).some(({ arch }) => arch === architecture)) return true;
  if (text.in === "copy") return /[*?[]/.test(text.text) && hasTwin(model, text);
  return text.in !== "env" && hasTwin(model, text);
}

/** A path, not the prefix of a cross compiler or a triple in a flag. */
function isLibraryPath(text: string, at: number): boolean {
  if (/lib\.linux-|ld-(?:linux|musl)-/.test(text)) return true;
  const before = text.slice(0, at);
  return (
    /(?:^|[/:=*"' ])(?:lib(?:32|64|exec)?|include|pkgconfig|share|local|usr|gcc|jvm)\/(?:[\w.*+-]+\/)*$/.test(
      before,
    ) || /\/lib\S*\/$/.test(before)
  );
}

function isOtherRules({ text, use }: Text): boolean {
  // Asking whether it is there names it for a reason.
  if (/^(?:\[|\[\[|test)$/.test(use?.program ?? "")) return true;
  return (
    /^https?:\/\//.test(text) || /\/(?:target|rustlib|toolchains)\//.test(text) || /unknown-linux/.test(text)
  );
}

/** Where the program runs on without the file, or the command's failure is taken. */
function severityOf({ text, name, use }: Text): Severity {
  if (/^(?:LD_PRELOAD)$/.test(name ?? "")) return "warning";
  if (
    /^(?:LD_LIBRARY_PATH|LIBRARY_PATH|PKG_CONFIG_PATH|CPATH|C_INCLUDE_PATH|CPLUS_INCLUDE_PATH|PATH)$/.test(
      name ?? "",
    )
  )
    return text.includes(":") ? "warning" : "error";
  if (use !== undefined && (use.program === "rm" || use.program === "find")) return "warning";
  return "error";
}
