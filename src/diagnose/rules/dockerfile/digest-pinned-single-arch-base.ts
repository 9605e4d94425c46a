import { archNames } from "../../dockerfile/arch-names.ts";
import { suffixArch } from "../../dockerfile/images.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "digest-pinned-single-arch-base",
  severity: "info",
  title: "FROM pins a digest that may be of one architecture",
  why: "A digest of one platform's manifest is that platform for every target; only the index's digest holds all.",
  fix: "Pin the digest of the index (`docker buildx imagetools inspect NAME`), and note that it is one.",
  bad: [
    "FROM debian:12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
    "# amd64 manifest of 3.20\nFROM alpine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
  ],
  good: ["FROM debian:12\n"],
  check(model, report) {
    for (const { stage, follows, index } of model.stages) {
      const image = model.views.map(({ stages }) => stages[index]?.base).find(Boolean) ?? stage.base;
      if (!image.includes("@sha256:") || suffixArch(image) !== undefined) continue;
      const { line } = stage.from;
      const above = (model.lines[line - 2] ?? "").trim();
      const comment = above.startsWith("#") ? above : "";
      const isIndex = /index|manifest list|multi-?arch|multi-?platform/i.test(comment);
      const archs = new Set(archNames(comment).map(({ arch }) => arch));
      const says = !isIndex && archs.size === 1 && follows !== "constant";
      report({
        line,
        severity: says ? "error" : "info",
        message: says
          ? `The digest is ${[...archs].join("")}'s, as the comment says.`
          : "Only the index's digest holds every platform.",
      });
    }
  },
};
