import { downloadFlow } from "../../dockerfile/file-flow.ts";
import { asksForArchitecture } from "../../shell/known-output.ts";
import { downloadsOf } from "../../dockerfile/downloads.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { copiesOf, isAlternative, reachesImage } from "../../dockerfile/shipped.ts";
import { type Use, usesOf, variable } from "../../dockerfile/uses.ts";

/** Go's own answer is the machine's where GOARCH isn't set. */
function asks(use: Use): boolean {
  if (use.program === "go" && use.args[0] === "env" && /^GO(?:HOST)?ARCH$/.test(use.args[1] ?? ""))
    return variable(use, "GOARCH") === undefined;
  return asksForArchitecture([use.program, ...use.args]);
}

export const rule: DockerfileRule = {
  id: "uname-in-buildplatform-stage",
  severity: "warning",
  title: "The machine is asked for the architecture in a stage of the build platform",
  why: "The answer is the machine that builds, not the target: files chosen by it are the builder's.",
  fix: "Use TARGETARCH there; uname is right in target-platform stages and for tools that run during the build.",
  bad: [
    "FROM --platform=$BUILDPLATFORM debian:12 AS get\nRUN curl -fsSL https://dl.example.com/tool-$(uname -m) -o /tool\nFROM debian:12\nCOPY --from=get /tool /usr/bin/tool\n",
  ],
  good: [
    "FROM debian:12\nRUN curl -fsSL https://dl.example.com/tool-$(uname -m) -o /usr/bin/tool\n",
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nARG TARGETARCH\nRUN curl -fsSL https://dl.example.com/protoc-$(uname -m).zip -o /protoc.zip && GOARCH=$TARGETARCH go build -o /app\nFROM debian:12\nCOPY --from=build /app /app\n",
  ],
  mentions: /BUILD(?:ARCH|PLATFORM|OS)/,
  check(model, report) {
    const downloads = downloadsOf(model);
    for (const use of usesOf(model)) {
      const { facts, executed, instruction } = use;
      if (facts.follows !== "build" || !asks(use)) continue;
      if (!reachesImage(model, facts.index)) continue;
      // A tool of the build itself: what is fetched here isn't copied out.
      const fetched = downloads.filter(
        ({ place }) => place.instruction === instruction && place.view === use.view,
      );
      const flow = downloadFlow(model, use.view, facts.index);
      const paths = fetched.map((download) => [...flow.placesOf(download)]);
      const unshipped =
        fetched.length > 0 &&
        paths.every((places) => places.length > 0) &&
        !facts.ships &&
        !isAlternative(model, facts.index) &&
        paths.flat().every((path) => copiesOf(model, facts.index, path).length === 0);
      if (unshipped) continue;
      report({ line: use.line, message: `${executed.argv.join(" ")} answers for the build machine here.` });
    }
  },
};
