import type { ProgramFile } from "./context-files.ts";
import type { DockerfileModel } from "./model.ts";

export type Severity = "error" | "warning" | "info";

/** A change of the text: whole lines of the file, 1-based and inclusive. */
export interface LineEdit {
  readonly line: number;
  readonly endLine: number;
  /** In place of the lines, without a final line break; undefined removes them. */
  readonly text: string | undefined;
}

/** What a rule says of one place. */
export interface Remark {
  /** 1-based. */
  readonly line: number;
  readonly endLine?: number;
  readonly message: string;
  /** The rule's own by default. */
  readonly severity?: Severity;
  /** Docker's architecture names that suffer; all that were asked for by default. */
  readonly architectures?: readonly string[];
  /** The rule's own advice by default. */
  readonly fix?: string;
  /** Edits that cure it without changing what the native build does. */
  readonly edits?: readonly LineEdit[];
}

/** A Dockerfile's text, or one in its context: contents by path, programs by the machine that their header names. */
export type DockerfileSample =
  | string
  | ({ readonly Dockerfile: string } & Readonly<Record<string, string | ProgramFile>>);

/** A sample's Dockerfile. */
export function sampleText(sample: DockerfileSample): string {
  return typeof sample === "string" ? sample : sample.Dockerfile;
}

/** One rule: what it finds, why that matters, and samples that are its tests and its page of the manual. */
export interface DockerfileRule {
  /** Stable; what `# check=skip=` names. */
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  readonly why: string;
  readonly fix: string;
  /** Dockerfiles in which this rule finds something, and in which it finds nothing. */
  readonly bad: readonly DockerfileSample[];
  readonly good: readonly DockerfileSample[];
  readonly references?: readonly string[];
  /** What a file's text holds wherever the rule finds something: others needn't be looked through. Not global. */
  readonly mentions?: RegExp;
  check(model: DockerfileModel, report: (remark: Remark) => void): void;
}
