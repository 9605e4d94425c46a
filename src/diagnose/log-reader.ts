import type { Diagnosis, FailedStep, KnownFacts, LogReader } from "./diagnosis.ts";
import { cleanLine } from "./log/clean-line.ts";
import { isDecisive } from "./log/decisive-words.ts";
import { LogDigest } from "./log/log-digest.ts";
import { viewLog } from "./log/log-view.ts";
import { matchRules } from "./log/match-rules.ts";
import { StepTracker } from "./log/step-tracker.ts";
import { logRules } from "./log-rules.ts";

/** Reads a log line by line in bounded memory. `known` is what the caller knows and the log may not tell. */
export function openLogReader(known: KnownFacts = {}): LogReader {
  const digest = new LogDigest();
  const tracker = new StepTracker();
  let number = 0;
  let changed = false;
  let told: readonly Diagnosis[] = [];
  return {
    line(raw: string, step?: FailedStep): void {
      number++;
      for (const text of cleanLine(raw)) {
        const placed = tracker.place(text, step);
        const decisive = placed.kind === "output" && isDecisive(placed.text);
        digest.add({ number, ...placed }, decisive);
        changed ||= decisive;
      }
    },
    diagnoses(): readonly Diagnosis[] {
      if (changed)
        told = matchRules(viewLog(digest.lines(), tracker.commands, tracker.failed, known), logRules);
      changed = false;
      return told;
    },
  };
}

const crash =
  /uncaught target signal \d+|qemu: (?:fatal|unhandled CPU exception)|rosetta error: |\*\* \(process.{0,60}\): .{0,40}qemu|^qemu-\w+: .{0,60}(?:Assertion|internal error)/;

/** Whether an output line says that an emulator or the program under it has crashed; the process may hang after it. */
export function isEmulatorCrash(text: string): boolean {
  return crash.test(text);
}
