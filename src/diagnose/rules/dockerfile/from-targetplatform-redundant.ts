import { stageIndex } from "../../../dockerfile/flow.ts";
import type { DockerfileRule } from "../../dockerfile/rule.ts";

export const rule: DockerfileRule = {
  id: "from-targetplatform-redundant",
  severity: "info",
  title: "FROM states the platform that it has anyway",
  why: "Stages are for the target's platform unless they say otherwise; on a stage that is FROM another stage --platform is ignored.",
  fix: "Delete the option; BuildKit reports it as RedundantTargetPlatform.",
  bad: ["FROM --platform=$TARGETPLATFORM python:3.12-slim\n"],
  good: [
    "FROM python:3.12-slim\n",
    "FROM --platform=$BUILDPLATFORM python:3.12-slim AS b\nFROM python:3.12-slim\n",
  ],
  references: ["https://docs.docker.com/reference/build-checks/redundant-target-platform/"],
  check(model, report) {
    for (const { stage, index } of model.stages) {
      const written = /^\$\{?TARGETPLATFORM\}?$/.test(stage.platform ?? "");
      const onStage =
        stageIndex(model.dockerfile, stage.base, index) !== undefined && !/^\d+$/.test(stage.base);
      if (!written && !(onStage && stage.platform !== undefined)) continue;
      const { line } = stage.from;
      const source = model.lines[line - 1] ?? "";
      const text = source.replace(/\s+--platform=\S+/, "");
      report({
        line,
        message: onStage
          ? `--platform is ignored here: the stage has the platform of ${stage.base}.`
          : "--platform=$TARGETPLATFORM is the default.",
        ...(text !== source && { edits: [{ line, endLine: line, text }] }),
      });
    }
  },
};
