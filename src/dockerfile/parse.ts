import { AnyarchError } from "../errors/error.ts";
import type { Dockerfile, Heredoc, Instruction, Stage } from "./dockerfile.ts";
import { heredocStarts, rawWords, readFlags, readHeredoc } from "./instruction-words.ts";
import { type LineReader, type LogicalLine, readLines } from "./logical-lines.ts";

const keywords = new Set([
  "ADD",
  "ARG",
  "CMD",
  "COPY",
  "ENTRYPOINT",
  "ENV",
  "EXPOSE",
  "FROM",
  "HEALTHCHECK",
  "LABEL",
  "MAINTAINER",
  "ONBUILD",
  "RUN",
  "SHELL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
]);

const withHeredocs = new Set(["ADD", "COPY", "RUN"]);

function fail(line: number, why: string): never {
  throw new AnyarchError("DOCKERFILE_INVALID", `Line ${line}: ${why}.`, { details: { line } });
}

/**
 * Parses a Dockerfile as BuildKit's frontend does: parser directives, continuations with comments and empty lines
 * within, here-documents, CRLF and a byte order mark. Throws DOCKERFILE_INVALID that names the line.
 */
export function parseDockerfile(text: string): Dockerfile {
  const reader = readLines(text, fail);
  const globalArgs: Instruction[] = [];
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    const instruction = readInstruction(line, reader);
    if (instruction.keyword === "FROM") stages.push(stageOf(instruction, stages.length, reader.escape));
    else if (stages.length > 0) stages.at(-1)?.instructions.push(instruction);
    else if (instruction.keyword === "ARG") globalArgs.push(instruction);
    else fail(instruction.line, `${instruction.keyword} stands before the first FROM`);
  }
  if (stages.length === 0) fail(Math.max(1, reader.line), "there is no FROM");
  return { directives: reader.directives, globalArgs, stages };
}

function readInstruction(logical: LogicalLine, reader: LineReader): Instruction {
  const { text: all, line } = logical;
  const match = /^\s*(\S+)\s*/.exec(all);
  const keyword = (match?.[1] ?? "").toUpperCase();
  if (!keywords.has(keyword)) fail(line, `"${match?.[1] ?? ""}" is no instruction`);
  const after = match?.[0].length ?? 0;
  const { flags, rest } = readFlags(all.slice(after), reader.escape);
  const offset = after + rest;
  const text = all.slice(offset).trimEnd();
  const heredocs = heredocsOf(keyword, text, line, reader);
  checkArguments(keyword, text, line, reader.escape);
  // The part that `offset` lies in and those after it.
  const starts = logical.starts
    .filter((_, index) => (logical.starts[index + 1]?.at ?? Infinity) > offset)
    .map((start) => ({ at: Math.max(0, start.at - offset), line: start.line }));
  return {
    keyword,
    text,
    flags,
    heredocs,
    ...(logical.starts.length > 1 && { lineStarts: starts }),
    line,
    endLine: reader.line,
  };
}

/** Where arguments are missing. BuildKit takes an empty RUN. */
function checkArguments(keyword: string, text: string, line: number, escape: string): void {
  if (text === "" && keyword !== "RUN") fail(line, `${keyword} has no argument`);
  if (keyword === "COPY" || keyword === "ADD") {
    const words = execForm(text) ?? rawWords(text, escape);
    if (words.length < 2) fail(line, `${keyword} needs a source and a destination`);
    if (heredocStarts(words.at(-1) ?? "").length > 0)
      fail(line, `${keyword} can't have a here-document as its destination`);
  }
  if (keyword === "ONBUILD" && /^(?:ONBUILD|FROM|MAINTAINER)\b/i.test(text))
    fail(line, `ONBUILD can't have ${text.split(/\s/, 1)[0]?.toUpperCase()}`);
  if (keyword === "ARG" && rawWords(text, escape).some((word) => word.startsWith("=")))
    fail(line, "an ARG has no name");
}

function heredocsOf(keyword: string, text: string, line: number, reader: LineReader): Heredoc[] {
  let command = keyword;
  let rest = text;
  if (keyword === "ONBUILD") {
    command = /^\S+/.exec(text)?.[0].toUpperCase() ?? "";
    rest = text.slice(command.length);
  }
  if (!withHeredocs.has(command) || isJson(rest)) return [];
  return heredocStarts(rest).map(
    (start) => readHeredoc(start, reader) ?? fail(line, `the here-document <<${start.name} has no end`),
  );
}

/** Whether an instruction has the exec form: a JSON array of strings. */
function isJson(text: string): boolean {
  return execForm(text) !== undefined;
}

/** The words of the exec form `["a", "b"]`; undefined for the shell form. */
export function execForm(text: string): readonly string[] | undefined {
  if (!text.trimStart().startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word) => typeof word === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}

function stageOf(
  from: Instruction,
  index: number,
  escape: string,
): Stage & { readonly instructions: Instruction[] } {
  const words = rawWords(from.text, escape);
  const [base = "", as, name] = words;
  if (words.length !== 1 && (words.length !== 3 || as?.toLowerCase() !== "as")) {
    fail(from.line, "FROM takes an image, or an image AS a name");
  }
  if (name !== undefined && !/^[a-z][a-z0-9\-_.]*$/i.test(name)) {
    fail(from.line, `"${name}" can't be the name of a stage`);
  }
  const unknown = from.flags.find((flag) => flag.name !== "platform");
  if (unknown !== undefined) fail(from.line, `FROM has no flag --${unknown.name}`);
  const platform = from.flags.find((flag) => flag.name === "platform")?.value;
  return {
    index,
    ...(name !== undefined && { name: name.toLowerCase() }),
    base,
    ...(platform !== undefined && { platform }),
    from,
    instructions: [],
  };
}
