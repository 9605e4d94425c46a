import { describe, expect, it } from "vitest";
import { cleanLine } from "../../../src/diagnose/log/clean-line.ts";
import { openLogReader } from "../../../src/diagnose/log-reader.ts";
import { logRules } from "../../../src/diagnose/log-rules.ts";
import { fuzzing } from "../fuzzing.ts";
import { mutatedLines } from "./mutated-lines.ts";

const fuzz = fuzzing(15_000);

/** As long as a line can be when a rule sees it. */
const longest = 2400;

/** Inputs on which a pattern with nested or overlapping repetition takes for ever. */
function adversarial(pattern: RegExp): readonly string[] {
  const literals = pattern.source
    .replaceAll(/\\[a-zA-Z]|\{[\d,]+\}|\(\?[:=!<]*|\[[^\]]*\]/g, "\n")
    .split(/[\n|()*+?.^$\\[\]]+/)
    .filter((text) => text.length > 1)
    .slice(0, 30);
  const fill = (unit: string): string => unit.repeat(Math.ceil(longest / unit.length)).slice(0, longest);
  return [
    ...["a", " ", "/", "-", ".", "0", "_", "a ", "/a", "a:", ": ", "'", '"', "(", "=a"].map(fill),
    ...literals.map(fill),
    ...literals.map((text) => fill(`${text} `)),
    ...literals.map((text) => `${text}${fill("a")}`),
    ...literals.map((text) => `${text} ${fill("/a ")}`),
    ...literals.map((text) => `${fill("/")}${text}`),
    fill(`${literals.join(" ")} `),
  ];
}

/** Milliseconds of CPU: a cubic pattern takes minutes for the longest line, a linear one a fraction of one. */
const tooSlow = 100;

/** CPU time of one test, the best of several where it seems slow: other programs share the machine's caches. */
function cost(pattern: RegExp, input: string): number {
  pattern.test(input.slice(0, 100)); // Compiled before it is measured.
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3 && best > tooSlow; attempt++) {
    const before = process.cpuUsage();
    pattern.test(input);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

describe("hostile logs", () => {
  it.each(logRules)("$code takes no pattern that an input can slow down", ({ patterns }) => {
    const slow: string[] = [];
    for (const pattern of patterns.flatMap((all) =>
      Object.values(all).filter((value) => value instanceof RegExp),
    )) {
      for (const input of adversarial(pattern)) {
        const took = cost(pattern, input);
        if (took > tooSlow)
          slow.push(`${took.toFixed(0)} ms: ${pattern.source.slice(0, 80)} on ${input.slice(0, 40)}…`);
      }
    }
    expect(slow).toEqual([]);
  });

  it("takes mutated lines without a crash or a pause", { timeout: fuzz.timeout }, () => {
    let lines = 0;
    for (const log of mutatedLines(fuzz.seed, fuzz.inputs)) {
      const reader = openLogReader();
      for (const line of log) reader.line(line);
      for (const { evidence, why } of reader.diagnoses()) {
        expect(evidence.length).toBeGreaterThan(0);
        expect(why).not.toBe("");
      }
      lines += log.length;
    }
    expect(lines).toBeGreaterThanOrEqual(fuzz.inputs);
  });

  it("holds memory where every line is a complaint", () => {
    const reader = openLogReader();
    for (let line = 0; line < 100_000; line++)
      reader.line(`#${line} 1.0 error: thing ${line} failed: not found`);
    reader.line("qemu: uncaught target signal 11 (Segmentation fault) - core dumped");
    expect(reader.diagnoses()[0]?.code).toBe("qemu-sigsegv-signal-11");
  });

  it("cleans control characters, halves of sequences and endless lines", () => {
    expect(cleanLine("\u001b[31mred\u001b[0m \u0000\u0007x")).toEqual(["red x"]);
    expect(cleanLine("[0;31mred[0m")).toEqual(["red"]);
    expect(cleanLine("\r\r\n")).toEqual([]);
    const [long = ""] = cleanLine("x".repeat(10_000_000));
    expect(long.length).toBeLessThan(5000);
  });
});
