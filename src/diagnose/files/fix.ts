import { createTwoFilesPatch } from "diff";
import { parsePlatform, type Platform } from "../../oci/platform.ts";
import { type DockerfileModel, modelOf } from "../dockerfile/model.ts";
import type { LineEdit } from "../dockerfile/rule.ts";
import { asksForArchitecture } from "../shell/known-output.ts";
import { isNative } from "../dockerfile/uses.ts";

/** The platform that Dockerfiles are written on, whose build must stay as it is. */
const home: Platform = parsePlatform("linux/amd64");

/**
 * Applies the edits that leave the file valid and the native build doing what it did: each is tried by itself and
 * left out where that isn't so. Line ends and everything else stay as they are.
 */
export function applyEdits(text: string, edits: readonly (readonly LineEdit[])[]): string {
  let current: readonly LineEdit[] = [];
  const before = meaningOf(text);
  if (before === undefined) return text;
  for (const edit of edits) {
    const next = [...current, ...edit.filter((each) => !current.some((other) => conflicts(each, other)))];
    if (next.length === current.length) continue;
    if (meaningOf(edited(text, next)) === before) current = next;
  }
  return edited(text, current);
}

/** A unified diff with the file's name on both sides. */
export function unifiedDiff(file: string, before: string, after: string): string {
  return createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after, "", "")
    .replace(/^=+\n/, "")
    .replaceAll(/\t$/gm, "");
}

function conflicts(a: LineEdit, b: LineEdit): boolean {
  if (a.endLine < a.line && b.endLine < b.line) return a.line === b.line && a.text === b.text;
  return a.line <= b.endLine && b.line <= a.endLine;
}

function edited(text: string, edits: readonly LineEdit[]): string {
  const lineBreak = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = text.split(lineBreak);
  // From the end, so that numbers stay right; a replacement before an insertion at the same place.
  const order = edits.toSorted((a, b) => b.line - a.line || b.endLine - a.endLine);
  for (const { line, endLine, text: replacement } of order) {
    lines.splice(line - 1, endLine - line + 1, ...(replacement === undefined ? [] : [replacement]));
  }
  return lines.join(lineBreak);
}

/** What the native build does, as text: stages, their bases and platforms, commands and what is copied. */
function meaningOf(text: string): string | undefined {
  let model: DockerfileModel;
  try {
    model = modelOf(text, [home]);
  } catch {
    return undefined;
  }
  const view = model.views.find(isNative);
  return JSON.stringify(
    view?.stages.map((stage) =>
      stage === undefined
        ? []
        : [
            stage.base,
            stage.platform,
            ...stage.instructions
              .filter(({ instruction }) => instruction.keyword !== "ARG")
              .map(({ instruction: { keyword, flags, heredocs }, words, trace }) => [
                keyword,
                flags,
                words,
                trace === undefined
                  ? heredocs
                  : trace.commands
                      .filter(({ wrapper, argv }) => !wrapper && !asksForArchitecture(argv))
                      .map(({ argv, input, outputs, variables, command }) => [
                        argv,
                        input,
                        outputs,
                        command.assignments.map(({ name }) => variables.get(name)),
                      ]),
              ]),
          ],
    ),
  );
}
