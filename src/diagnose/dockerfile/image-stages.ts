import type { DockerfileModel, StageFacts } from "./model.ts";

/** Stages that nobody ships: they are the last thing that a test or a developer builds. */
const helpers =
  /(?:^|[-_.])(?:smoke|tests?|testing|unit|lint(?:er)?|check|verify|validate|vet|ci|e2e|bench|coverage|dev|devel|develop(?:ment)?|debug|shell|workbench|tools?|docs?|generate|gen|update|format|fmt|vendor|artifacts?|binar(?:y|ies)|export)(?:$|[-_.])/;

/** An image that somebody runs, not the last thing that a test or a developer builds. */
export function isShippedImage(model: DockerfileModel, index: number): boolean {
  const facts = model.stages[index];
  if (facts === undefined || !facts.isImage || helpers.test(facts.stage.name ?? "")) return false;
  return facts.follows !== "build" || !onlyChecks(model, index);
}

/** A compiler's image without a word on how it is started: the build itself is all that is wanted. */
function onlyChecks(model: DockerfileModel, index: number): boolean {
  let at: number | undefined = index;
  let base = "";
  while (at !== undefined) {
    const facts: StageFacts | undefined = model.stages[at];
    if (facts?.stage.instructions.some(({ keyword }) => keyword === "CMD" || keyword === "ENTRYPOINT"))
      return false;
    base = facts?.stage.base ?? "";
    at = facts?.parent;
  }
  const copied = model.copies.some(({ to }) => to === index);
  return (
    !copied &&
    /(?:^|\/)(?:golang|rust|gcc|maven|gradle|buildpack-deps|dotnet\/sdk|haskell|swift)(?::|$)/.test(base)
  );
}

/**
 * Tells lines of stages that nothing ships: neither the result nor another image takes them, and they are there for
 * tests and developers. A stage that FROM may pick by an argument isn't one of them.
 */
export function idleLines(model: DockerfileModel): (line: number) => boolean {
  const picked = model.stages.some(({ stage }) => /\$\{?(?!BUILD|TARGET)/.test(stage.base));
  const idle = picked
    ? []
    : model.stages.filter(({ index, isImage, stage }) => {
        if (isImage || !helpers.test(stage.name ?? "")) return false;
        if (model.views.some(({ flow }) => flow[index]?.needed === true)) return false;
        return !usedByOthers(model, index, new Set());
      });
  const spans = idle.map(({ stage }) => [
    stage.from.line,
    stage.instructions.at(-1)?.endLine ?? stage.from.line,
  ]);
  return (line) => spans.some(([from = 0, to = 0]) => from <= line && line <= to);
}

/** Whether a stage that isn't a helper takes files of this one, or is FROM it. */
function usedByOthers(model: DockerfileModel, index: number, seen: Set<number>): boolean {
  if (seen.has(index)) return false;
  seen.add(index);
  const users = [
    ...model.stages.filter(({ parents }) => parents.includes(index)).map((facts) => facts.index),
    ...model.copies.filter(({ from }) => from === index).map(({ to }) => to),
  ];
  return users.some(
    (user) => !helpers.test(model.stages[user]?.stage.name ?? "") || usedByOthers(model, user, seen),
  );
}
