import { suffixArch } from "../../dockerfile/images.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { basesOf } from "../../dockerfile/bases.ts";

export const rule: DockerfileRule = {
  id: "arch-suffixed-base-image",
  severity: "error",
  title: "A base image is named for one architecture",
  why: "The image holds one architecture whatever is built: the result is labelled for the target and its programs don't start there.",
  fix: "Use the plain multi-arch name and let the builder pick; if one architecture is meant, say so and don't build for others.",
  bad: [
    'FROM arm32v7/debian:12\nCMD ["bash"]\n',
    "FROM gcr.io/distroless/static:latest-amd64\nCOPY app /app\n",
    "ARG BASE=amd64/alpine:3.20\nFROM ${BASE}\n",
  ],
  good: [
    "FROM debian:12\n",
    "ARG TARGETARCH\nFROM gcr.io/distroless/static:latest-${TARGETARCH}\n",
    "FROM arm64v8/debian:12 AS base-arm64\nFROM amd64/debian:12 AS base-amd64\nFROM base-${TARGETARCH}\n",
  ],
  check(model, report) {
    for (const { facts, image, written, native, architecture } of basesOf(model)) {
      if (!native) continue;
      const arch = suffixArch(image);
      if (arch === undefined || arch === architecture) continue;
      report({
        line: facts.stage.from.line,
        severity: written.includes("$") ? "warning" : "error",
        message: `${image} is for ${arch} whatever is built.`,
      });
    }
  },
};
