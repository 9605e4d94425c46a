import { sampleText } from "../diagnose/dockerfile/rule.ts";
import type { Fix } from "../diagnose/diagnosis.ts";
import { logRules } from "../diagnose/log-rules.ts";
import { dockerfileRules } from "../diagnose/rules/dockerfile-rules.ts";

/** What `explain` finds in logs or `check` in Dockerfiles, as `anyarch rules` and `anyarch explain CODE` show it. */
export interface Rule {
  readonly source: "log" | "dockerfile";
  /** A fault's code, or the rule's name. Unique within its source. */
  readonly id: string;
  readonly title: string;
  /** Of faults in logs: false where the CPU architecture has no part in it. */
  readonly architecture?: boolean;
  /** Of rules for Dockerfiles. */
  readonly severity?: "error" | "warning" | "info";
  readonly why: string;
  readonly fixes: readonly Fix[];
  readonly references: readonly string[];
  /** Logs or Dockerfiles that have it. */
  readonly examples: readonly string[];
}

const nowhere = { command: "", platform: undefined };
const emptyLog = {
  lines: [],
  commands: [],
  failed: undefined,
  known: {},
  running: undefined,
  hostCpu: undefined,
  platforms: [],
  emulator: false,
  emulatorSetUp: false,
  has: () => false,
};

/** Everything that anyarch knows of: faults in logs by code, then hazards in Dockerfiles. */
export function rules(): readonly Rule[] {
  const logs = logRules.map(({ code, title, architecture, why, fixes, references, bad }): Rule => ({
    source: "log",
    id: code,
    title,
    architecture,
    why: typeof why === "string" ? why : why(emptyLog, nowhere),
    fixes: typeof fixes === "function" ? fixes(emptyLog, nowhere) : fixes,
    references,
    examples: bad,
  }));
  const dockerfiles = dockerfileRules.map(
    ({ id, title, severity, why, fix, references = [], bad }): Rule => ({
      source: "dockerfile",
      id,
      title,
      severity,
      why,
      fixes: [{ title: "In the Dockerfile", detail: fix }],
      references,
      examples: bad.map(sampleText),
    }),
  );
  return [...logs, ...dockerfiles];
}
