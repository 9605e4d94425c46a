import type { FailedStep } from "../diagnosis.ts";

/** A build step as the log names it, with what is known of where it ran. */
export interface LogStep extends FailedStep {
  /** The platform that is built for: "linux/arm64". */
  platform?: string;
  /** The platform that the step runs on, where it is another one ("linux/amd64->arm64"). */
  runsOn?: string;
  stage?: string;
  index?: number;
  total?: number;
  command?: string;
  /** Failed is what the log calls failed; an abandoned step was cancelled because of another's failure. */
  state?: "failed" | "abandoned" | "done";
}

/** One line of a log without colours, prefixes of CI systems and BuildKit's numbers. */
export interface LogLine {
  /** 1-based in the log as it was read. */
  readonly number: number;
  readonly text: string;
  /** As it stands in the log, where `text` is its English form. */
  readonly shown?: string;
  /**
   * "echo" is what the builder or a shell repeats of its input (instructions, frames, `+ command`): it says what was
   * run, not what went wrong. "quote" is output that shows source, values of an assertion, a linter's finding or the
   * command's own text: no tool's message of its own. Settled once the line after it is known.
   */
  kind: "output" | "echo" | "quote";
  readonly step?: LogStep;
}
