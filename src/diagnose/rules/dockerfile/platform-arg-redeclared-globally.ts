import { builtinNames, declaredArguments } from "../../../dockerfile/arguments.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "platform-arg-redeclared-globally",
  severity: "info",
  title: "A built-in platform argument is declared before the first FROM",
  why: "FROM lines see it without; stages don't see it although it stands there.",
  fix: "Remove the global line, and declare it inside the stages that use it.",
  bad: ["ARG TARGETARCH\nFROM debian:12\n"],
  good: ["FROM debian:12\nARG TARGETARCH\nRUN echo $TARGETARCH\n"],
  references: ["https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope"],
  mentions: /(?:TARGET|BUILD)(?:ARCH|PLATFORM|OS|VARIANT)/,
  check(model, report) {
    for (const instruction of model.dockerfile.globalArgs) {
      const name = declaredArguments(instruction).find(
        (each) => builtinNames.includes(each.name) && each.value === undefined,
      )?.name;
      if (name !== undefined)
        report({
          line: instruction.line,
          message: `FROM lines see ${name} anyway, and stages don't see this line.`,
        });
    }
  },
};
