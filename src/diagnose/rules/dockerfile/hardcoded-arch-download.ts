import { mayNameArch } from "../../dockerfile/arch-names.ts";
import { reportForeign } from "../../dockerfile/foreign-downloads.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "hardcoded-arch-download",
  severity: "error",
  title: "A download names one architecture for every target",
  why: "The same file is fetched whatever is built: on another target it doesn't start (exec format error) or is never noticed until somebody runs it.",
  fix: "Put TARGETARCH or a case mapping into the name, with a checksum for each file, and stop for targets without one.",
  bad: [
    "FROM debian:12\nRUN curl -fsSL https://dl.example.com/v1/tool-linux-amd64 -o /usr/local/bin/tool\n",
    "FROM alpine:3.20\nENV URL=https://dl.example.com/tool_Linux_x86_64.tar.gz\nRUN wget -qO- $URL | tar xz -C /usr/local/bin\n",
    "FROM scratch\nADD https://dl.example.com/tool-linux-armhf /tool\n",
  ],
  good: [
    "FROM debian:12\nARG TARGETARCH\nRUN curl -fsSL https://dl.example.com/v1/tool-linux-${TARGETARCH} -o /usr/local/bin/tool\n",
    'FROM debian:12\nRUN if [ "$(uname -m)" = x86_64 ]; then curl -fsSLO https://dl.example.com/tool-x86_64.tgz; else curl -fsSLO https://dl.example.com/tool-aarch64.tgz; fi\n',
    "FROM debian:12\nRUN curl -fsSLO https://dl.example.com/app-x86_64.jar\n",
  ],
  mentions: mayNameArch,
  check: (model, report) =>
    reportForeign(
      model,
      "hardcoded-arch-download",
      report,
      (name) => `This file is for ${name.text} on every target.`,
    ),
};
