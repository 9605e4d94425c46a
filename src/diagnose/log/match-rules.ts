import type { Diagnosis, Fix } from "../diagnosis.ts";
import { isDecisive } from "./decisive-words.ts";
import type { LogLine, LogStep } from "./log-line.ts";
import type { LogPattern, LogRule } from "./log-rule.ts";
import { buildPlatformPatch, languageOf } from "../build-platform-patch.ts";
import { cpuOf, type EmulationLevel, emulationOf, type LogView, platformOf } from "./log-view.ts";
import { isQuotedSentence } from "./quoted-lines.ts";

const before = 20;
const after = 10;
const mostEvidence = 10;
/** Of so many every line is looked at; of more those with a decisive word. */
const fewLines = 3000;
/** `apt-get update` succeeds without the lists that it couldn't get. */
const aptUpdate =
  /^(?:[WE]|Err(?::\d+)?)[: ]|^\s{0,4}(?:Temporary failure resolving|Could not resolve|Cannot initiate)/;
const packageUnknown =
  /Unable to locate package|has no installation candidate|unmet dependencies|is not available, but/;
/** How much less a line of a step that didn't fail says. */
const settledCost = 30;
/** What such a line must still be worth to be told at all, where its step came to its end. */
const leastOfSettled = 45;
/** Patterns from here on name the fault whatever other platforms do. */
const precise = 95;

interface Match {
  readonly rule: LogRule;
  readonly score: number;
  readonly pattern: LogPattern;
  /** Its best line is of a step that didn't fail. */
  readonly settled: boolean;
  /** Indices into the view's lines, the most telling first. */
  readonly at: readonly number[];
}

/** Tries every rule on a log; best first, at most one diagnosis a code. */
export function matchRules(log: LogView, rules: readonly LogRule[]): readonly Diagnosis[] {
  const matches: Match[] = [];
  const few = log.lines.length <= fewLines;
  const telling = log.lines.flatMap((line, at) =>
    line.kind !== "echo" && (few || isDecisive(line.text)) ? [{ line, at }] : [],
  );
  for (const rule of rules) {
    const match = tryRule(rule, log, telling);
    if (match !== undefined) matches.push(match);
  }
  return rank(matches).map((match) => diagnosisOf(match, log));
}

function tryRule(
  rule: LogRule,
  log: LogView,
  telling: readonly { readonly line: LogLine; readonly at: number }[],
): Match | undefined {
  let best: { score: number; pattern: LogPattern; at: number } | undefined;
  const hits: number[] = [];
  for (const pattern of rule.patterns) {
    for (const { line, at } of telling) {
      if (line.kind === "quote" && rule.quotes !== true) continue;
      const found = pattern.line.exec(line.text);
      if (found === null || isQuotedSentence(line.text, found.index, found[0].length)) continue;
      if (!holds(pattern, at, line, log)) continue;
      const own = pattern.score ?? 80;
      if (rule.architecture && own < precise && isAlikeElsewhere(line, log)) continue;
      hits.push(at);
      const score = own - (isSettled(line, log) ? settledCost : 0);
      if (best === undefined || score > best.score) best = { score, pattern, at };
    }
  }
  if (best === undefined || (best.score < leastOfSettled && settledAt(best.at, log))) return undefined;
  const first = best.at;
  const others = [...new Set(hits)].filter((at) => at !== first).toSorted((a, b) => a - b);
  const line = log.lines[first];
  return {
    rule,
    score: best.score,
    pattern: best.pattern,
    settled: line !== undefined && isSettled(line, log),
    at: [first, ...others].slice(0, mostEvidence),
  };
}

/**
 * What a step said that came through, or was abandoned for another's failure, explains little. Not so where the shell
 * looked at the last program of a pipe only (`curl … | bash`).
 */
function isSettled({ step, text }: LogLine, log: LogView): boolean {
  if (step === undefined || step === log.failed || step.state === "failed") return false;
  if (log.failed === undefined && step.state === undefined) return false;
  if (aptUpdate.test(text) && log.has(packageUnknown)) return false;
  return !(/^(?:curl: \(\d+\)|wget: |gpg: |tar: )/.test(text) && step.command?.includes("|") === true);
}

function settledAt(at: number, log: LogView): boolean {
  const line = log.lines[at];
  return line !== undefined && isSettled(line, log) && hasEnded(line.step);
}

/** Also the reading of a cache, which a build does without. */
function hasEnded(step: LogStep | undefined): boolean {
  return step?.state === "done" || (step?.state === "abandoned" && step.command === undefined);
}

/** Whether the same line ended the same command for amd64 and for another CPU: then the CPU isn't the reason. */
function isAlikeElsewhere({ text, step }: LogLine, log: LogView): boolean {
  const cpu = cpuOf(step?.platform);
  if (cpu === undefined || step?.command === undefined) return false;
  return log.lines.some((other) => {
    if (other.text !== text || other.kind === "echo" || other.step?.command !== step.command) return false;
    const otherCpu = cpuOf(other.step?.platform);
    return otherCpu !== cpu && (otherCpu === "amd64" || cpu === "amd64") && other.step?.state !== "done";
  });
}

function holds(pattern: LogPattern, at: number, line: LogLine, log: LogView): boolean {
  if (pattern.command !== undefined && !ran(pattern.command, line.step, log)) return false;
  if (pattern.commandNot !== undefined && ran(pattern.commandNot, line.step, log)) return false;
  if (pattern.near !== undefined && !closeBy(pattern.near, at, log)) return false;
  if (pattern.nearNot !== undefined && closeBy(pattern.nearNot, at, log)) return false;
  if (pattern.log !== undefined && !log.has(pattern.log)) return false;
  if (pattern.logNot !== undefined && log.has(pattern.logNot)) return false;
  if (pattern.check !== undefined && !pattern.check(log, line)) return false;
  if (pattern.emulation === undefined) return true;
  const { level } = emulationOf(log, line.step ?? log.failed ?? log.running);
  return levels[pattern.emulation].includes(level);
}

const levels: Readonly<Record<NonNullable<LogPattern["emulation"]>, readonly EmulationLevel[]>> = {
  shown: ["shown"],
  likely: ["shown", "likely"],
  possible: ["shown", "likely", "unknown"],
  not: ["unknown", "not"],
};

function ran(command: RegExp, step: LogStep | undefined, log: LogView): boolean {
  const own = step?.command ?? log.failed?.command;
  return own === undefined ? log.commands.some((text) => command.test(text)) : command.test(own);
}

function closeBy(pattern: RegExp, at: number, log: LogView): boolean {
  const step = log.lines[at]?.step;
  const end = Math.min(log.lines.length, at + after + 1);
  for (let index = Math.max(0, at - before); index < end; index++) {
    const line = log.lines[index];
    if (line === undefined || line.kind === "quote" || isApart(line.step, step)) continue;
    if (pattern.test(line.text)) return true;
  }
  return false;
}

/** Whether a line of another step says nothing of this one; a line of no step has nothing to do with what came through. */
function isApart(other: LogStep | undefined, step: LogStep | undefined): boolean {
  if (other === undefined || other === step) return false;
  return step !== undefined || hasEnded(other);
}

/** By score; a cause goes directly before the first of what it is the cause of. */
function rank(matches: readonly Match[]): readonly Match[] {
  const sorted = matches.toSorted((a, b) => b.score - a.score);
  for (let round = 0; round < sorted.length; round++) {
    const from = sorted.findIndex((match, at) => firstBelow(match, sorted, at) >= 0);
    if (from < 0) break;
    const [match] = sorted.splice(from, 1);
    if (match !== undefined) sorted.splice(firstBelow(match, sorted, from), 0, match);
  }
  return sorted;
}

function firstBelow({ rule, settled }: Match, sorted: readonly Match[], end: number): number {
  return sorted
    .slice(0, end)
    .findIndex((other) => rule.above?.includes(other.rule.code) === true && (!settled || other.settled));
}

function diagnosisOf({ rule, pattern, settled, at }: Match, log: LogView): Diagnosis {
  const line = log.lines[at[0] ?? 0];
  const step = line?.step ?? log.failed;
  const platform = platformOf(log, step);
  const { emulated = rule.emulated } = emulationOf(log, step);
  const command = step?.command ?? log.commands.at(-1) ?? "";
  const place = { command, platform };
  return {
    code: rule.code,
    title: rule.title,
    architecture: rule.architecture,
    confidence: settled ? "possible" : (pattern.confidence ?? "certain"),
    ...(platform !== undefined && { platform }),
    ...(emulated !== undefined && { emulated }),
    ...(step && hasPlace(step) && { step: publicStep(step) }),
    evidence: at.flatMap((index) => {
      const found = log.lines[index];
      return found === undefined ? [] : [{ line: found.number, text: found.shown ?? found.text }];
    }),
    why: typeof rule.why === "function" ? rule.why(log, place) : rule.why,
    fixes: [
      ...patchFor(rule, command, step, log),
      ...(typeof rule.fixes === "function" ? rule.fixes(log, place) : rule.fixes),
    ],
    references: rule.references,
  };
}

/** The change of the Dockerfile that was given, where the rule's fault can be repaired by one. */
function patchFor(rule: LogRule, command: string, step: LogStep | undefined, log: LogView): readonly Fix[] {
  if (log.known.dockerfile === undefined || rule.stage === undefined) return [];
  const language = rule.stage === "any" ? languageOf(command) : rule.stage;
  if (language === undefined || language === "rust") return [];
  const patch = buildPlatformPatch(log.known.dockerfile, language, step);
  if (patch === undefined) return [];
  return [{ title: "Let the building stage run on the build platform: apply this patch", detail: patch }];
}

function hasPlace(step: LogStep): boolean {
  return step.command !== undefined || step.stage !== undefined;
}

function publicStep({ stage, index, total, command }: LogStep): NonNullable<Diagnosis["step"]> {
  return {
    ...(stage !== undefined && { stage }),
    ...(index !== undefined && { index }),
    ...(total !== undefined && { total }),
    ...(command !== undefined && { command }),
  };
}
