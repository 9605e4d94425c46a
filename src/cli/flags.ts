import { InvalidArgumentError } from "commander";
import { AnyarchError, type ApiSettings } from "../index.ts";
import type { CommandIO } from "./commands.ts";
import { type ProgressMode, progressModes } from "./render/renderer.ts";

/** Gathers a repeatable flag. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** Gathers KEY=VALUE; a bare KEY takes the value that it has here, as docker does. */
export function keyValue(
  text: string,
  previous: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const equals = text.indexOf("=");
  const key = equals < 0 ? text : text.slice(0, equals);
  if (key === "") throw new InvalidArgumentError("it must be KEY=VALUE.");
  const value = equals < 0 ? process.env[key] : text.slice(equals + 1);
  if (value === undefined)
    throw new InvalidArgumentError(`${key} has no value, neither here nor in the environment.`);
  return { ...previous, [key]: value };
}

/** Digits alone: "4". */
export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("it must be a whole number.");
  return Number(text);
}

/** For --jobs. */
export function countFromOne(text: string): number {
  const count = wholeNumber(text);
  if (count < 1) throw new InvalidArgumentError("it must be a whole number from 1 up.");
  return count;
}

export interface OutputFlags {
  readonly format: "text" | "json";
  readonly mode: ProgressMode;
  readonly verbose: boolean;
  readonly quiet: boolean;
}

/** The modes of --color; the terminal has read it already. */
const colorModes: readonly unknown[] = ["auto", "always", "never"];

/** Reads the flags that every command has. Throws USAGE. */
export function outputFlags(flags: Readonly<Record<string, unknown>>): OutputFlags {
  const format = flags["format"];
  if (format !== "text" && format !== "json") {
    throw new AnyarchError("USAGE", `--format is "${String(format)}", not text or json.`);
  }
  const progress = flags["progress"] === false ? "quiet" : flags["progress"];
  const mode = progressModes.find((candidate) => candidate === progress);
  if (mode === undefined) {
    throw new AnyarchError(
      "USAGE",
      `--progress is "${String(flags["progress"])}", not one of ${progressModes.join(", ")}.`,
    );
  }
  if (!colorModes.includes(flags["color"])) {
    throw new AnyarchError(
      "USAGE",
      `--color is "${String(flags["color"])}", not one of ${colorModes.join(", ")}.`,
    );
  }
  const quiet = flags["quiet"] === true;
  return { format, mode: quiet ? "quiet" : mode, verbose: flags["verbose"] === true, quiet };
}

/** --username with --password-stdin; a password never stands on the command line, where others could read it. */
export async function credentialFlags(
  flags: Readonly<Record<string, unknown>>,
  io: CommandIO,
): Promise<Pick<ApiSettings, "credentials">> {
  const { username, passwordStdin } = flags;
  if (username === undefined && passwordStdin === undefined) return {};
  if (typeof username !== "string" || passwordStdin !== true) {
    throw new AnyarchError("USAGE", "--username and --password-stdin belong together.", {
      hint: 'echo "$TOKEN" | anyarch build … --username NAME --password-stdin',
    });
  }
  const password = (await io.readStdin()).replace(/\r?\n$/, "");
  if (password === "") throw new AnyarchError("USAGE", "--password-stdin found nothing on standard input.");
  return { credentials: { username, password } };
}
