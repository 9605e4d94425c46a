import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { archNames } from "../../dockerfile/arch-names.ts";
import { isNative, lineOfWord, placesOf, usesOf } from "../../dockerfile/uses.ts";

const repository =
  /developer\.download\.nvidia\.(?:com|cn)\/compute\/(?:cuda|machine-learning)\/repos\/[^/\s]{1,40}\/(x86_64|sbsa|arm64|aarch64)/;

export const rule: DockerfileRule = {
  id: "nvidia-cuda-x86-repo",
  severity: "error",
  title: "NVIDIA's package repository for x86_64 is used for every target",
  why: "Key, pin and packages of that directory are for x86_64; arm servers have `sbsa`, Jetson has `arm64`.",
  fix: "Map the directory (x86_64 for amd64, sbsa for arm servers, arm64 for Jetson), or start from a multi-arch nvidia/cuda image.",
  bad: [
    "FROM ubuntu:22.04\nRUN curl -fsSLO https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/x86_64/cuda-keyring_1.1-1_all.deb && dpkg -i cuda-keyring_1.1-1_all.deb\n",
  ],
  good: [
    'FROM ubuntu:22.04\nARG TARGETARCH\nRUN case "$TARGETARCH" in amd64) D=x86_64 ;; arm64) D=sbsa ;; *) exit 1 ;; esac && curl -fsSLO https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2204/$D/cuda-keyring_1.1-1_all.deb\n',
  ],
  mentions: /developer\.download\.nvidia/,
  check(model, report) {
    const message = "This is NVIDIA's repository for another architecture than the target's.";
    for (const use of usesOf(model)) {
      if (!isNative(use.view)) continue;
      const text = `${use.executed.argv.join(" ")}\n${use.executed.input}`;
      if (isForeign(text, use.stage.platform.architecture))
        report({ line: lineOfWord(use, /nvidia/), message });
    }
    for (const { instruction, at, stage, view } of placesOf(model)) {
      if (!/^(?:ADD|COPY)$/.test(instruction.keyword) || !isNative(view)) continue;
      const { architecture } = stage.platform;
      if (instruction.keyword === "ADD" && at.words.some((word) => isForeign(word, architecture)))
        report({ line: instruction.line, message });
      const body = instruction.heredocs.find((each) => isForeign(each.body, architecture));
      if (body === undefined) continue;
      const before = body.body.slice(0, body.body.search(repository)).split("\n").length - 1;
      report({ line: (body.line ?? instruction.line) + before, message });
    }
  },
};

function isForeign(text: string, architecture: string): boolean {
  const directory = repository.exec(text)?.[1];
  if (directory === undefined) return false;
  const arch = directory === "sbsa" ? "arm64" : archNames(directory)[0]?.arch;
  return arch !== architecture;
}
