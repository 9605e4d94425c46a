import { describe, expect, it } from "vitest";
import { expandWord } from "../../../src/dockerfile/expand.ts";

const variables = new Map([
  ["A", "foo"],
  ["E", ""],
]);

describe("expandWord", () => {
  // The right sides are what BuildKit's shell.Lex gives.
  it.each([
    ["$A-${A}.", "foo-foo."],
    ["${E:-z}${E-z}${N:-${A}}${N-y}", "zfooy"],
    ["${A:+y}${E:+y}${E+y}", "yy"],
    ["${A#f}${A##*o}${A%o}${A%%o*}", "oofof"],
    ["${A/o/u}${A//o/u}", "fuofuu"],
    ["'$A'\"$A 'x'\"\\$A", "$Afoo 'x'$A"],
    ["$$A $", "A $"],
    ['"a\\b\\""', 'a\\b"'],
    ["\\", ""],
  ])("expands %j", (word, expected) => {
    expect(expandWord(word, variables)).toBe(expected);
  });

  it.each(["${A", "'a", '"a', "${}", "${N:?gone}", "${A!}"])("refuses %j", (word) => {
    expect(() => expandWord(word, variables)).toThrow("can't be expanded");
  });

  it("takes input nested without end", () => {
    expect(() => expandWord("${A:-".repeat(100_000), variables)).toThrow("nested too deeply");
  });
});
