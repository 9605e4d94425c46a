import type { LimitedResult } from "../buildkit/run-limited.ts";

/** What a file holds, or why that can't be told. */
export type FileText =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" }
  | { readonly kind: "denied" };

export interface ProbeRunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default 10 000. */
  readonly timeoutMs?: number;
}

/**
 * The machine that is examined: this one, another by ssh, or facts that were recorded. Reading changes nothing on it;
 * what is changed is changed by {@link HostProbe.shell}, whose lines a person could type as well.
 */
export interface HostProbe {
  /** "this machine" or "ssh://ci@arm". */
  readonly name: string;
  /** Whether files and programs are those of the machine that anyarch runs on. */
  readonly local: boolean;
  /** As much of the file as a fact may need: 256 KiB. */
  read(path: string): Promise<FileText>;
  /** The first bytes, for what isn't text; undefined where it can't be read. */
  readBytes(path: string, length: number): Promise<Buffer | undefined>;
  /** Names in a directory; undefined where there is none or it can't be read. */
  list(path: string): Promise<readonly string[] | undefined>;
  /** Undefined where the program isn't installed. Nothing can ask at the terminal; a non-zero exit is a result. */
  run(
    program: string,
    args: readonly string[],
    options?: ProbeRunOptions,
  ): Promise<LimitedResult | undefined>;
  /** Runs a POSIX shell's lines. */
  shell(script: string, options?: ProbeRunOptions): Promise<LimitedResult>;
  env(name: string): string | undefined;
}

/** A word for a POSIX shell, quoted only where it has to be. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** The text of a file, "" where there is none. */
export async function textOf(probe: HostProbe, path: string): Promise<string> {
  const found = await probe.read(path);
  return found.kind === "text" ? found.text : "";
}

export async function exists(probe: HostProbe, path: string): Promise<boolean> {
  return (await probe.read(path)).kind !== "missing";
}

/** What a program says on standard output; undefined where it isn't there or fails. */
export async function said(
  probe: HostProbe,
  program: string,
  args: readonly string[],
  options?: ProbeRunOptions,
): Promise<string | undefined> {
  const result = await probe.run(program, args, options);
  return result?.code === 0 ? result.stdout.trim() : undefined;
}
