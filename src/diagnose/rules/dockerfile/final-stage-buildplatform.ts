import { isShippedImage } from "../../dockerfile/image-stages.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "final-stage-buildplatform",
  severity: "error",
  title: "A shipped stage is for the build machine",
  why: "The image is labelled for the target, but its files are those of the machine that built it.",
  fix: "Remove --platform from stages that become images; keep it for those that compile and download.",
  bad: [
    "FROM --platform=$BUILDPLATFORM nginx:1.27\nCOPY dist /usr/share/nginx/html\n",
    'FROM --platform=$BUILDPLATFORM node:20 AS base\nFROM base\nCMD ["node", "app.js"]\n',
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM node:20 AS web\nFROM nginx:1.27\nCOPY --from=web /dist /usr/share/nginx/html\n",
  ],
  mentions: /BUILD(?:ARCH|PLATFORM|OS)/,
  check(model, report) {
    for (const { stage, follows, isImage, index } of model.stages) {
      if (!isImage || follows !== "build" || !isShippedImage(model, index)) continue;
      // An empty file system has no architecture of its own.
      const bases = model.views.map(({ stages }) => stages[index]?.base);
      if (bases.every((base) => base === "scratch")) continue;
      report({
        line: stage.from.line,
        message: "This stage becomes an image, but holds the build machine's userland.",
      });
    }
  },
};
