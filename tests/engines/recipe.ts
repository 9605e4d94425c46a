/** Something to fetch; everything is unpacked into the engine's `root` folder, or `into` below it. */
export type Source =
  /** Debian packages, unpacked and not installed; without dependencies, so libraries are named too. */
  | {
      readonly debs: readonly string[];
      readonly suite: "bookworm" | "trixie" | "sid";
      /** As Debian names it; default: the machine's. */
      readonly architecture?: string;
      readonly into?: string;
      /** Paths in the packages; default: all. */
      readonly only?: readonly string[];
    }
  /**
   * Programs built by the Go toolchain that is there, as `PACKAGE@VERSION`, all at the same version of one module;
   * they land in `root/bin`, those for another architecture (as Go names it) in `root/bin/ARCHITECTURE`.
   * `define`: strings set by the linker, `PACKAGE.NAME=VALUE`.
   */
  | { readonly go: string | readonly string[]; readonly goarch?: string; readonly define?: string }
  /** An npm package, its install scripts not run; lands in `root/package`. */
  | { readonly npm: string }
  /** The programs of a wheel, fetched by the pip of the engine "python"; they land in `root/bin`. */
  | { readonly wheel: string };

export interface Way {
  /** Nothing is fetched: the programs are found in PATH; they may print their true path with these arguments. */
  readonly system?: readonly string[];
  readonly sources?: readonly Source[];
  /** Program → path below `root`, or name in PATH for `system`. */
  readonly programs: Readonly<Record<string, string>>;
  /** Environment of the programs; `${root}` stands for the root folder, `*` in a file name for what matches. */
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments put before the caller's; `${root}` as above. */
  readonly arguments?: readonly string[];
}

export interface Recipe {
  /** Tried one after the other until the check passes. */
  readonly ways: readonly Way[];
  /** A program of the recipe and arguments; must exit with 0. */
  readonly check: readonly [string, ...string[]];
  /** Needs root to be of use. */
  readonly root?: true;
}
