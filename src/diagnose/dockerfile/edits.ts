import { declaredArguments } from "../../dockerfile/arguments.ts";
import type { DockerfileModel, StageFacts } from "./model.ts";
import type { LineEdit } from "./rule.ts";

/** Replaces what `pattern` finds in a source line; nothing where it isn't there. */
export function replaceOnLine(
  model: DockerfileModel,
  line: number,
  pattern: RegExp,
  by: string,
): readonly LineEdit[] {
  const source = model.lines[line - 1] ?? "";
  const text = source.replace(pattern, () => by);
  return text === source ? [] : [{ line, endLine: line, text }];
}

/** An ARG right after the stage's FROM, where the stage has none before `line`. */
export function declare(facts: StageFacts, name: string, line: number): readonly LineEdit[] {
  const declared = facts.stage.instructions.some(
    (instruction) =>
      instruction.keyword === "ARG" &&
      instruction.line < line &&
      declaredArguments(instruction).some((each) => each.name === name),
  );
  const { endLine } = facts.stage.from;
  return declared ? [] : [{ line: endLine + 1, endLine, text: `ARG ${name}` }];
}

/** Both, where the first does anything. */
export function replaceWithTarget(
  model: DockerfileModel,
  facts: StageFacts,
  line: number,
  pattern: RegExp,
  by: string,
): { readonly edits?: readonly LineEdit[] } {
  const replaced = replaceOnLine(model, line, pattern, by);
  return replaced.length === 0 ? {} : { edits: [...replaced, ...declare(facts, "TARGETARCH", line)] };
}
