import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ExecResult } from "../../../src/host/exec.ts";
import { run } from "../../engines/process.ts";
import { root } from "../anyarch.ts";

export interface Shell {
  /** Runs a script with bash, which stops at the first command that fails. A non-zero exit is a result. */
  run(script: string, options?: ShellOptions): Promise<ExecResult>;
  readonly cwd: string;
}

export interface ShellOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

const quote = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;

/** A bash in `cwd` that finds the built command line as `anyarch`, the programs of `path`, and those of the machine. */
export async function openShell(options: {
  /** For programs of this shell's own; made. */
  readonly bin: string;
  readonly cwd: string;
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  /** Further programs: name → shell script, which finds `"$@"`. */
  readonly programs?: Readonly<Record<string, string>>;
}): Promise<Shell> {
  const { bin, cwd, env } = options;
  await mkdir(bin, { recursive: true });
  const anyarch = `exec ${quote(process.execPath)} ${quote(join(root, "lib/cli/main.js"))} "$@"`;
  for (const [name, script] of Object.entries({ ...options.programs, anyarch })) {
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
  }
  const path = [bin, options.path, process.env["PATH"] ?? ""].join(":");
  return {
    cwd,
    run: (script, more = {}) =>
      run("bash", ["-e", "-o", "pipefail", "-c", script], {
        cwd: more.cwd ?? cwd,
        env: { NO_COLOR: "1", ...env, PATH: path, ...more.env },
        anyExit: true,
      }),
  };
}

/** The JSON values in a text of other lines, as jq prints them: from a line that begins one to the line that ends it. */
export function jsonIn(text: string): unknown[] {
  const found = text.matchAll(/^(?:\{\}|\{\n.*?^\}|\{.*\}|\[\n.*?^\]|".*")$/gms);
  return [...found].map(([json]) => JSON.parse(json) as unknown);
}
