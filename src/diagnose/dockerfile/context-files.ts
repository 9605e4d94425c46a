/** A program, as the first bytes of a file tell. */
export interface ProgramFile {
  /** ELF: "x86_64", "aarch64", "arm" …; "Mach-O" and "PE" for programs of macOS and Windows. */
  readonly machine: string;
}

/**
 * The build context as far as rules ask. Paths are relative to its root, "/"-separated, and what `.dockerignore` leaves
 * out isn't there.
 */
export interface ContextFiles {
  /**
   * Regular files that COPY takes for a source word: one file, a directory with all below it ("." for everything), or
   * what a pattern matches. Sorted; at most some ten thousand. Undefined where nothing is there.
   */
  matched(source: string): MatchedFiles | undefined;
  /** Undefined for what isn't a program, or can't be read. */
  program(path: string): ProgramFile | undefined;
  /** Text of a file of at most 64 MiB; undefined where there is none. */
  text(path: string): string | undefined;
}

export interface MatchedFiles {
  readonly files: readonly string[];
  /** True where the word is a file's own path: it was meant, not taken along. */
  readonly named: boolean;
}
