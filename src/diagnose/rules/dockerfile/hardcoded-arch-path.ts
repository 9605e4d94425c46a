import { hasTwin } from "../../dockerfile/twins.ts";
import { archNames, mayNameArch } from "../../dockerfile/arch-names.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { type Text, textsOf } from "../../dockerfile/texts.ts";
import { baseName, downloadsOf, foreignArch } from "../../dockerfile/downloads.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import { isNative } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "hardcoded-arch-path",
  severity: "error",
  title: "A path holds one architecture",
  why: "What made the path named it after its own architecture: on another target it isn't there.",
  fix: "Use a glob, ask the tool for its directory, or copy the result to a neutral path in the stage that made it.",
  bad: [
    "FROM golang:1.22 AS build\nRUN make\nFROM debian:12\nCOPY --from=build /src/dist/linux_amd64/app /app\n",
    "FROM debian:12\nENV PATH=/opt/tool/linux-x64/bin:$PATH\n",
  ],
  good: [
    "FROM golang:1.22 AS build\nRUN make\nFROM debian:12\nARG TARGETARCH\nCOPY --from=build /src/dist/linux_${TARGETARCH}/app /app\n",
    "FROM debian:12\nRUN cp dist/linux_*/app /app\n",
  ],
  mentions: mayNameArch,
  check(model, report) {
    const covered = coveredInstructions(model);
    const fetched = new Set(
      downloadsOf(model)
        .flatMap(({ url, outputs }) => [stem(baseName(url)), ...outputs.map((path) => stem(baseName(path)))])
        .filter((name) => name !== ""),
    );
    for (const text of textsOf(model)) {
      if (!isPath(text) || isOtherRules(text, fetched) || covered.has(text.place.instruction)) continue;
      const names = archNames(text.text);
      const { architecture } = text.place.stage.platform;
      const target = text.place.view.scenario.target.architecture;
      const [first] = names;
      if (first === undefined || names.some(({ arch }) => arch === architecture || arch === target)) continue;
      if (hasTwin(model, text)) continue;
      report({
        line: text.line,
        message: `${text.text.slice(0, 100)} is ${first.text}'s path.`,
        architectures: [target],
      });
    }
  },
};

/** Instructions that fetch a file of one architecture: the paths in it are named after the file. */
function coveredInstructions(model: DockerfileModel): ReadonlySet<unknown> {
  return new Set(
    downloadsOf(model)
      .filter((download) => isNative(download.place.view) && foreignArch(download) !== undefined)
      .map(({ place }) => place.instruction),
  );
}

function stem(name: string): string {
  return name.replace(/\.(?:tar(?:\.\w+)?|tgz|zip|gz|xz|bz2|deb|rpm|whl|sh|run|AppImage)$/i, "");
}

/** Variables that hold directories or programs. */
const envOfFiles =
  /PATH|HOME|DIR|ROOT|BIN|LIB|SDK|NDK|TOOLCHAIN|COMPILER|LINKER|PREFIX|EXECUTABLE|INCLUDE|^(?:CC|CXX|LD|AR|AS|NM|STRIP|OBJCOPY|RANLIB|FC)$/;

/** An absolute path or one with directories, in a command that reads it, in COPY --from, or in ENV's path lists. */
function isPath({ text, in: where, use, place, name }: Text): boolean {
  if (!text.includes("/") || !mayNameArch.test(text)) return false;
  if (!/^[\w.~$@/+:*=\ufffc{},-]+$/.test(text) || /:\/\//.test(text)) return false;
  if (where === "copy")
    return (
      place.instruction.keyword === "COPY" &&
      place.instruction.flags.some(({ name: flag }) => flag === "from") &&
      text !== place.at.words.at(-1)
    );
  if (where === "env") return envOfFiles.test(name ?? "") && /(?:^|:)\//.test(text);
  if (where === "other") return isStarted(place.instruction.keyword) && text.startsWith("/");
  if (where !== "command") return false;
  if (readPath.test(text)) return true;
  return (
    /^(?:cp|mv|ln|install|chmod|tar|cd|strip|upx|source|\.|cat|export|setcap|patchelf|ls|sh|bash)$/.test(
      use?.program ?? "",
    ) ||
    (use !== undefined && use.executed.argv[0] === text)
  );
}

/** A directory that a build reads, as an option's value. */
const readPath =
  /^(?:-[IL]|-D\w*(?:PREFIX_PATH|_DIR|_ROOT|_PATH|_LIBRARY|_LIBRARIES|_EXECUTABLE|_COMPILER|DIR|ROOT)(?::\w+)?=|--with-[\w-]+=|-isystem)\/[\w.+/-]+$/;

/** What the image starts. */
function isStarted(keyword: string): boolean {
  return keyword === "ENTRYPOINT" || keyword === "CMD";
}

/** Paths of fetched archives follow their names, and those of libraries, JVMs and Rust have rules of their own. */
function isOtherRules({ text }: Text, fetched: ReadonlySet<string>): boolean {
  // Swift's build directory is named by a triple too.
  if (/(?:^|\/)\.build\//.test(text)) return false;
  if (
    /linux-(?:gnu|musl)|\/jvm\/|lib\.linux-|ld-(?:linux|musl)|\/qemu-|unknown-linux|^\/(?:proc|sys|boot)\/|platforms?\/|(?:^|\/)arch\/(?:x86|arm|arm64|ia64)(?:\/|$)/.test(
      text,
    )
  )
    return true;
  return text.split("/").some((part) => part !== "" && fetched.has(stem(part)));
}
