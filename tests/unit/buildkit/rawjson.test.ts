import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RawjsonReader, type SolveUpdate } from "../../../src/buildkit/rawjson.ts";
import { recorded } from "./recorded.ts";

function read(chunks: readonly Uint8Array[], limit?: number): readonly SolveUpdate[] {
  const updates: SolveUpdate[] = [];
  const reader = new RawjsonReader((update) => updates.push(update), limit);
  for (const chunk of chunks) reader.push(chunk);
  reader.end();
  return updates;
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  const bounds = [0, ...sorted, bytes.length];
  return bounds.slice(1).map((end, index) => bytes.subarray(bounds[index], end));
}

describe("RawjsonReader", () => {
  it("reads what BuildKit 0.26 told of a build that failed", () => {
    const updates = read([readFileSync(recorded("step-failed.ndjson"))]);
    const failed = updates.find((update) => update.kind === "vertex" && update.error !== undefined);
    expect(failed).toMatchObject({
      name: '[builder 1/1] RUN echo hello; echo "npm ERR! bad thing" >&2; exit 7',
      completed: true,
      cached: false,
      error: expect.stringMatching(/exit code: 7$/) as unknown,
    });
    const logs = updates.flatMap((update) => (update.kind === "log" ? [update] : []));
    expect(logs.map(({ stream, data }) => [stream, Buffer.from(data).toString()])).toEqual([
      ["stdout", "hello\n"],
      ["stderr", "npm ERR! bad thing\n"],
    ]);
    expect(updates.at(-1)).toMatchObject({
      kind: "text",
      text: expect.stringMatching(/^error: failed to solve/) as unknown,
    });
  });

  it("reads the same wherever the stream is cut", () => {
    const bytes = readFileSync(recorded("two-platforms.ndjson"));
    const whole = read([bytes]);
    expect(whole.length).toBeGreaterThan(50);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 60 }), (places) => {
        expect(read(cut(bytes, places))).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it("takes anything without throwing, and loses no line", () => {
    const line = fc.oneof(
      fc.json(),
      fc.string().map((text) => text.replaceAll("\n", " ")),
      fc.json().map((json) => `{"vertexes":${json},"logs":${json},"statuses":[${json},null]}`),
    );
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(), { maxLength: 8 }), (lines, places) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""));
        const texts = read(cut(bytes, places)).filter(({ kind }) => kind === "text");
        const plain = lines.filter((text) => text.trim() !== "" && !text.includes('{"vertexes"'));
        expect(texts.length).toBe(plain.length);
      }),
    );
  });

  it("skips what is longer than its limit and goes on after it", () => {
    const updates = read(
      [Buffer.from("a".repeat(50)), Buffer.from("a".repeat(80)), Buffer.from("\nERROR: x\n")],
      100,
    );
    expect(updates).toEqual([
      { kind: "skipped", bytes: 130 },
      { kind: "text", text: "ERROR: x" },
    ]);
  });

  it("tells a step's last words before its end", () => {
    const end = { digest: "a", name: "x", started: "now", completed: "now", error: "bad" };
    const logs = [{ vertex: "a", stream: 1, data: "aGk=" }];
    const updates = read([Buffer.from(JSON.stringify({ vertexes: [end], logs }))]);
    expect(updates.map(({ kind }) => kind)).toEqual(["vertex", "log", "vertex"]);
    expect(updates[0]).toMatchObject({ completed: false });
    expect(updates[2]).toMatchObject({ completed: true, error: "bad" });
  });
});
