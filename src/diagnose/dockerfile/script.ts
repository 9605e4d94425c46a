import type { Instruction } from "../../dockerfile/dockerfile.ts";
import { heredocStarts } from "../../dockerfile/instruction-words.ts";
import { execForm } from "../../dockerfile/parse.ts";
import { parseShell } from "../shell/parse.ts";
import type { List } from "../shell/syntax.ts";

/** The shell script of a RUN instruction. */
export interface Script {
  readonly list: List;
  readonly text: string;
  /** Source line of an offset. */
  lineOf(offset: number): number;
}

/** The source line of an offset in an instruction's text. */
export function lineInText(instruction: Instruction, offset: number): number {
  let line = instruction.line;
  for (const start of instruction.lineStarts ?? []) {
    if (start.at > offset) break;
    ({ line } = start);
  }
  return line;
}

const shells = /^(?:\/(?:usr\/)?bin\/(?:env )?)?(?:ba|da|a|z|k)?sh(?:\s+-[\w-]+|\s+-o\s+\w+)*$/;

/** Reads the script of a RUN; undefined where it isn't for a POSIX shell. */
export function scriptOf(instruction: Instruction): Script | undefined {
  const { text, heredocs } = instruction;
  const words = execForm(text);
  if (words !== undefined) {
    const quoted = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
    return { list: parseShell(quoted), text: quoted, lineOf: () => instruction.line };
  }
  const [only] = heredocs;
  const [start] = heredocStarts(text);
  if (only !== undefined && start !== undefined && heredocs.length === 1) {
    const rest = text.replace(/^\d*<<-?\S+\s*|\s*\d*<<-?\S+$/, "").trim();
    if (rest === "" || shells.test(rest)) return bodyScript(only.body, only.line ?? instruction.line);
    if (/^(?:\/\S+\/)?(?:python|node|perl|ruby|php)\S*$/.test(rest)) return undefined;
  }
  const bodies = heredocs.map(({ name, body }) => `${body}${name}\n`);
  const all = heredocs.length === 0 ? text : `${text}\n${bodies.join("")}`;
  const lineOf = (offset: number): number => {
    if (offset <= text.length) return lineInText(instruction, offset);
    const line = heredocs[0]?.line ?? instruction.line;
    return line + newlines(all, text.length + 1, offset);
  };
  return { list: parseShell(all), text: all, lineOf };
}

function bodyScript(body: string, line: number): Script {
  const interpreter = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(body);
  const program = interpreter?.[1]?.endsWith("/env") === true ? interpreter[2] : interpreter?.[1];
  const list: List =
    program === undefined || /(?:^|\/)(?:ba|da|a|z|k)?sh$/.test(program)
      ? parseShell(body)
      : { kind: "list", items: [] };
  return { list, text: body, lineOf: (offset) => line + newlines(body, 0, offset) };
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) count++;
  return count;
}
