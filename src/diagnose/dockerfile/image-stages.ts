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
