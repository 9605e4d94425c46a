import type { Dockerfile, Instruction } from "./dockerfile.ts";
import { readFlags } from "./instruction-words.ts";

/** `ONBUILD RUN …` as the RUN that it is in a build FROM this image; other instructions as they are. */
function unwrapped(instruction: Instruction, escape: string): Instruction {
  if (instruction.keyword !== "ONBUILD") return instruction;
  const match = /^(\S+)\s*/.exec(instruction.text);
  if (match === null) return instruction;
  const after = match[0].length;
  const { flags, rest } = readFlags(instruction.text.slice(after), escape);
  const offset = after + rest;
  const starts = instruction.lineStarts
    ?.filter((_, index, all) => (all[index + 1]?.at ?? Infinity) > offset)
    .map(({ at, line }) => ({ at: Math.max(0, at - offset), line }));
  return {
    ...instruction,
    keyword: (match[1] ?? "").toUpperCase(),
    flags,
    text: instruction.text.slice(offset),
    ...(starts !== undefined && { lineStarts: starts }),
  };
}

/** The file with what ONBUILD wraps in its place: it is judged like the rest, only that a later build runs it. */
export function withoutOnbuild(dockerfile: Dockerfile): Dockerfile {
  const escape = dockerfile.directives["escape"] ?? "\\";
  const stages = dockerfile.stages.map((stage) => ({
    ...stage,
    instructions: stage.instructions.map((instruction) => unwrapped(instruction, escape)),
  }));
  return { ...dockerfile, stages };
}
