import { replaceWithTarget } from "../../dockerfile/edits.ts";
import { isKnown } from "../../shell/unknown.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";
import { reachesImage } from "../../dockerfile/shipped.ts";
import { textsOf } from "../../dockerfile/texts.ts";

const neutral = new Set(["wasm", "js"]);

export const rule: DockerfileRule = {
  id: "hardcoded-goarch",
  severity: "error",
  title: "GOARCH is a constant",
  why: "The program is compiled for this one architecture, whatever the image is for.",
  fix: "FROM --platform=$BUILDPLATFORM golang, then ARG TARGETOS TARGETARCH and GOOS=$TARGETOS GOARCH=$TARGETARCH (GOARM from TARGETVARIANT).",
  bad: [
    "FROM golang:1.22 AS build\nRUN CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\n",
    "FROM golang:1.22\nENV GOARCH=amd64\nRUN go build -o /app .\n",
  ],
  good: [
    "FROM --platform=$BUILDPLATFORM golang:1.22 AS build\nARG TARGETOS TARGETARCH\nRUN GOOS=$TARGETOS GOARCH=$TARGETARCH go build -o /app .\nFROM scratch\nCOPY --from=build /app /app\n",
    "FROM golang:1.22\nRUN GOOS=js GOARCH=wasm go build -o /app.wasm .\n",
  ],
  mentions: /GOARCH/,
  check(model, report) {
    const values = new Map<number, Set<string>>();
    const found: { line: number; value: string; place: Place; architecture: string }[] = [];
    for (const { text, name, line, place, use } of textsOf(model)) {
      const value =
        name === "GOARCH" ? written(place, text, use) : /^(?:-e|-w)?GOARCH=(\w+)$/.exec(text)?.[1];
      if (value === undefined || !/^\w+$/.test(value) || neutral.has(value)) continue;
      // Programs for other systems aren't for the image.
      const system = use === undefined ? undefined : variable(use, "GOOS");
      if (system !== undefined && isKnown(system) && system !== "" && system !== "linux") continue;
      const stage = place.facts.index;
      values.set(stage, (values.get(stage) ?? new Set()).add(value));
      const { architecture } = place.view.scenario.target;
      if (value !== architecture && reachesImage(model, stage))
        found.push({ line, value, place, architecture });
    }
    for (const { line, value, place, architecture } of found) {
      const stage = place.facts.index;
      // Programs for several architectures are compiled side by side: one is chosen later.
      if ((values.get(stage)?.size ?? 0) > 1 && values.get(stage)?.has(architecture) === true) continue;
      report({
        line,
        message: `GOARCH is ${value} for every target.`,
        architectures: [architecture],
        ...replaceWithTarget(
          model,
          place.facts,
          line,
          /GOARCH=["']?amd64["']?(?![\w])/,
          "GOARCH=$TARGETARCH",
        ),
      });
    }
  },
};

import { type Place, type Use, variable } from "../../dockerfile/uses.ts";
import { envPairs } from "../../dockerfile/stage-view.ts";

/** ENV's own text: its value is not known to what follows, since it names an architecture. */
function written({ instruction }: Place, text: string, use: Use | undefined): string | undefined {
  if (instruction.keyword !== "ENV")
    return use?.executed.command.assignments.some(
      ({ name, value }) => name === "GOARCH" && /[#%]|\$\d/.test(value.raw),
    ) === true
      ? undefined
      : text;
  return envPairs(instruction)
    .find(({ name }) => name === "GOARCH")
    ?.value.includes("$") === true
    ? undefined
    : text;
}
