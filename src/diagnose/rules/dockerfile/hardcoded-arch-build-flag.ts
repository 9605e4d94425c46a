import { archNames, wholeArch } from "../../dockerfile/arch-names.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import type { DockerfileRule, Severity } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, type Use, usesOf } from "../../dockerfile/uses.ts";

/** Options of build tools whose value is an architecture. */
const valued =
  /^(?:-{1,2})?(?:arch|cpu|target[-_]?(?:cpu|arch)|dest-cpu|machine|host[-_]arch|target|platform|npm_config_(?:target_)?arch|DCMAKE_SYSTEM_PROCESSOR|DCMAKE_OSX_ARCHITECTURES|D?(?:TARGET_|BUILD_)?ARCH|DTARGET|DCPU|os-arch|architecture|with-arch|build_arch|march)(?::\w+)?=(.+)$/i;
const following = new Set([
  "--arch",
  "--cpu",
  "--target-arch",
  "--dest-cpu",
  "--target",
  "--platform",
  "-a",
  "--architecture",
  "-t",
  "--targets",
  "--machine",
]);
const flags = /^--?(?:arm|arm64|armv7l|x64|x86_64|amd64|x86|ia32|aarch64|linux64)$/;
const tools =
  /^(?:make|gmake|cmake|ninja|meson|configure|configure\.py|scons|bazel|bazelisk|npm|npx|yarn|pnpm|node|electron-builder|electron-packager|pkg|nexe|bun|deno|python3?|pip3?|build\.sh|build|gn|gyp|node-gyp|qmake|xmake|swift|zig|tinygo|gradle|gradlew|mvn|mvnw|mage|task|just|b2|bjam|setup\.py|premake5|waf|vcpkg|conan|cargo-lambda|sam|tsc|esbuild|pyinstaller|docker|buildah|crystal|nim|dub|stack|cabal|compile\.sh|compile|autogen\.sh|uv)$/;

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
  ],
  good: ["FROM debian:12\nRUN make ARCH=$(uname -m)\n", "FROM node:20\nRUN npm ci --omit=dev\n"],
  check(model, report) {
    for (const use of usesOf(model)) {
      if (!isNative(use.view) || (!tools.test(use.program) && !/\.(?:sh|py)$/.test(use.program))) continue;
      const found = flagOf(use);
      if (found === undefined || !writtenHere(model, use, found.word)) continue;
      const severity: Severity = found.stops ? "error" : "warning";
      report({
        line: lineOfWord(use, new RegExp(found.word.replaceAll(/\W/g, ".").slice(0, 60))),
        severity,
        message: `${found.word} is for every target.`,
      });
    }
  },
};

/** What came out of an ARG or ENV is found there. */
function writtenHere(model: DockerfileModel, use: Use, word: string): boolean {
  const script = model.script(use.instruction)?.text ?? "";
  return archNames(word).some(({ text }) => script.includes(text));
}

function flagOf({ args, view, executed, program, stage }: Use): { word: string; stops: boolean } | undefined {
  const { architecture } = view.scenario.target;
  const isForeign = (value: string): boolean => {
    const names = archNames(value);
    return (
      names.length > 0 &&
      !names.some(({ arch }) => arch === architecture || arch === stage.platform.architecture) &&
      !/^(?:win|darwin|mac|osx|browser|wasm|https?:)|windows|none-e(?:abi|lf)|unknown-linux/.test(value)
    );
  };
  for (const [index, word] of args.entries()) {
    if (flags.test(word) && isForeign(word.replace(/^-+/, ""))) return { word, stops: word === "--arm" };
    const value = valued.exec(word)?.[1];
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
      !/^(?:ARCH|TARGET_ARCH|BUILD_ARCH|npm_config_(?:target_)?arch|PKG_TARGET|_PYTHON_HOST_PLATFORM|DEB_BUILD_ARCH)$/i.test(
        name,
      )
    )
      continue;
    const value = executed.variables.get(name) ?? "";
    if (wholeArch(value) !== undefined && isForeign(value)) return { word: `${name}=${value}`, stops: false };
  }
  return undefined;
}
