import type { CommanderError } from "commander";
import { AnyarchError } from "../index.ts";

/**
 * What commander has to say of a command line as an error like all others: with its code, its hint and, on request,
 * as JSON. `usage` is the line that shows how the command is called ("anyarch inspect <location>").
 */
export function usageError(error: CommanderError, usage: string): AnyarchError {
  const [first = "", ...others] = error.message.split("\n");
  const what = inOurWords(first.replace(/^error: /, "").replace(/\.$/, ""));
  const suggestion = /\((Did you mean .*)\)/.exec(others.join(" "))?.[1];
  const name = usage.split(/ [[<]/, 1)[0] ?? "anyarch";
  return new AnyarchError("USAGE", `${what.charAt(0).toUpperCase()}${what.slice(1)}.`, {
    hint: [
      ...(suggestion === undefined ? [] : [suggestion]),
      `Usage: ${usage}`,
      `${name} --help lists ${name === "anyarch" ? "the commands" : "all options"}.`,
    ].join("\n"),
    cause: error,
  });
}

function inOurWords(text: string): string {
  const option = /^option '(?:-\w, )?(--[\w-]+) <(.+)>' argument (?:missing|'(.*)' is invalid\. (.*))$/s.exec(
    text,
  );
  if (option === null) return text;
  const [, flag = "", placeholder = "", value, why = ""] = option;
  if (value === undefined) return `${flag} lacks its value: ${flag} <${placeholder}>`;
  return `${flag} ${JSON.stringify(value)} is wrong: ${why}`;
}
