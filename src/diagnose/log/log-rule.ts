import type { Diagnosis, Fix } from "../diagnosis.ts";
import type { LogLine } from "./log-line.ts";
import type { LogView } from "./log-view.ts";

/** One way in which a log shows a fault. All conditions that are given have to hold. */
export interface LogPattern {
  /** On one clean line of output (not on repeated instructions). Linear: bounded repetition only. */
  readonly line: RegExp;
  /** On the instruction or command that was running; on all commands where the log doesn't tell which. */
  readonly command?: RegExp;
  /** Not on that command. */
  readonly commandNot?: RegExp;
  /** On another line close by: up to 20 before and 10 after. */
  readonly near?: RegExp;
  readonly nearNot?: RegExp;
  /** On any line of output or command. */
  readonly log?: RegExp;
  readonly logNot?: RegExp;
  /**
   * "shown": the log proves emulation at this place. "likely": that, or the step is for another CPU than the commonest
   * host. "possible": that, or nothing speaks against it. "not": nothing speaks for it.
   */
  readonly emulation?: "shown" | "likely" | "possible" | "not";
  /** A condition that no pattern can say. */
  readonly check?: (log: LogView, line: LogLine) => boolean;
  /** How much it says by itself: 100 names the very fault, 40 is a signal that many faults share. Default 80. */
  readonly score?: number;
  /** Default "certain". */
  readonly confidence?: Diagnosis["confidence"];
}

/** One fault that `explain` knows: its patterns, what it means, what helps; its samples are its tests. */
export interface LogRule {
  /** Of the taxonomy; the file is named after it. Stable. */
  readonly code: string;
  /** One line that a person grasps: what is the matter. */
  readonly title: string;
  /** False where the CPU architecture has no part in it. */
  readonly architecture: boolean;
  readonly patterns: readonly LogPattern[];
  /** Reads what test reports, linters and compilers quote as well: for faults of the project itself. */
  readonly quotes?: boolean;
  /** Codes of which this is the cause, or which it says more precisely: it goes before them. */
  readonly above?: readonly string[];
  /** Whether the failing step ran under emulation, where this fault implies it. */
  readonly emulated?: boolean;
  /** The language whose stage can run on the build platform instead: `explain --file` writes the patch. */
  readonly stage?: "dotnet" | "go" | "node" | "java" | "rust" | "any";
  readonly why: string | ((log: LogView, place: RulePlace) => string);
  readonly fixes: readonly Fix[] | ((log: LogView, place: RulePlace) => readonly Fix[]);
  /** Only pages that were seen to exist. */
  readonly references: readonly string[];
  /** Logs of this fault: it must come first. */
  readonly bad: readonly string[];
  /** Logs that look like it and aren't: it must not be named at all. */
  readonly good: readonly string[];
}

/** Where a rule matched. */
export interface RulePlace {
  readonly command: string;
  readonly platform: string | undefined;
}
