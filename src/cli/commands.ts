import type { Command } from "commander";
import type { Terminal } from "./terminal.ts";

/** What every command gets beside its own flags. */
export interface CommandIO {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  /** Standard input to its end, for --password-stdin. */
  readStdin(): Promise<string>;
  /** From now on signals go to `handler`, and neither cancel nor end this process. */
  onSignal(handler: (signal: NodeJS.Signals) => void): void;
}

/** A command of the command line: data and one function that returns the exit code. */
export interface CommandModule {
  /** Declares arguments and flags on a fresh commander command. */
  configure(command: Command): Command;
  /** Rewrites the words after the command's name before they are parsed. */
  words?(words: readonly string[], command: Command): readonly string[];
  /** `args` are the declared arguments in order, then nothing else. */
  run(
    args: readonly (string | readonly string[] | undefined)[],
    flags: Readonly<Record<string, unknown>>,
    io: CommandIO,
  ): Promise<number>;
}

export interface CommandEntry {
  readonly summary: string;
  load(): Promise<CommandModule>;
}

/** To add a command, add its file to commands/ and name it here; a test compares the two. */
export const commands: Readonly<Record<string, CommandEntry>> = {
  build: {
    summary: "Build an application's or a Dockerfile's image for one or more platforms",
    load: async () => (await import("./commands/build.ts")).command,
  },
  inspect: {
    summary: "Show what an image, index, layout or archive holds",
    load: async () => (await import("./commands/inspect.ts")).command,
  },
  verify: {
    summary: "Prove from its ELF files that an image is for the platforms it names",
    load: async () => (await import("./commands/verify.ts")).command,
  },
  run: {
    summary: "Run an image of any platform here, natively or emulated",
    load: async () => (await import("./commands/run.ts")).command,
  },
  test: {
    summary: "Try an image on all of its platforms: commands, files, ports, HTTP",
    load: async () => (await import("./commands/test.ts")).command,
  },
  bench: {
    summary: "Measure what emulation costs: an image's command, or a build, per platform",
    load: async () => (await import("./commands/bench.ts")).command,
  },
  requirements: {
    summary: "Say what machines an image needs and where it runs; keep that in a README",
    load: async () => (await import("./commands/requirements.ts")).command,
  },
  copy: {
    summary: "Copy an image or index between registries, layouts and archives",
    load: async () => (await import("./commands/copy.ts")).command,
  },
  push: {
    summary: "Push an image from dist/image (or another layout) to a registry",
    load: async () => (await import("./commands/push.ts")).command,
  },
  index: {
    summary: "Create a multi-platform index from images that were pushed",
    load: async () => (await import("./commands/index-create.ts")).command,
  },
  explain: {
    summary: "Say from a failed build's log what is the matter and what to do",
    load: async () => (await import("./commands/explain.ts")).command,
  },
  doctor: {
    summary: "Examine a machine for building images of several platforms, and repair it",
    load: async () => (await import("./commands/doctor.ts")).command,
  },
  rules: {
    summary: "List the faults that anyarch knows",
    load: async () => (await import("./commands/rules.ts")).command,
  },
  check: {
    summary: "Find in Dockerfiles what goes wrong on other platforms",
    load: async () => (await import("./commands/check.ts")).command,
  },
  ci: {
    summary: "Write a CI workflow that builds, tests and publishes for several platforms",
    load: async () => (await import("./commands/ci.ts")).command,
  },
  cache: {
    summary: "Show or prune what is kept of downloads and layers",
    load: async () => (await import("./commands/cache.ts")).command,
  },
};
