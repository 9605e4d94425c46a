import { execForm } from "../../dockerfile/parse.ts";
import type { DockerfileModel } from "./model.ts";
import { envPairs } from "./stage-view.ts";
import { isNative, lineAt, lineOfText, type Place, placesOf, type Use, usesOf } from "./uses.ts";

/** A piece of text as it works out in one scenario: a word of a command, a value, a path. */
export interface Text {
  readonly place: Place;
  /** Of RUN. */
  readonly use?: Use;
  readonly text: string;
  /** Of ENV and of assignments: the variable. */
  readonly name?: string;
  readonly line: number;
  /** What kind of place it stands in. */
  readonly in: "command" | "assignment" | "env" | "copy" | "other";
}

const known = new WeakMap<DockerfileModel, readonly Text[]>();

/** Every text of native scenarios: what names a foreign architecture there is written out. */
export function textsOf(model: DockerfileModel): readonly Text[] {
  const found = known.get(model);
  if (found !== undefined) return found;
  const texts = [
    ...placesOf(model)
      .filter(({ view }) => isNative(view))
      .flatMap(ofInstruction),
    ...usesOf(model)
      .filter(({ view }) => isNative(view))
      .flatMap(ofCommand),
  ];
  known.set(model, texts);
  return texts;
}

function ofInstruction(place: Place): Text[] {
  const { keyword } = place.instruction;
  if (keyword === "RUN" || keyword === "ARG") return [];
  if (keyword === "ENV") {
    return envPairs(place.instruction).map(({ name }, index) => ({
      place,
      text: place.at.words[index] ?? "",
      name,
      line: lineOfText(place.instruction, new RegExp(`(?:^|\\s)${name.replaceAll(/\W/g, ".")}[= ]`)),
      in: "env" as const,
    }));
  }
  const kind = keyword === "COPY" || keyword === "ADD" ? "copy" : "other";
  if (keyword === "LABEL" || keyword === "MAINTAINER") return [];
  const started = /^(?:CMD|ENTRYPOINT)$/.test(keyword) ? execForm(place.instruction.text) : undefined;
  return (started ?? place.at.words).map((text) => ({
    place,
    text,
    line: lineOfPlain(place, text),
    in: kind,
  }));
}

function lineOfPlain({ instruction }: Place, text: string): number {
  const at = instruction.text.indexOf(text);
  return at < 0
    ? instruction.line
    : lineOfText(instruction, new RegExp(text.slice(0, 40).replaceAll(/[^\w/-]/g, ".")));
}

function ofCommand(use: Use): Text[] {
  const { executed } = use;
  const { command, at } = executed;
  const direct = at === command.at;
  const words = executed.argv.map((text, index): Text => {
    const word = direct && command.words.length === executed.argv.length ? command.words[index] : undefined;
    return {
      place: use,
      use,
      text,
      line: word === undefined ? use.line : lineAt(use, word.at),
      in: "command",
    };
  });
  const assigned = command.assignments.map(({ name, at: where }): Text => {
    const text = executed.variables.get(name) ?? "";
    return { place: use, use, text, name, line: direct ? lineAt(use, where) : use.line, in: "assignment" };
  });
  const outputs = executed.outputs.map((text): Text => ({
    place: use,
    use,
    text,
    line: use.line,
    in: "command",
  }));
  return [...words, ...assigned, ...outputs];
}
