import { builtinNames, declaredArguments } from "../../../dockerfile/arguments.ts";
import { archNames, wholeArch, mayNameArch } from "../../dockerfile/arch-names.ts";
import { type DockerfileModel, linesUsing } from "../../dockerfile/model.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "arch-build-arg-default",
  severity: "warning",
  title: "A build argument defaults to one architecture",
  why: "BuildKit fills in TARGETARCH, not arguments of the author's own: `--platform` alone leaves this one at its default, and files for the wrong architecture get into the image.",
  fix: "Declare `ARG TARGETARCH` without a default and derive the value from it.",
  bad: [
    "FROM debian:12\nARG ARCH=amd64\nRUN curl -fsSLO https://dl.example.com/tool-linux-${ARCH}.tar.gz\n",
    "ARG BUILD_ARCH=x86_64\nFROM alpine:3.20\nARG BUILD_ARCH\nRUN echo ${BUILD_ARCH}\n",
  ],
  good: [
    "FROM debian:12\nARG TARGETARCH\nARG ARCH=${TARGETARCH}\nRUN curl -fsSLO https://dl.example.com/tool-linux-${ARCH}.tar.gz\n",
    "FROM debian:12\nARG VERSION=1.64\nRUN echo ${VERSION}\n",
  ],
  references: ["https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope"],
  mentions: mayNameArch,
  check(model, report) {
    const instructions = [
      ...model.dockerfile.globalArgs,
      ...model.dockerfile.stages.flatMap((stage) =>
        stage.instructions.filter(({ keyword }) => keyword === "ARG"),
      ),
    ];
    for (const instruction of instructions) {
      for (const { name, value } of declaredArguments(instruction)) {
        if (value === undefined || value.includes("$") || builtinNames.includes(name)) continue;
        const text = value.replaceAll(/["']/g, "");
        if (!namesOneArch(text) || !isUsed(model, name)) continue;
        report({
          line: instruction.line,
          message: `${name} is "${text}" for every target unless --build-arg says otherwise.`,
        });
      }
    }
  },
};

/** Read by name, or by a tool that looks for it in its environment. */
function isUsed(model: DockerfileModel, name: string): boolean {
  const tool = /^(?:GOARCH|CARGO_BUILD_TARGET|npm_config_arch)$/.test(name)
    ? /\b(?:go|cargo|npm) (?:build|install|ci|run)\b|\bmake\b/
    : undefined;
  return (
    linesUsing(model, name).length > 0 || (tool !== undefined && model.lines.some((line) => tool.test(line)))
  );
}

/** "amd64", "linux-x64", "linux/amd64", "x86_64-unknown-linux-musl"; no address, image or path. */
function namesOneArch(text: string): boolean {
  if (wholeArch(text) !== undefined) return true;
  return /^[\w-]{1,40}$/.test(text) && archNames(text).length === 1 && /^(?:linux|manylinux)/i.test(text);
}
