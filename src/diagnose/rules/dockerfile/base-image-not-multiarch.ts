import { basesOf } from "../../dockerfile/bases.ts";
import { knownSingleArch, suffixArch } from "../../dockerfile/images.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "base-image-not-multiarch",
  severity: "error",
  title: "The base image is published for one architecture",
  why: 'The build for another target stops with "no match for platform in manifest", or takes the wrong image with a warning.',
  fix: "Move to a release or an image that has a manifest list, build the software from source on a multi-arch base, or state with `--platform` that the stage runs emulated (2 to 20 times slower) on other machines.",
  bad: [
    "FROM mcr.microsoft.com/mssql/server:2022-latest\n",
    "FROM mysql:5.7\n",
    "FROM openjdk:8-jre-alpine\n",
  ],
  good: ["FROM debian:12\n", "FROM mysql:8.0\n", "FROM --platform=linux/amd64 mysql:5.7\n"],
  check(model, report) {
    for (const { facts, image, native, architecture } of basesOf(model)) {
      const arch = knownSingleArch(image);
      if (!native || arch === undefined || arch === architecture || suffixArch(image) !== undefined) continue;
      report({
        line: facts.stage.from.line,
        message: `${image} is published for ${arch} only.`,
        architectures: [architecture],
      });
    }
  },
};
