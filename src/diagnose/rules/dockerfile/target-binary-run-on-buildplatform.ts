import { posix } from "node:path";
import { downloadsOf } from "../../dockerfile/downloads.ts";
import { archsOfUrl } from "../../dockerfile/downloads.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { option, type Use, usesOf, variable } from "../../dockerfile/uses.ts";

export const rule: DockerfileRule = {
  id: "target-binary-run-on-buildplatform",
  severity: "error",
  title: "A program of the target is started in a stage of the build platform",
  why: "It is for another CPU than the machine that builds: exec format error, or emulation by luck.",
  fix: "Start it in a target stage, or fetch a second copy for BUILDARCH as the build tool.",
  bad: [
    "FROM --platform=$BUILDPLATFORM debian:12 AS get\nARG TARGETARCH\nRUN curl -fsSL https://dl.example.com/tool-${TARGETARCH} -o /usr/local/bin/tool && chmod +x /usr/local/bin/tool && tool --version\nFROM debian:12\nCOPY --from=get /usr/local/bin/tool /usr/local/bin/tool\n",
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /out/app . && /out/app --selftest\nFROM debian:12\nCOPY --from=build /out/app /app\n",
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nARG TARGETARCH\nRUN GOARCH=$TARGETARCH go build -o /out/app .\nFROM debian:12\nCOPY --from=build /out/app /app\nRUN /app --selftest\n",
  ],
  check(model, report) {
    const made = new Map<string, string>();
    const key = (use: Use, name: string): string => `${use.facts.index}/${name}`;
    const uses = usesOf(model).filter(
      ({ facts, view }) =>
        facts.follows === "build" && view.scenario.build.architecture !== view.scenario.target.architecture,
    );
    for (const { use, outputs, url, place } of downloadsOf(model)) {
      if (use === undefined || !uses.includes(use)) continue;
      const target = place.view.scenario.target.architecture;
      const archs = new Set(archsOfUrl(url).map(({ arch }) => arch));
      if (!archs.has(target) || archs.has(place.stage.platform.architecture)) continue;
      for (const output of outputs)
        if (!/\.(?:tar|tgz|zip|gz|xz|deb|rpm|bz2)/.test(output))
          made.set(key(use, posix.basename(output)), "fetched");
    }
    for (const use of uses) {
      const output = use.program === "go" && use.args[0] === "build" ? option(use.args, "-o") : undefined;
      if (output !== undefined && variable(use, "GOARCH") === use.view.scenario.target.architecture)
        made.set(key(use, posix.basename(output)), "compiled");
    }
    for (const use of uses) {
      const how = made.get(key(use, use.program));
      if (how !== undefined && use.program !== "go")
        report({
          line: use.line,
          message: `${use.program} was ${how} for the target, and is started on the build machine.`,
        });
    }
  },
};
