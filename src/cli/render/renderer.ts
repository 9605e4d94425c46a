import type { BuildEvent } from "../../index.ts";
import type { Terminal } from "../terminal.ts";

export type ProgressMode = "auto" | "tty" | "plain" | "json" | "quiet";
export const progressModes: readonly ProgressMode[] = ["auto", "tty", "plain", "json", "quiet"];

/** Shows events as they come; `close()` leaves the terminal tidy, also after a failure. */
export interface Renderer {
  readonly emit: (event: BuildEvent) => void;
  close(): void;
}

export interface RendererOptions {
  readonly mode: ProgressMode;
  readonly verbose: boolean;
}

async function createRenderer(terminal: Terminal, options: RendererOptions): Promise<Renderer> {
  const mode = options.mode === "auto" ? (terminal.live ? "tty" : "plain") : options.mode;
  switch (mode) {
    case "tty":
      return (await import("./tty.ts")).createTtyRenderer(terminal, options);
    case "plain":
      return (await import("./plain.ts")).createPlainRenderer(terminal, options);
    case "json":
      return (await import("./json-lines.ts")).createJsonRenderer(terminal);
    case "quiet":
      return { emit: () => {}, close: () => {} };
  }
}

/** Runs `work` with progress shown; the terminal is tidy before its result is printed, and after a failure. */
export async function withProgress<T>(
  terminal: Terminal,
  options: RendererOptions,
  work: (emit: Renderer["emit"]) => Promise<T>,
): Promise<T> {
  const renderer = await createRenderer(terminal, options);
  try {
    return await work(renderer.emit);
  } finally {
    renderer.close();
  }
}
