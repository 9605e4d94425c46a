import { describe, expect, it } from "vitest";
import { createPlainRenderer } from "../../../src/cli/render/plain.ts";
import { StepOutput } from "../../../src/cli/render/step-output.ts";
import { createTtyRenderer } from "../../../src/cli/render/tty.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";
import type { BuildEvent } from "../../../src/events/event.ts";

function terminal(): { readonly terminal: Terminal; readonly lines: () => readonly string[] } {
  let written = "";
  return {
    terminal: {
      columns: 100,
      live: false,
      out: () => {},
      err: (text) => void (written += text),
      paint: (_stream, _style, text) => text,
    },
    lines: () => written.split("\n").slice(0, -1),
  };
}

const started = (id: string, platform: string, name: string): BuildEvent => ({
  type: "task.started",
  id,
  name,
  platform,
});

function said(task: string, platform: string, message: string, node = "ssh://a"): BuildEvent {
  const step = { stage: "builder", index: 4, total: 7, command: "RUN make" };
  return { type: "log", level: "info", message, platform, node, task, step, stream: "stdout" };
}

function plain(...events: readonly BuildEvent[]): readonly string[] {
  const { terminal: screen, lines } = terminal();
  const renderer = createPlainRenderer(screen, { mode: "plain", verbose: false });
  for (const event of events) renderer.emit(event);
  renderer.close();
  return lines();
}

describe("plain progress of Dockerfiles", () => {
  it("says platform and step of each line where there are several platforms", () => {
    const lines = plain(
      started("p1", "linux/amd64", "build on ssh://a, native"),
      started("p2", "linux/arm64", "build on ssh://b, native"),
      said("s1", "linux/amd64", "compiling"),
      said("s2", "linux/arm64", "compiling", "ssh://b"),
    );
    expect(lines).toEqual(["linux/amd64 builder 4/7 │ compiling", "linux/arm64 builder 4/7 │ compiling"]);
  });

  it("names no platform where there is only one", () => {
    expect(plain(started("p", "linux/amd64", "build"), said("s", "linux/amd64", "hi"))).toEqual([
      "builder 4/7 │ hi",
    ]);
  });

  it("names the builder where a platform went on to another", () => {
    const lines = plain(
      started("p", "linux/amd64", "build"),
      said("s", "linux/amd64", "one", "ssh://a"),
      said("s", "linux/amd64", "two", "ssh://b"),
    );
    expect(lines).toEqual(["builder 4/7 │ one", "ssh://b builder 4/7 │ two"]);
  });
});

describe("live progress of Dockerfiles", () => {
  it("keeps what steps write to itself, and shows it all when one fails", () => {
    const { terminal: screen, lines } = terminal();
    const renderer = createTtyRenderer(screen, { mode: "tty", verbose: false });
    renderer.emit(started("s1", "linux/amd64", "[builder 4/7] RUN make"));
    renderer.emit(started("s2", "linux/arm64", "[builder 4/7] RUN make"));
    renderer.emit(said("s1", "linux/amd64", "fine"));
    renderer.emit(said("s2", "linux/arm64", "first"));
    renderer.emit(said("s2", "linux/arm64", "second"));
    expect(lines()).toEqual([]);
    renderer.emit({ type: "task.finished", id: "s1", status: "done" });
    renderer.emit({ type: "task.finished", id: "s2", status: "failed" });
    renderer.close();
    expect(lines().map((line) => line.replace(/ {2}\d.*$/, ""))).toEqual([
      "✓ linux/amd64  [builder 4/7] RUN make",
      "  │ first",
      "  │ second",
      "✗ linux/arm64  [builder 4/7] RUN make",
    ]);
  });

  it("keeps the end of a long log and says how much is missing", () => {
    const output = new StepOutput();
    for (let line = 0; line < 5001; line++) output.add(`line ${line}`);
    const all = [...output.all()];
    expect(all[0]).toMatch(/^\(\d+ lines before these\)$/);
    expect(all.at(-1)).toBe("line 5000");
    expect(all.length).toBeLessThan(2100);
    expect(output.last).toBe("line 5000");
  });
});
