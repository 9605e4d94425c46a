import { formatPlatform, normalizePlatform, type Platform } from "../oci/platform.ts";
import type { Dockerfile, Instruction } from "./dockerfile.ts";
import { expandWord, type Variables } from "./expand.ts";
import { rawWords } from "./instruction-words.ts";

/** Names that BuildKit fills in for every build. */
export const builtinNames: readonly string[] = ["BUILD", "TARGET"].flatMap((side) =>
  ["PLATFORM", "OS", "ARCH", "VARIANT", "OSVERSION"].map((part) => `${side}${part}`),
);

/** An argument that an ARG instruction declares. */
export interface DeclaredArgument {
  readonly name: string;
  /** As written, quotes and all; absent without `=`. */
  readonly value?: string;
}

/** What `ARG A B=1` declares. */
export function declaredArguments(instruction: Instruction, escape = "\\"): DeclaredArgument[] {
  return rawWords(instruction.text, escape).map((word) => {
    const equals = word.indexOf("=");
    return equals < 0
      ? { name: unquoted(word) }
      : { name: unquoted(word.slice(0, equals)), value: word.slice(equals + 1) };
  });
}

function unquoted(text: string): string {
  return text.replaceAll(/["']/g, "");
}

function builtins(buildPlatform: Platform, targetPlatform: Platform): Map<string, string> {
  const values = new Map<string, string>();
  for (const [side, given] of [
    ["BUILD", buildPlatform],
    ["TARGET", targetPlatform],
  ] as const) {
    const platform = normalizePlatform(given);
    values.set(`${side}PLATFORM`, formatPlatform(platform));
    values.set(`${side}OS`, platform.os);
    values.set(`${side}OSVERSION`, platform["os.version"] ?? "");
    values.set(`${side}ARCH`, platform.architecture);
    values.set(`${side}VARIANT`, platform.variant ?? "");
  }
  return values;
}

export interface ScopeOptions {
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  readonly buildPlatform: Platform;
  readonly targetPlatform: Platform;
}

/** What FROM lines see: BuildKit's own arguments and the ARGs before the first FROM, `--build-arg` before defaults. */
export function globalVariables(dockerfile: Dockerfile, options: ScopeOptions): Variables {
  const escape = dockerfile.directives["escape"] ?? "\\";
  const given = options.buildArgs ?? {};
  const values = builtins(options.buildPlatform, options.targetPlatform);
  for (const name of values.keys()) if (Object.hasOwn(given, name)) values.set(name, given[name] ?? "");
  for (const instruction of dockerfile.globalArgs) {
    for (const { name, value } of declaredArguments(instruction, escape)) {
      if (Object.hasOwn(given, name)) values.set(name, given[name] ?? "");
      else if (value !== undefined) values.set(name, expandWord(value, values, escape));
    }
  }
  return values;
}
