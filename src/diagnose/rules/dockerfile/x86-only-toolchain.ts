import { archsOfUrl, downloadsOf, ruleOfUrl } from "../../dockerfile/downloads.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, lineOfWord, usesOf } from "../../dockerfile/uses.ts";

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
  references: ["https://developer.android.com/ndk/downloads"],
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
      if (!isNative(use.view) || architecture === "amd64" || use.program !== "sdkmanager") continue;
      if (!use.args.some((word) => /^["']?(?:ndk|build-tools|emulator|cmake|platform-tools)/.test(word)))
        continue;
      report({
        line: lineOfWord(use, /build-tools|ndk|emulator|cmake|platform-tools/),
        message: "Android's build tools and NDK are for x86-64 only.",
        architectures: [architecture],
      });
    }
  },
};
