import { stripVTControlCharacters, styleText } from "node:util";
import { systemReason } from "../errors/system-error.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Where the command line writes: results to stdout, everything else to stderr. */
export interface Terminal {
  readonly columns: number;
  /** True where stderr is a person's terminal that can be redrawn. */
  readonly live: boolean;
  out(text: string): void;
  err(text: string): void;
  /** Colours `text` for stdout or stderr where that stream takes colours. */
  paint(stream: "out" | "err", style: Style, text: string): string;
}

export type ColorMode = "auto" | "always" | "never";

/** Follows --color, NO_COLOR, FORCE_COLOR and TERM=dumb. */
export function createTerminal(color: ColorMode, env: NodeJS.ProcessEnv = process.env): Terminal {
  const dumb = env["TERM"] === "dumb";
  const colored = (stream: NodeJS.WriteStream): boolean => {
    if (color !== "auto") return color === "always";
    if (env["NO_COLOR"]) return false;
    if (env["FORCE_COLOR"] && env["FORCE_COLOR"] !== "0") return true;
    return stream.isTTY && !dumb;
  };
  const paints = { out: colored(process.stdout), err: colored(process.stderr) };
  process.stdout.on("error", onLostOutput);
  process.stderr.on("error", () => {}); // There is nowhere left to say it.
  return {
    columns: process.stderr.columns ?? 100,
    live: process.stderr.isTTY && !dumb && !env["CI"],
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    paint: (stream, style, text) =>
      paints[stream] ? styleText(style, text, { validateStream: false }) : stripVTControlCharacters(text),
  };
}

let lost = false;

/**
 * `anyarch … | head` closes the pipe early: the rest isn't wanted, which is no failure. What is being done goes on, so
 * that nothing is left half-written. A result that can't be written is a failure, also of a command that was done.
 */
function onLostOutput(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE" || lost) return;
  lost = true;
  process.exitCode = 1;
  const code = error.code === "ENOSPC" || error.code === "EDQUOT" ? "DISK_FULL" : "OUTPUT_UNWRITABLE";
  process.stderr.write(
    `error Standard output can't be written: ${systemReason(error)}.\n  The result is lost; what was built or copied is there.\n  [${code}]\n`,
  );
}
