import { knownSingleArch, suffixArch } from "../../dockerfile/images.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "copy-from-single-arch-image",
  severity: "error",
  title: "Files are copied from an image that holds one architecture",
  why: "COPY --from takes what the image holds: programs of that one architecture get into the image of every target.",
  fix: "Use the multi-arch name of the image, or a stage chosen by TARGETARCH.",
  bad: [
    "FROM debian:12\nCOPY --from=docker.io/example/tool:1.2-amd64 /tool /usr/local/bin/tool\n",
    "FROM debian:12\nCOPY --from=amd64/busybox:1.36 /bin/busybox /bin/busybox\n",
  ],
  good: [
    "FROM debian:12\nCOPY --from=ghcr.io/astral-sh/uv:0.5.20 /uv /uvx /bin/\n",
    "FROM debian:12 AS tools\nFROM debian:12\nCOPY --from=tools /bin/true /bin/true\n",
  ],
  check(model, report) {
    for (const { instruction, image, from, to } of model.copies) {
      if (from !== undefined || image.includes("$")) continue;
      const arch = suffixArch(image) ?? knownSingleArch(image);
      const onlyFor = model.stages[to]?.onlyFor;
      if (arch === undefined || (onlyFor?.size === 1 && onlyFor.has(arch))) continue;
      if (/qemu-user-static|qemu/.test(image)) continue;
      report({ line: instruction.line, message: `${image} holds ${arch} only.` });
    }
  },
};
