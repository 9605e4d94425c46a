import { stageIndex } from "../../dockerfile/flow.ts";
import type { DockerfileModel, ScenarioView, StageFacts } from "./model.ts";
import { isNative } from "./uses.ts";

/** A stage's FROM that is an image and not a stage, in one scenario. */
export interface BaseUse {
  readonly facts: StageFacts;
  readonly view: ScenarioView;
  /** Expanded. */
  readonly image: string;
  readonly written: string;
  /** Of the platform that the stage has. */
  readonly architecture: string;
  readonly native: boolean;
}

export function basesOf(model: DockerfileModel): BaseUse[] {
  return model.views.flatMap((view) =>
    view.stages.flatMap((stage, index): BaseUse[] => {
      const facts = model.stages[index];
      if (stage === undefined || facts === undefined || stage.base === "") return [];
      const { base: written } = facts.stage;
      const isStage =
        stageIndex(model.dockerfile, stage.base, index) !== undefined && !/^\d+$/.test(stage.base);
      if (isStage || stage.base === "scratch") return [];
      const { architecture } = stage.platform;
      if (facts.onlyFor !== undefined && !facts.onlyFor.has(view.scenario.target.architecture)) return [];
      return [{ facts, view, image: stage.base, written, architecture, native: isNative(view) }];
    }),
  );
}
