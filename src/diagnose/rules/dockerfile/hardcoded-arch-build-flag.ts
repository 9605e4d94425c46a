import { reachesImage } from "../../dockerfile/shipped.ts";
import { type Text, textsOf } from "../../dockerfile/texts.ts";
import { twinOf } from "../../dockerfile/twins.ts";
import { archNames, wholeArch, mayNameArch } from "../../dockerfile/arch-names.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import type { DockerfileRule, Remark, Severity } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, type Use, usesOf } from "../../dockerfile/uses.ts";

/** Options of build tools whose value is an architecture. */
const valued =
  /^(?:-{1,2})?(?:settings\.arch|arch|cpu|target[-_]?(?:cpu|arch|platform)|dest-cpu|machine|host[-_]arch|targets?|platforms?|m?triplet?|swift-sdk|architectures|forcearch|override-arch|python-platform|npm_config_(?:target_)?arch|DCMAKE_SYSTEM_PROCESSOR|DCMAKE_OSX_ARCHITECTURES|DCMAKE_C(?:XX)?_COMPILER(?:_TARGET)?|DVCPKG_(?:TARGET|HOST)_TRIPLET|D?(?:TARGET_|BUILD_)?ARCH|DTARGET|DCPU|os-?arch|plat(?:form)?-name|plat|cross-file|architecture|with-arch|build_arch|march)(?::\w+)?[=:](.+)$/i;
const following = new Set([
  "--arch",
  "--cpu",
  "--target-arch",
  "--target-platform",
  "--dest-cpu",
  "--target",
  "-target",
  "--platform",
  "--platforms",
  "-a",
  "--architecture",
  "--architectures",
  "-t",
  "--targets",
  "--machine",
  "--triple",
  "--swift-sdk",
  "--triplet",
  "--host-triplet",
  "--forcearch",
  "--override-arch",
  "--python-platform",
  "--subdir",
  "--plat-name",
  "--plat",
  "--cross-file",
  "-osarch",
  "--osarch",
]);
/** Variables that make files and scripts take. */
const makeVariable =
  /^(?:CC|CXX|CROSS_COMPILE|CROSS_PREFIX|CROSS|CHOST|HOST|TARGET|TARGET_TRIPLE|BINDIR_ARCH)=(.+)$/;
const flags = /^--?(?:arm|arm64|armv7l|x64|x86[-_]64|amd64|x86|ia32|aarch64|linux64)$/;
/** Values within a list of arguments: gn's `--args='target_cpu="x64"'`. */
const nested = /^--args=.*?\b(?:target|host)_cpu ?= ?\\?["']?(\w+)/;
const tools =
  /^(?:make|gmake|cmake|ninja|meson|configure|configure\.py|scons|bazel|bazelisk|npm|npx|yarn|pnpm|node|electron-builder|electron-packager|pkg|nexe|bun|bunx|deno|python[\d.]*|pip[\d.]*|gem|build\.sh|build|gn|gyp|node-gyp|prebuild|prebuild-install|qmake|xmake|swift|zig|tinygo|gradle|gradlew|mvn|mvnw|mage|task|just|b2|bjam|setup\.py|premake5|waf|vcpkg|conan|conda|mamba|micromamba|pixi|cargo-lambda|sam|tsc|esbuild|pyinstaller|docker|buildah|podman|skopeo|crane|oras|regctl|crystal|nim|nimble|dub|ldc2|llc|clang|clang\+\+|stack|cabal|dart|flutter|native-image|maturin|compile\.sh|compile|autogen\.sh|uv|debootstrap|qdebootstrap|mmdebstrap|dnf|yum|microdnf|rpmbuild|dpkg-buildpackage|fpm|nfpm|gox|xgo|conda-build|cibuildwheel|auditwheel|(?:cargo-)?lambda|xmake)$/;
/** A compiler named after what it compiles for. */
const prefixed =
  /^(x86_64|aarch64|arm|armv7\w*|i[36]86|powerpc64le|s390x|riscv64)-(?:\w+-)?linux-(?:gnu|musl)\w*-(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|gfortran)(?:-[\d.]+)?$/;
/** Properties of Maven and Gradle that choose native parts: `-Dos.detected.classifier=linux-x86_64`. */
const property = /^-[DP][\w.-]+=((?:linux[-_.]?)?(?:x86[-_]64|amd64|x64|aarch64|arm64|aarch_64))$/;
/** What compilers for arm don't know. */
const wordSize = /(?:^|[\s='"])-m64\b/;

export const rule: DockerfileRule = {
  id: "hardcoded-arch-build-flag",
  severity: "warning",
  title: "A build option fixes the architecture",
  why: "What is compiled or installed is for this architecture, whatever the image is for.",
  fix: "Map it from TARGETARCH, or let the build system find it out.",
  bad: [
    "FROM node:20\nRUN npx electron-builder --linux --x64\n",
    "FROM debian:12\nRUN make ARCH=x86_64 && make install\n",
    "FROM python:3.12\nRUN pip install --platform manylinux2014_x86_64 --only-binary=:all: --target /deps numpy\n",
    'FROM gcc:13\nRUN make CFLAGS="-O2 -m64"\n',
    "FROM debian:12\nRUN vcpkg install --triplet x64-linux fmt\n",
    "FROM debian:12\nRUN aarch64-linux-gnu-gcc -o /app app.c\n",
    "FROM maven:3.9-eclipse-temurin-21\nRUN mvn -B package -Djavacpp.platform=linux-x86_64\n",
  ],
  good: [
    "FROM debian:12\nRUN make ARCH=$(uname -m)\n",
    "FROM node:20\nRUN npm ci --omit=dev\n",
    "FROM node:20\nRUN npx electron-builder --linux --x64 --arm64\n",
  ],
  mentions: mayNameArch,
  check(model, report) {
    for (const use of usesOf(model)) {
      if (!isNative(use.view) || !isTool(use)) continue;
      const found = flagOf(use);
      if (found === undefined || !writtenHere(model, use, found.word)) continue;
      if (twinOf(model, { place: use }, found.word)) continue;
      const severity: Severity = found.stops ? "error" : "warning";
      report({
        line: lineOfWord(use, new RegExp(found.word.replaceAll(/\W/g, ".").slice(0, 60))),
        severity,
        message: `${found.word} is for every target.`,
      });
    }
    for (const text of textsOf(model)) reportCompiler(model, text, report);
  },
};

function isTool({ program, args, executed }: Use): boolean {
  return (
    (args.length > 0 || executed.command.assignments.length > 0) &&
    (tools.test(program) || /\.(?:sh|py)$/.test(program))
  );
}

/** -m64, and compilers of another machine whose programs are shipped. */
function reportCompiler(model: DockerfileModel, text: Text, report: (remark: Remark) => void): void {
  const { use, place } = text;
  if (!/-m64|-linux-/.test(text.text)) return;
  const { architecture } = place.stage.platform;
  const target = place.view.scenario.target.architecture;
  if (
    text.text.includes("-m64") &&
    wordSize.test(text.text) &&
    /^(?:arm|arm64|riscv64|loong64)$/.test(architecture)
  ) {
    if (/^(?:echo|printf|sed|grep|perl|awk)$/.test(use?.program ?? "")) return;
    if (!reachesImage(model, place.facts.index)) return;
    report({
      line: text.line,
      severity: "error",
      message: `Compilers for ${architecture} don't know -m64.`,
      architectures: [architecture],
    });
    return;
  }
  if (use === undefined || !text.text.includes("-linux-") || use.executed.argv[0] !== text.text) return;
  const name = prefixed.exec(use.program)?.[1];
  const arch = name === undefined ? undefined : archNames(name)[0]?.arch;
  if (arch === undefined || arch === architecture || arch === target) return;
  if (!use.args.some((word) => /^-[oc]$|\.(?:c|cc|cpp|cxx|s)$/i.test(word))) return;
  if (!reachesImage(model, place.facts.index) || !writtenHere(model, use, text.text)) return;
  if (everyCompiler(model, target)) return;
  report({
    line: text.line,
    severity: "error",
    message: `${use.program} compiles for ${arch} whatever the target is.`,
    architectures: [target],
  });
}

/** Whether the target's prefixed compiler, assembler or linker is called too, in this stage or another: all are made, one is chosen later. */
function everyCompiler(model: DockerfileModel, target: string): boolean {
  return usesOf(model).some(({ program }) => {
    const at = program.indexOf("-linux-");
    return at > 0 && archNames(program.slice(0, at))[0]?.arch === target;
  });
}

/** What came out of an ARG or ENV is found there. */
function writtenHere(model: DockerfileModel, use: Use, word: string): boolean {
  const script = model.script(use.instruction)?.text ?? "";
  return archNames(word).some(({ text }) => script.includes(text));
}

function flagOf({ args, view, executed, program, stage }: Use): { word: string; stops: boolean } | undefined {
  const { architecture } = view.scenario.target;
  const isForeign = (value: string): boolean => {
    // A directory is where something goes.
    if (/^\.{0,2}\/(?!\/)/.test(value)) return false;
    const names = archNames(value);
    return (
      names.length > 0 &&
      !names.some(({ arch }) => arch === architecture || arch === stage.platform.architecture) &&
      !/^(?:win|darwin|mac|osx|browser|wasm|https?:)|windows|none-e(?:abi|lf)|^wasm/.test(value)
    );
  };
  const configures = /^(?:config|configure)(?:\.\w+)?$/i.test(program);
  for (const [index, word] of args.entries()) {
    // The rule on configure's targets has these.
    if (configures && /^--(?:build|host|target)(?:=|$)/.test(word)) continue;
    if (flags.test(word) && isForeign(word.replace(/^-+/, ""))) return { word, stops: word === "--arm" };
    const value =
      nested.exec(word)?.[1] ??
      valued.exec(word)?.[1] ??
      (/^(?:mvnw?|gradlew?)$/.test(program) ? property.exec(word)?.[1] : undefined) ??
      (/^(?:g?make|scons|just|task)$|\.sh$/.test(program) ? makeVariable.exec(word)?.[1] : undefined) ??
      (program === "vcpkg" ? /^[\w-]+(?:\[[\w,-]*\])?:([\w-]+)$/.exec(word)?.[1] : undefined);
    if (value !== undefined && isForeign(value) && value.length < 60) return { word, stops: false };
    if (
      following.has(word) &&
      program !== "docker" &&
      isForeign(args[index + 1] ?? "") &&
      (args[index + 1] ?? "").length < 60
    )
      return { word: args[index + 1] ?? "", stops: false };
  }
  for (const { name } of executed.command.assignments) {
    if (
      !/^(?:ARCH|TARGET_ARCH|BUILD_ARCH|npm_config_(?:target_)?arch|PKG_TARGET|_PYTHON_HOST_PLATFORM|DEB_BUILD_ARCH|CC|CXX|CROSS_COMPILE)$/i.test(
        name,
      )
    )
      continue;
    const value = executed.variables.get(name) ?? "";
    const compiler = /^(?:CC|CXX|CROSS_COMPILE)$/.test(name) && /-linux-/.test(value);
    if ((compiler || wholeArch(value) !== undefined) && isForeign(value))
      return { word: `${name}=${value}`, stops: false };
  }
  return undefined;
}
