import { AnyarchError } from "../../errors/error.ts";

/** A command that a wheel's entry_points.txt declares. */
export interface ScriptEntryPoint {
  /** The file's name: no "/", not "..". */
  readonly name: string;
  readonly module: string;
  /** Dotted path of the function in the module. */
  readonly attribute: string;
}

/**
 * Reads `[console_scripts]` and `[gui_scripts]` of an entry_points.txt (PyPA entry points specification): names
 * are case-sensitive, extras after the object are ignored. Throws WHEEL_INVALID, or ARCHIVE_UNSAFE where a name
 * would leave the directory of scripts.
 */
export function parseScripts(text: string, wheel: string): readonly ScriptEntryPoint[] {
  const scripts: ScriptEntryPoint[] = [];
  let section = "";
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed === "" || /^[#;]/.test(trimmed)) continue;
    const header = /^\[([^\]]*)\]$/.exec(trimmed)?.[1];
    if (header !== undefined) section = header.trim();
    else if (section === "console_scripts" || section === "gui_scripts")
      scripts.push(parseScript(trimmed, wheel));
  }
  return scripts;
}

function parseScript(line: string, wheel: string): ScriptEntryPoint {
  const [, name = "", value = ""] = /^([^=]+?)\s*=\s*(.+)$/.exec(line) ?? [];
  const [, module, attribute] = /^([\w.]+)\s*:\s*([\w.]+)\s*(?:\[[^\]]*\])?\s*$/u.exec(value) ?? [];
  if (module === undefined || attribute === undefined)
    throw new AnyarchError(
      "WHEEL_INVALID",
      `${wheel} declares the script "${line}", which names no function.`,
    );
  if (/[/\\\0]/.test(name) || name === "." || name === "..")
    throw new AnyarchError(
      "ARCHIVE_UNSAFE",
      `${wheel} would write the script "${name}" outside of its directory.`,
    );
  return { name, module, attribute };
}

/**
 * The first line of a script. Kernels cut it at 127 bytes and split it at blanks: beyond that, the shell starts
 * the interpreter, by lines that Python reads as a string.
 */
function shebang(interpreter: string): string {
  if (interpreter.length + 3 <= 127 && !interpreter.includes(" ")) return `#!${interpreter}\n`;
  return `#!/bin/sh\n'''exec' "${interpreter}" "$0" "$@"\n' '''\n`;
}

/** The program that calls an entry point with the target's interpreter. */
export function scriptText({ module, attribute }: ScriptEntryPoint, interpreter: string): string {
  const [imported = ""] = attribute.split(".");
  return [
    `${shebang(interpreter)}import sys`,
    `from ${module} import ${imported}`,
    "",
    'if __name__ == "__main__":',
    `    sys.exit(${attribute}())`,
    "",
  ].join("\n");
}

/** Replaces a first line that begins with `#!python`; undefined where there is none (wheel specification, "Scripts"). */
export function rewriteShebang(content: Buffer, interpreter: string): Buffer | undefined {
  if (!content.subarray(0, 8).equals(Buffer.from("#!python"))) return undefined;
  const end = content.indexOf(0x0a);
  const rest = end < 0 ? Buffer.alloc(0) : content.subarray(end + 1);
  return Buffer.concat([Buffer.from(shebang(interpreter)), rest]);
}
