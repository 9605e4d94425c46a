import { builtinNames, declaredArguments } from "../../../dockerfile/arguments.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "targetarch-default-overrides-builtin",
  severity: "error",
  title: "A built-in platform argument is given a default",
  why: "The default wins over what BuildKit would fill in: every target gets this value.",
  fix: "Declare it without a default; for builders without BuildKit write ${TARGETARCH:-amd64} where it is used.",
  bad: [
    "FROM debian:12\nARG TARGETARCH=amd64\nRUN echo $TARGETARCH\n",
    "ARG TARGETPLATFORM=linux/amd64\nFROM --platform=$TARGETPLATFORM debian:12\n",
  ],
  good: ["FROM debian:12\nARG TARGETARCH\nRUN echo ${TARGETARCH:-amd64}\n"],
  references: ["https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope"],
  mentions: /(?:TARGET|BUILD)(?:ARCH|PLATFORM|OS|VARIANT)/,
  check(model, report) {
    const all = [
      ...model.dockerfile.globalArgs,
      ...model.dockerfile.stages.flatMap(({ instructions }) => instructions),
    ];
    for (const instruction of all) {
      if (instruction.keyword !== "ARG") continue;
      const declared = declaredArguments(instruction).find(
        ({ name, value }) =>
          builtinNames.includes(name) &&
          value !== undefined &&
          !isHarmless(name, value) &&
          !refersToItself(name, value),
      );
      if (declared === undefined) continue;
      report({
        line: instruction.line,
        message: `${declared.name} is ${declared.value ?? ""} for every target: the default wins over BuildKit's own value.`,
      });
    }
  },
};

/** `ARG TARGETARCH=${TARGETARCH}` takes the built-in value. */
function refersToItself(name: string, value: string): boolean {
  return new RegExp(`\\$\\{?${name}\\b`).test(value);
}

/** Every target of Linux images has this value anyway. */
function isHarmless(name: string, value: string): boolean {
  return name.endsWith("OS") && value.replaceAll(/["']/g, "") === "linux";
}
