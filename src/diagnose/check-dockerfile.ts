import type { PlannedHazardLike } from "./dockerfile/hazard.ts";
import { AnyarchError } from "../errors/error.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { ContextFiles } from "./dockerfile/context-files.ts";
import { type DockerfileModel, modelOf } from "./dockerfile/model.ts";
import type { DockerfileRule, LineEdit, Severity } from "./dockerfile/rule.ts";
import { idleLines } from "./dockerfile/image-stages.ts";
import { usualPlatforms } from "./dockerfile/scenario.ts";
import { type Silencer, silencerOf } from "./dockerfile/silence.ts";
import { dockerfileRules } from "./rules/dockerfile-rules.ts";

/** One finding of `check`, as its JSON has it. */
export interface CheckFinding {
  readonly rule: string;
  readonly severity: Severity;
  /** As it was named. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  readonly endLine: number;
  readonly message: string;
  readonly why: string;
  readonly fix: string;
  /** Normalised; those that suffer. */
  readonly platforms: readonly string[];
}

export interface CheckedDockerfile {
  readonly findings: readonly CheckFinding[];
  /** Safe edits of the findings that have them, in the same order; undefined where there are none. */
  readonly edits: readonly (readonly LineEdit[] | undefined)[];
}

export interface CheckDockerfileOptions {
  /** linux/amd64 and linux/arm64 by default. */
  readonly platforms?: readonly Platform[] | undefined;
  /** Rules that are left out. */
  readonly skip?: readonly string[] | undefined;
  /** What lies in the build's context; nothing is said of files where it isn't known. */
  readonly context?: ((model: DockerfileModel) => ContextFiles | undefined) | undefined;
  /** Severities by rule, in place of their own. */
  readonly severity?: Readonly<Record<string, Severity | "off">> | undefined;
}

const ranks = { error: 0, warning: 1, info: 2 } as const;

/**
 * Checks one Dockerfile's text. What can't be parsed is one finding of its own, "dockerfile-invalid". Linear in the
 * length of the text but for bounded factors; nothing is executed, and nothing is read but
 * what rules ask of the context.
 */
export function checkDockerfile(
  file: string,
  text: string,
  options: CheckDockerfileOptions = {},
): CheckedDockerfile {
  const platforms =
    options.platforms === undefined || options.platforms.length === 0 ? usualPlatforms : options.platforms;
  let model: DockerfileModel;
  try {
    model = modelOf(text, platforms, options.context);
  } catch (error) {
    return invalid(file, error, platforms);
  }
  const silencer = silencerOf(model);
  const idle = idleLines(model);
  const found = new Map<string, Found>();
  for (const rule of dockerfileRules) {
    if (rule.mentions?.test(text) === false) continue;
    if (options.skip?.includes(rule.id) === true || options.severity?.[rule.id] === "off") continue;
    collect(rule, model, { file, platforms, silencer, idle, forced: options.severity?.[rule.id] }, found);
  }
  const all = [...found.values()]
    .filter((each) => !isConsequence(each, found))
    .sort(
      (a, b) =>
        a.finding.line - b.finding.line ||
        ranks[a.finding.severity] - ranks[b.finding.severity] ||
        a.finding.rule.localeCompare(b.finding.rule),
    );
  return { findings: all.map(({ finding }) => finding), edits: all.map(({ edits }) => edits) };
}

/** Paths that hold an architecture follow from what is fetched, linked or compiled on the same line. */
function isConsequence({ finding }: Found, found: ReadonlyMap<string, Found>): boolean {
  if (finding.rule !== "hardcoded-arch-path") return false;
  return ["hardcoded-lib-path", "hardcoded-arch-download", "java-arch-path", "rust-target-hardcoded"].some(
    (rule) => found.has(`${rule}:${finding.line}`),
  );
}

interface Found {
  readonly finding: CheckFinding;
  readonly edits: readonly LineEdit[] | undefined;
}

interface Collecting {
  readonly file: string;
  readonly platforms: readonly Platform[];
  readonly silencer: Silencer;
  /** Whether a line is of a stage that no image is made of. */
  readonly idle: (line: number) => boolean;
  readonly forced: Severity | "off" | undefined;
}

/** Gathers a rule's remarks: one finding per line, its platforms together. */
function collect(
  rule: DockerfileRule,
  model: DockerfileModel,
  how: Collecting,
  found: Map<string, Found>,
): void {
  rule.check(model, (remark) => {
    if (how.silencer(rule.id, remark.line)) return;
    const key = `${rule.id}:${remark.line}`;
    const known = found.get(key);
    const own = how.idle(remark.line) ? "info" : (remark.severity ?? rule.severity);
    const severity = how.forced === undefined || how.forced === "off" ? own : how.forced;
    if (known !== undefined && ranks[known.finding.severity] < ranks[severity]) return;
    const names = how.platforms
      .filter(({ architecture }) => remark.architectures?.includes(architecture) ?? true)
      .map(formatPlatform);
    const platforms = new Set([...(known?.finding.platforms ?? []), ...names]);
    const same = known !== undefined && known.finding.severity === severity;
    const finding: CheckFinding = {
      rule: rule.id,
      severity,
      file: how.file,
      line: remark.line,
      endLine: Math.max(remark.line, remark.endLine ?? remark.line),
      message: same ? known.finding.message : remark.message,
      why: rule.why,
      fix: remark.fix ?? rule.fix,
      platforms: how.platforms.map(formatPlatform).filter((name) => platforms.has(name)),
    };
    found.set(key, { finding, edits: remark.edits ?? known?.edits });
  });
}

function invalid(file: string, error: unknown, platforms: readonly Platform[]): CheckedDockerfile {
  if (!(error instanceof AnyarchError) || error.code !== "DOCKERFILE_INVALID") throw error;
  const line = Number(error.details["line"] ?? 1);
  const finding: CheckFinding = {
    rule: "dockerfile-invalid",
    severity: "error",
    file,
    line,
    endLine: line,
    message: error.message,
    why: "BuildKit refuses the file: nothing is built.",
    fix: "Correct the line.",
    platforms: platforms.map(formatPlatform),
  };
  return { findings: [finding], edits: [undefined] };
}

/** What `check` says of a Dockerfile for the plan of a build: errors and warnings. */
export function hazardsOf(
  file: string,
  text: string,
  options: CheckDockerfileOptions,
): readonly PlannedHazardLike[] {
  return checkDockerfile(file, text, options)
    .findings.filter(({ severity }) => severity !== "info")
    .map(({ rule, severity, line, message, platforms: names }) => ({
      rule,
      severity,
      file,
      line,
      message,
      platforms: names,
    }));
}
