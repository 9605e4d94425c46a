import { declaredArguments } from "../../../dockerfile/arguments.ts";
import { undeclaredUses } from "../../dockerfile/declarations.ts";
import { declare } from "../../dockerfile/edits.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "platform-arg-not-declared",
  severity: "warning",
  title: "A built-in platform variable is read without being declared",
  why: "BuildKit fills it in only in stages that declare it with ARG; elsewhere it is empty.",
  fix: "Add `ARG NAME` in that stage before its first use.",
  bad: [
    "FROM golang:1.22\nRUN GOOS=$TARGETOS go build\n",
    "FROM debian:12\nRUN curl -fsSLO https://dl.example.com/tool-${TARGETOS}-${TARGETARCH}\n",
  ],
  good: ["FROM golang:1.22\nARG TARGETOS\nRUN GOOS=$TARGETOS go build\n"],
  references: ["https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope"],
  mentions: /(?:TARGET|BUILD)(?:ARCH|PLATFORM|OS|VARIANT)/,
  check(model, report) {
    const declared = new Set(
      [...model.dockerfile.globalArgs, ...model.dockerfile.stages.flatMap(({ instructions }) => instructions)]
        .filter(({ keyword }) => keyword === "ARG")
        .flatMap((instruction) => declaredArguments(instruction).map(({ name }) => name)),
    );
    for (const { name, line, hasDefault, selects, facts, sameOnAmd64 } of undeclaredUses(model)) {
      if (declared.has(name)) continue;
      report({
        line,
        severity: selects && !hasDefault ? "error" : "warning",
        message: `${name} is empty here: no ARG declares it.`,
        ...(sameOnAmd64 && { edits: declare(facts, name, line) }),
      });
    }
  },
};
