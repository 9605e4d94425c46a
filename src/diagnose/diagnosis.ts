/** What is the matter with a failed build, as `explain` and live builds say it. Plain JSON. */
export interface Diagnosis {
  /** As in the taxonomy: "qemu-sigill-signal-4". Stable. */
  readonly code: string;
  readonly title: string;
  /** False for faults that have nothing to do with the CPU. */
  readonly architecture: boolean;
  readonly confidence: "certain" | "likely" | "possible";
  /** Normalised platform string, where the log or the engine tells. */
  readonly platform?: string;
  /** Whether the failing step ran under emulation; absent where nothing tells. */
  readonly emulated?: boolean;
  readonly step?: FailedStep;
  /** Line numbers are 1-based in the log that was read; the most telling first. At most 10. */
  readonly evidence: readonly { readonly line: number; readonly text: string }[];
  readonly why: string;
  /** In the order that helps most. */
  readonly fixes: readonly Fix[];
  /** Addresses of public pages that were seen to exist. */
  readonly references: readonly string[];
}

export interface Fix {
  readonly title: string;
  /** Text, commands or a patch; may be several lines. */
  readonly detail: string;
  /** True where it only hides the fault. */
  readonly workaround?: boolean;
}

/** The instruction that failed, as in "[linux/arm64 builder 4/7] RUN npm ci". */
export interface FailedStep {
  readonly stage?: string;
  readonly index?: number;
  readonly total?: number;
  /** The instruction: "RUN npm ci". */
  readonly command?: string;
}

/** What whoever hands a log over knows of it already. */
export interface KnownFacts {
  readonly platform?: string;
  readonly emulated?: boolean;
  /** Text of the Dockerfile, for patches. */
  readonly dockerfile?: string;
}

/** Reads a log line by line in bounded memory; `explain` and the BuildKit engine use it alike. */
export interface LogReader {
  /** One line without its line break; `step` where the caller knows it (rawjson), else it is read from the line. */
  line(text: string, step?: FailedStep): void;
  /** What is known so far, best first; empty when nothing is. May be called more than once. */
  diagnoses(): readonly Diagnosis[];
}
