import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { stageIndex } from "../../../dockerfile/flow.ts";

export const rule: DockerfileRule = {
  id: "pinned-from-platform",
  severity: "error",
  title: "FROM is pinned to one platform",
  why: "The stage doesn't follow the target: an image built for another platform holds this one's programs. On other machines the stage runs emulated.",
  fix: "Remove --platform, use $BUILDPLATFORM for stages that only help, or state that the image is for one architecture. Forced emulation works where QEMU is registered, several times slower.",
  bad: [
    'FROM --platform=linux/amd64 debian:12\nCMD ["bash"]\n',
    "FROM --platform=linux/amd64 node:20 AS web\nRUN npm run build\nFROM nginx\nCOPY --from=web /dist /usr/share/nginx/html\n",
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM node:20 AS web\nFROM nginx\nCOPY --from=web /dist /usr/share/nginx/html\n",
    "FROM --platform=${BUILDPLATFORM:-linux/amd64} node:20 AS web\nFROM nginx\nCOPY --from=web /dist /d\n",
    "FROM --platform=linux/amd64 debian:12 AS base-amd64\nFROM --platform=linux/arm64 debian:12 AS base-arm64\nFROM base-${TARGETARCH}\n",
  ],
  references: ["https://docs.docker.com/reference/build-checks/from-platform-flag-const-disallowed/"],
  mentions: /--platform/,
  check(model, report) {
    for (const { stage, follows, ships, index, selected } of model.stages) {
      if (stage.platform === undefined || follows !== "constant") continue;
      // Ignored by BuildKit on a stage that is FROM a stage.
      if (stageIndex(model.dockerfile, stage.base, index) !== undefined && !/^\d+$/.test(stage.base))
        continue;
      if (selected) continue;
      report({
        line: stage.from.line,
        severity: ships ? "error" : "warning",
        message: `This stage is ${stage.platform} whatever is built.`,
      });
    }
  },
};
