import type { LogStep } from "./log-line.ts";
import { cleanLine } from "./clean-line.ts";
import { parseStepName } from "./step-heading.ts";

/** Gives the text lines that one line of a JSON log stands for, with the step where the log names it. */
export type JsonLines = (raw: string) => readonly JsonLine[] | undefined;

export interface JsonLine {
  readonly text: string;
  readonly step?: LogStep;
}

interface Vertex {
  readonly digest?: string;
  readonly name?: string;
  readonly error?: string;
  readonly completed?: string | null;
}

interface Status {
  readonly vertexes?: readonly Vertex[] | null;
  readonly logs?: readonly { readonly vertex?: string; readonly data?: string }[] | null;
  readonly stream?: unknown;
  readonly error?: unknown;
  readonly errorDetail?: { readonly message?: unknown };
  readonly status?: unknown;
  readonly log?: unknown;
  readonly message?: unknown;
  readonly msg?: unknown;
}

const mostSteps = 10_000;
const longestPrefix = 200;

/**
 * Reads BuildKit's rawjson progress (logs in base64 by vertex), the JSON stream of Docker's API ({"stream": …},
 * {"error": …}), docker's json-file logs and the JSON lines of other tools (message, msg). Undefined for other lines.
 */
export function jsonLines(): JsonLines {
  const steps = new Map<string, LogStep>();
  return (raw) => {
    const object = objectOf(raw);
    if (object === undefined) return undefined;
    let status: Status;
    try {
      status = JSON.parse(object) as Status;
    } catch {
      return undefined;
    }
    if (Array.isArray(status.vertexes) || Array.isArray(status.logs)) return progress(status, steps);
    const text = [
      status.errorDetail?.message ?? status.error,
      status.stream,
      status.log,
      status.message,
      status.msg,
    ]
      .filter(
        (value): value is string => typeof value === "string" && value !== "stdout" && value !== "stderr",
      )
      .join("\n");
    return text === "" ? undefined : text.split("\n").map((line) => ({ text: line }));
  };
}

/** The JSON of a line, which a CI system may have put its prefix before. */
function objectOf(raw: string): string | undefined {
  if (!raw.trimEnd().endsWith("}")) return undefined;
  if (raw.startsWith("{")) return raw;
  const at = raw.indexOf('{"');
  if (at < 0 || at > longestPrefix || cleanLine(`${raw.slice(0, at)}x`)[0] !== "x") return undefined;
  return raw.slice(at);
}

function progress(status: Status, steps: Map<string, LogStep>): readonly JsonLine[] {
  const lines: JsonLine[] = [];
  for (const { digest = "", name = "", error = "", completed } of status.vertexes ?? []) {
    let step = steps.get(digest);
    if (step === undefined) {
      step = parseStepName(name) ?? { command: name };
      if (steps.size < mostSteps) steps.set(digest, step);
      lines.push({ text: name, step });
    }
    if (error !== "" && step.state !== "failed") {
      step.state = /^context canceled|cancel+ed$/.test(error) ? "abandoned" : "failed";
      for (const text of error.split("\n")) lines.push({ text: `ERROR: ${text}`, step });
    }
    if (error === "" && typeof completed === "string") lines.push({ text: "DONE", step });
  }
  for (const { vertex = "", data = "" } of status.logs ?? []) {
    const step = steps.get(vertex);
    for (const text of Buffer.from(data, "base64").toString("utf8").split("\n")) {
      if (text !== "") lines.push({ text, ...(step && { step }) });
    }
  }
  return lines;
}
