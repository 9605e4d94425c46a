import { archNames } from "../../dockerfile/arch-names.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { textsOf } from "../../dockerfile/texts.ts";

const jvm =
  /\/(?:usr\/)?(?:lib\/jvm|java|jdk|jre)[^\s:]{0,80}?(?:java|jdk|jre|temurin|zulu|openjdk|corretto)[^\s:/]{0,60}[-_](amd64|arm64|armhf|i386|x86_64|aarch64)\b|\/(?:jre\/lib|lib\/jvm\/[^\s:/]{1,100}\/lib)\/(amd64|aarch64|i386)\b|\/lib\/jvm\/[^\s:/]{1,100}[-_.](amd64|arm64|armhf|i386|x86_64|aarch64|x64)\b/;
/** Names that update-java-alternatives lists. */
const alternative =
  /^(?:java|jdk|temurin|zulu|msopenjdk|bellsoft|adoptopenjdk)[\w.-]*-(amd64|arm64|armhf|i386)$/;

export const rule: DockerfileRule = {
  id: "java-arch-path",
  severity: "error",
  title: "A path of the JVM ends in one Debian architecture",
  why: "Debian names the directory after the architecture: on another target JAVA_HOME points to nothing.",
  fix: "Use /usr/lib/jvm/default-java, a link made with `dpkg --print-architecture`, or a JDK base image.",
  bad: ["FROM debian:12\nENV JAVA_HOME=/usr/lib/jvm/java-17-openjdk-amd64\n"],
  good: [
    "FROM debian:12\nENV JAVA_HOME=/usr/lib/jvm/default-java\n",
    "FROM debian:12\nRUN ln -s /usr/lib/jvm/java-17-openjdk-$(dpkg --print-architecture) /opt/java\n",
  ],
  mentions: /jvm|java|jdk|jre/i,
  check(model, report) {
    for (const { text, place, line, use } of textsOf(model)) {
      const named =
        jvm.exec(text) ?? (use?.program === "update-java-alternatives" ? alternative.exec(text) : null);
      const arch = archNames(named?.[1] ?? named?.[2] ?? named?.[3] ?? "")[0]?.arch;
      if (arch === undefined || arch === place.stage.platform.architecture) continue;
      report({
        line,
        message: `${text.slice(0, 100)} exists on ${arch} only.`,
        architectures: [place.stage.platform.architecture],
      });
    }
  },
};
