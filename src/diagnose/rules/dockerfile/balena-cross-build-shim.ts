import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { usesOf } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "balena-cross-build-shim",
  severity: "warning",
  title: "balena's cross-build shim is called",
  why: "cross-build-start and cross-build-end run a QEMU that balena's images carry; it works on x86 builders only.",
  fix: "Remove both, and let binfmt or a native builder run the platform.",
  bad: [
    'FROM balenalib/raspberrypi3-debian\nRUN ["cross-build-start"]\nRUN apt-get update\nRUN ["cross-build-end"]\n',
  ],
  good: ["FROM debian:12\nRUN apt-get update\n"],
  mentions: /cross-build-/,
  check(model, report) {
    for (const { program, instruction } of usesOf(model)) {
      if (program !== "cross-build-start" && program !== "cross-build-end") continue;
      report({
        line: instruction.line,
        message: `${program} works in balena's images on x86 builders only.`,
      });
    }
  },
};
