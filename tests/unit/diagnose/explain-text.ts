import type { Diagnosis, KnownFacts } from "../../../src/diagnose/diagnosis.ts";
import { openLogReader } from "../../../src/diagnose/log-reader.ts";

/** What `explain` says of a log's text. */
export function explainText(log: string, known?: KnownFacts): readonly Diagnosis[] {
  const reader = openLogReader(known);
  for (const line of log.split("\n")) reader.line(line);
  return reader.diagnoses();
}
