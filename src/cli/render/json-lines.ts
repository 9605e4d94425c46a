import type { Terminal } from "../terminal.ts";
import type { Renderer } from "./renderer.ts";

/** One event per line on stdout, each with its schema and the time in milliseconds since the epoch. */
export function createJsonRenderer(terminal: Terminal): Renderer {
  return {
    emit: (event) =>
      terminal.out(`${JSON.stringify({ schema: "anyarch.event/v1", time: Date.now(), ...event })}\n`),
    close: () => {},
  };
}
