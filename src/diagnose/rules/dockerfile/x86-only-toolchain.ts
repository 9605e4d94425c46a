import { archsOfUrl, downloadsOf, ruleOfUrl } from "../../dockerfile/downloads.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, type Use, usesOf } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "x86-only-toolchain",
  severity: "error",
  title: "An SDK has host tools for x86-64 only",
  why: "Android's build tools and NDK, and some vendors' compilers, are published for Linux on x86-64 only.",
  fix: "Run that stage on linux/amd64 on purpose and take over only results that are free of architecture, or use a port.",
  bad: [
    "FROM eclipse-temurin:17\nRUN curl -fsSLO https://dl.google.com/android/repository/commandlinetools-linux-11076708_latest.zip\n",
    "FROM debian:12\nRUN wget -q https://dl.google.com/android/repository/android-ndk-r26d-linux.zip\n",
  ],
  good: [
    "FROM --platform=linux/amd64 eclipse-temurin:17 AS android\nRUN curl -fsSLO https://dl.google.com/android/repository/commandlinetools-linux-11076708_latest.zip\nFROM scratch\nCOPY --from=android /app.apk /\n",
  ],
  mentions:
    /android|flutter|commandlinetools|oneapi|intel|\bxc\d|sdkmanager|aqt|quartus|vivado|vitis|petalinux|modelsim|diamond/i,
  check(model, report) {
    for (const { place, url, line } of downloadsOf(model)) {
      const { architecture } = place.stage.platform;
      if (!isNative(place.view) || architecture === "amd64" || ruleOfUrl(url) !== "x86-only-toolchain")
        continue;
      if (archsOfUrl(url).some(({ arch }) => arch === architecture)) continue;
      report({ line, message: "Its host tools are for x86-64 only.", architectures: [architecture] });
    }
    for (const use of usesOf(model)) {
      const { architecture } = use.stage.platform;
      if (!isNative(use.view) || architecture === "amd64") continue;
      if (isQtKit(use)) {
        report({
          line: lineOfWord(use, /desktop|install-qt|gcc_64/),
          message: "Qt's desktop kit for Linux is for x86-64 only.",
          architectures: [architecture],
        });
      }
      if (use.program !== "sdkmanager") continue;
      for (const word of use.args) {
        const name = /^["']?(ndk|build-tools|emulator|cmake|platform-tools)/.exec(word)?.[1];
        if (name === undefined) continue;
        report({
          line: lineOfWord(use, new RegExp(`^["']?${name}`)),
          message: `Android's ${name} is for x86-64 only.`,
          architectures: [architecture],
        });
      }
    }
  },
};

/** `aqt install-qt linux desktop VERSION [linux_gcc_64]`; kits for arm64 have a host of their own, "linux_arm64". */
function isQtKit({ program, args }: Use): boolean {
  if (!/^(?:aqt|aqtinstall|python[\d.]*)$/.test(program)) return false;
  const words = program.startsWith("python") ? args.slice(args.indexOf("aqt") + 1) : args;
  if (program.startsWith("python") && !args.includes("aqt")) return false;
  return (
    /^install-(?:qt|tool)$|^install$/.test(words[0] ?? "") &&
    words.includes("linux") &&
    (words.includes("desktop") || words.some((word) => /gcc_64/.test(word)))
  );
}
