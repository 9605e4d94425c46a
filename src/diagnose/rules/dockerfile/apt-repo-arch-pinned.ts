import { archNames } from "../../dockerfile/arch-names.ts";
import { replaceOnLine } from "../../dockerfile/edits.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { isNative, lineAt, placesOf, type Use, usesOf } from "../../dockerfile/uses.ts";

/** `deb [arch=…] …`, or `Architectures: …` of the deb822 form. */
const option =
  /\bdeb(?:-src)?\s+\[[^\]\n]{0,200}?\barch(?:=|\+=)([^\]\s]{1,80})|^\s*Architectures:[ \t]*([^\n]{1,80})/gim;

/** The architectures that source entries in `text` are limited to, where none of them is `arch`. */
function pinnedAway(text: string, arch: string): boolean {
  if (!text.includes("arch") && !/architectures/i.test(text)) return false;
  for (const match of text.replaceAll("\\n", "\n").matchAll(option)) {
    const names = archNames((match[1] ?? match[2] ?? "").replaceAll(",", " "));
    if (names.length > 0 && !names.some((name) => name.arch === arch)) return true;
  }
  return false;
}

/** How far behind a command that reads a here-document its limit stands. */
function offsetInInput({ model, instruction, executed }: Use): number {
  const script = model.script(instruction)?.text.slice(executed.at) ?? "";
  return Math.max(0, script.search(/\barch\+?=|Architectures:/i));
}

export const rule: DockerfileRule = {
  id: "apt-repo-arch-pinned",
  severity: "error",
  title: "An apt source is limited to one architecture",
  why: "With [arch=amd64] apt ignores the source on every other architecture: its packages can't be found there, or an older one of the distribution is installed instead.",
  fix: "Drop the option, or write arch=$(dpkg --print-architecture); then see that the vendor publishes for every target.",
  bad: [
    'FROM debian:12\nRUN echo "deb [arch=amd64 signed-by=/k.gpg] https://apt.example.com stable main" > /etc/apt/sources.list.d/x.list\n',
    "FROM debian:12\nCOPY <<EOF /etc/apt/sources.list.d/x.sources\nTypes: deb\nURIs: https://apt.example.com\nSuites: stable\nComponents: main\nArchitectures: amd64\nEOF\n",
  ],
  good: [
    'FROM debian:12\nRUN echo "deb [arch=$(dpkg --print-architecture)] https://apt.example.com stable main" > /etc/apt/sources.list.d/x.list\n',
    'FROM debian:12\nRUN echo "deb [arch=amd64,arm64] https://apt.example.com stable main" > /etc/apt/sources.list.d/x.list\n',
  ],
  mentions: /arch\+?=|architectures:/i,
  check(model, report) {
    for (const use of usesOf(model)) {
      if (!isNative(use.view)) continue;
      const { architecture } = use.stage.platform;
      const word = use.executed.argv.findIndex((text) => pinnedAway(text, architecture));
      const inInput = word < 0 && pinnedAway(use.executed.input, architecture);
      if (word < 0 && !inInput) continue;
      const written = use.executed.command.words.find(({ raw }) => /\barch\+?=|Architectures/i.test(raw));
      const at =
        written === undefined || use.executed.at !== use.executed.command.at
          ? use.executed.at + (inInput ? offsetInInput(use) : 0)
          : written.at;
      report({
        line: lineAt(use, at),
        message:
          "This apt source is limited to one architecture: apt on other targets never sees its packages.",
        architectures: [use.view.scenario.target.architecture],
        edits: replaceOnLine(
          model,
          lineAt(use, at),
          /\barch=amd64(?![\w,])/,
          "arch=$(dpkg --print-architecture)",
        ),
      });
    }
    for (const { instruction, stage, view } of placesOf(model)) {
      if (instruction.keyword !== "COPY" && instruction.keyword !== "ADD") continue;
      const body = instruction.heredocs.find((each) => pinnedAway(each.body, stage.platform.architecture));
      if (body === undefined || !isNative(view)) continue;
      const before =
        body.body.slice(0, body.body.search(/arch(?:itectures)?\s*[:=]/i)).split("\n").length - 1;
      report({
        line: (body.line ?? instruction.line) + before,
        message:
          "This apt source is limited to one architecture: apt on other targets never sees its packages.",
        architectures: [view.scenario.target.architecture],
      });
    }
  },
};
