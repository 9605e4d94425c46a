import { toAnyarchError } from "../../index.ts";
import type { Terminal } from "../terminal.ts";
import { hintBeside, showFailureDetails } from "./diagnoses.ts";

/**
 * Shows an error on stderr, and on stdout as one JSON object (`json`) or as the last event (`events`); returns the exit
 * code that belongs to it.
 */
export function showError(
  terminal: Terminal,
  thrown: unknown,
  options: {
    readonly verbose: boolean;
    readonly json: boolean;
    readonly events: boolean;
    /** Of anyarch. */
    readonly version: string;
  },
): number {
  const error = toAnyarchError(thrown);
  const { code, message, hint, details } = error;
  const told = { schema: "anyarch.error/v1", code, message, ...(hint && { hint }), details };
  if (options.json) terminal.out(`${JSON.stringify(told)}\n`);
  else if (options.events) {
    const event = { schema: "anyarch.event/v1", time: Date.now(), type: "error", error: told };
    terminal.out(`${JSON.stringify(event)}\n`);
  }
  const cancelled = error.code === "CANCELLED";
  const label = cancelled ? "" : `${terminal.paint("err", "red", "error")} `;
  terminal.err(`${label}${error.message}\n`);
  const beside = hintBeside(error);
  if (beside !== "") terminal.err(`${indent(beside)}\n`);
  if (!cancelled) terminal.err(`${terminal.paint("err", "dim", `  [${error.code}]`)}\n`);
  showFailureDetails(terminal, error, options.version);
  if (options.verbose || error.code === "INTERNAL") {
    for (
      let cause = error.cause, depth = 0;
      cause instanceof Error && depth < 5;
      cause = cause.cause, depth++
    ) {
      terminal.err(
        terminal.paint(
          "err",
          "dim",
          `  caused by ${options.verbose ? (cause.stack ?? cause.message) : cause.message}`,
        ) + "\n",
      );
    }
  }
  return error.exitCode;
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}
