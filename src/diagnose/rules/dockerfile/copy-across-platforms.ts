import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "copy-across-platforms",
  severity: "info",
  title: "A program is copied between stages of different platforms",
  why: "It is of the one platform and lies in a file system of the other: it doesn't start there.",
  fix: "Make sure that it isn't started there, or give both stages the same platform.",
  bad: [
    "FROM debian:12 AS tools\nFROM --platform=$BUILDPLATFORM debian:12 AS build\nCOPY --from=tools /usr/bin/jq /usr/bin/jq\nRUN jq . a.json > /b.json\nFROM debian:12\nCOPY --from=build /b.json /b.json\n",
  ],
  good: ["FROM debian:12 AS tools\nFROM debian:12\nCOPY --from=tools /usr/bin/jq /usr/bin/jq\n"],
  mentions: /--platform/,
  check(model, report) {
    for (const { instruction, from, to, sources } of model.copies) {
      if (from === undefined) continue;
      const [source, target] = [model.stages[from], model.stages[to]];
      if (source === undefined || target === undefined || source.follows === target.follows) continue;
      if (!sources.some((path) => /\/s?bin\/[\w.-]+$|\/lib(?:64)?\//.test(path))) continue;
      report({
        line: instruction.line,
        message: `${source.name} and this stage are for different platforms.`,
      });
    }
  },
};
