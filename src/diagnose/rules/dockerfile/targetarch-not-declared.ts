import { declaredArguments } from "../../../dockerfile/arguments.ts";
import { undeclaredUses, type UndeclaredUse } from "../../dockerfile/declarations.ts";
import { declare } from "../../dockerfile/edits.ts";
import type { DockerfileRule, Severity } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "targetarch-not-declared",
  severity: "error",
  title: "TARGETARCH is read where it is empty",
  why: "An ARG holds in its own stage only; declared before FROM, or in another stage, it is empty here.",
  fix: "Repeat `ARG TARGETARCH` after the FROM of the stage that reads it.",
  bad: [
    "ARG TARGETARCH\nFROM debian:12\nRUN curl -fsSLO https://dl.example.com/tool-linux-${TARGETARCH}\n",
    "FROM golang:1.22 AS build\nARG TARGETARCH\nRUN go build\nFROM debian:12\nCOPY bin/$TARGETARCH/tool /usr/bin/\n",
  ],
  good: [
    "FROM debian:12\nARG TARGETARCH\nRUN curl -fsSLO https://dl.example.com/tool-linux-${TARGETARCH}\n",
    "FROM debian:12\nRUN TARGETARCH=$(dpkg --print-architecture) && curl -fsSLO https://dl.example.com/tool-${TARGETARCH}\n",
  ],
  references: ["https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope"],
  mentions: /(?:TARGET|BUILD)(?:ARCH|PLATFORM|OS|VARIANT)/,
  check(model, report) {
    const elsewhere = new Set(
      [...model.dockerfile.globalArgs, ...model.dockerfile.stages.flatMap(({ instructions }) => instructions)]
        .filter(({ keyword }) => keyword === "ARG")
        .flatMap((instruction) => declaredArguments(instruction).map(({ name }) => name)),
    );
    for (const use of undeclaredUses(model)) {
      if (!elsewhere.has(use.name)) continue;
      report({
        line: use.line,
        severity: severityOf(use),
        message: `${use.name} is empty here: no ARG ${use.name} stands in this stage before.`,
        ...(use.sameOnAmd64 && { edits: declare(use.facts, use.name, use.line) }),
      });
    }
  },
};

function severityOf({ hasDefault, selects }: UndeclaredUse): Severity {
  if (hasDefault) return "warning";
  return selects ? "error" : "info";
}
