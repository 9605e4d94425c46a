import { reportForeign } from "../../dockerfile/foreign-downloads.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "conda-x86_64-installer",
  severity: "error",
  title: "A conda installer for x86_64 is fetched for every target",
  why: "The installer unpacks an x86_64 Python: on another target it ends with an exec format error.",
  fix: "Put $(uname -m) into the name (conda writes x86_64 and aarch64) in a target-platform stage, with a checksum for each.",
  bad: [
    "FROM debian:12\nRUN wget -q https://repo.anaconda.com/miniconda/Miniconda3-latest-Linux-x86_64.sh -O /m.sh && bash /m.sh -b\n",
    "FROM ubuntu:24.04\nRUN curl -fsSLO https://github.com/conda-forge/miniforge/releases/latest/download/Miniforge3-Linux-x86_64.sh\n",
  ],
  good: [
    "FROM debian:12\nRUN wget -q https://repo.anaconda.com/miniconda/Miniconda3-latest-Linux-$(uname -m).sh -O /m.sh && bash /m.sh -b\n",
  ],
  mentions: /conda|forge|mamba/i,
  check: (model, report) =>
    reportForeign(
      model,
      "conda-x86_64-installer",
      report,
      ({ text }) => `This installer is for ${text} only.`,
    ),
};
