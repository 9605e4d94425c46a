import { downloadFlow } from "../../dockerfile/file-flow.ts";
import { downloadsOf } from "../../dockerfile/downloads.ts";
import type { DockerfileModel } from "../../dockerfile/model.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { copiesFrom, copiesOf } from "../../dockerfile/shipped.ts";
import { lineAt, lineOfText, lineOfWord, placesOf, type Use, usesOf } from "../../dockerfile/uses.ts";

const build = /\$\{?BUILD(?:ARCH|PLATFORM|VARIANT)\b/;

export const rule: DockerfileRule = {
  id: "buildarch-used-for-target",
  severity: "error",
  title: "The build machine's architecture picks a file of the image",
  why: "BUILDARCH and BUILDPLATFORM name the machine that builds: an image for another target gets that machine's file.",
  fix: "Use TARGETARCH or TARGETPLATFORM; keep BUILDARCH for tools that run during the build.",
  bad: [
    "FROM debian:12\nARG BUILDARCH\nRUN curl -fsSL https://dl.example.com/tool-${BUILDARCH} -o /usr/bin/tool\n",
    "FROM debian:12\nARG BUILDARCH\nCOPY dist/${BUILDARCH}/app /app\n",
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS b\nARG BUILDARCH\nRUN GOARCH=$BUILDARCH go build -o /app\nFROM debian:12\nCOPY --from=b /app /app\n",
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS b\nARG BUILDARCH TARGETARCH\nRUN curl -fsSL https://dl.example.com/protoc-${BUILDARCH} -o /usr/bin/protoc\nRUN GOARCH=$TARGETARCH go build -o /app\nFROM debian:12\nCOPY --from=b /app /app\n",
    "FROM debian:12\nARG BUILDPLATFORM\nRUN echo built on $BUILDPLATFORM\n",
  ],
  mentions: /BUILD(?:ARCH|PLATFORM|VARIANT)/,
  check(model, report) {
    const message = "This names the machine that builds, not the target.";
    for (const use of usesOf(model)) {
      const { command, variables } = use.executed;
      const assigned = command.assignments.find(
        ({ name, value }) => name === "GOARCH" && build.test(value.raw),
      );
      if (assigned !== undefined && variables.has("GOARCH"))
        report({ line: lineAt(use, assigned.at), message });
      else if (isFileOfImage(model, use) || isPublished(use))
        report({ line: lineOfChoice(model, use), message });
    }
    for (const { instruction, facts } of placesOf(model)) {
      if (
        !/^(?:COPY|ADD|ENV)$/.test(instruction.keyword) ||
        !build.test(instruction.text) ||
        (facts.follows === "build" && !/\bGOARCH[= ]|CARGO_BUILD_TARGET/.test(instruction.text))
      )
        continue;
      report({ line: lineOfText(instruction, build), message });
    }
  },
};

/** `dotnet publish -a $BUILDARCH`, `cargo build --target` by it. */
function isPublished({ program, args, executed, model, facts }: Use): boolean {
  if (!/^(?:dotnet|cargo)$/.test(program) || !/^(?:publish|build|install)$/.test(args[0] ?? "")) return false;
  return (
    executed.command.words.some(({ raw }) => build.test(raw)) &&
    (facts.ships || copiesFrom(model, facts.index).length > 0)
  );
}

/** The word that names the build machine; where the command has it from a variable, where the script asks. */
function lineOfChoice(model: DockerfileModel, use: Use): number {
  const { executed, instruction } = use;
  const at = model.script(instruction)?.text.search(build) ?? -1;
  const here = executed.command.words.some(({ raw }) => build.test(raw));
  return here || at < 0 ? lineOfWord(use, build) : lineAt(use, at);
}

/** Whether a download that BUILDARCH chose, directly or through a variable, ends in an image. */
function isFileOfImage(model: DockerfileModel, use: Use): boolean {
  const { facts, executed, instruction } = use;
  const script = model.script(instruction)?.text ?? "";
  if (!build.test(script) && !build.test(executed.command.words.map(({ raw }) => raw).join(" ")))
    return false;
  const mine = downloadsOf(model).filter((each) => each.use?.executed === executed);
  if (mine.length === 0) return false;
  const words = executed.command.words.map(({ raw }) => raw).join(" ");
  const chosen =
    build.test(words) ||
    dependsOnBuild(
      model,
      use,
      mine.map(({ url }) => url),
    );
  if (!chosen) return false;
  if (facts.follows !== "build") return true;
  const flow = downloadFlow(model, use.view, facts.index);
  return mine.some((download) =>
    [...download.outputs, ...flow.placesOf(download)].some(
      (path) => copiesOf(model, facts.index, path).length > 0,
    ),
  );
}

/** The same command fetches something else from another build machine. */
function dependsOnBuild(model: DockerfileModel, use: Use, urls: readonly string[]): boolean {
  const { target } = use.view.scenario;
  const others = downloadsOf(model).filter(
    ({ place, use: other }) =>
      place.view !== use.view &&
      place.view.scenario.target.architecture === target.architecture &&
      other?.executed.command === use.executed.command,
  );
  return others.length > 0 && others.every(({ url }) => !urls.includes(url));
}
