import type { Diagnosis, FailedStep, KnownFacts, LogReader } from "./diagnosis.ts";
import { cleanLine } from "./log/clean-line.ts";
import { isDecisive } from "./log/decisive-words.ts";
import { jsonLines } from "./log/json-log.ts";
import { LogDigest } from "./log/log-digest.ts";
import { viewLog } from "./log/log-view.ts";
import { matchRules } from "./log/match-rules.ts";
import { QuoteFinder, UniformLevel, withoutLevel } from "./log/quoted-lines.ts";
import { StepTracker } from "./log/step-tracker.ts";
import { inEnglish } from "./log/translate-line.ts";
import { logRules } from "./log-rules.ts";

/** A {@link LogReader} that may be told of lines that were left out. */
export interface NumberedLogReader extends LogReader {
  /** A line with its number in the log, 1-based and ascending. */
  lineAt(text: string, number: number): void;
}

/** Reads a log line by line in bounded memory. `known` is what the caller knows and the log may not tell. */
export function openLogReader(known: KnownFacts = {}): NumberedLogReader {
  const digest = new LogDigest();
  const tracker = new StepTracker();
  const quotes = new QuoteFinder();
  const fromJson = jsonLines();
  const levels = new UniformLevel();
  let number = 0;
  let changed = false;
  let told: readonly Diagnosis[] = [];
  const take = (raw: string, step?: FailedStep): void => {
    for (const text of cleanLine(raw)) {
      const placed = tracker.place(text, step);
      const english = placed.kind === "echo" ? placed.text : inEnglish(placed.text);
      const line = english === placed.text ? placed : { ...placed, text: english, shown: placed.text };
      const judged = quotes.judge({ number, ...line }, tracker.commands.at(-1));
      digest.add(judged, judged.kind !== "echo" && isDecisive(judged.text));
      changed = true;
    }
  };
  const line = (raw: string, step?: FailedStep): void => {
    number++;
    const inside = fromJson(raw);
    levels.add(raw);
    if (inside === undefined) take(raw, step);
    else for (const { text, step: own } of inside) take(text, own ?? step);
  };
  return {
    line,
    lineAt(text: string, at: number): void {
      number = at - 1;
      line(text);
    },
    diagnoses(): readonly Diagnosis[] {
      if (changed) {
        const lines = levels.isUniform() ? digest.lines().map(withoutLevel) : digest.lines();
        const log = viewLog(lines, tracker.commands, tracker.failed, known);
        told = matchRules(log, logRules);
      }
      changed = false;
      return told;
    },
  };
}

const crash =
  /uncaught target signal \d+|qemu: (?:fatal|unhandled CPU exception)|rosetta error: |^qemu-\w+: .{0,60}(?:Assertion|internal error)/;

/** Whether an output line says that an emulator or the program under it has crashed; the process may hang after it. */
export function isEmulatorCrash(text: string): boolean {
  return crash.test(text);
}
