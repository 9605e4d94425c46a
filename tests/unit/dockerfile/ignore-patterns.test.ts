import { describe, expect, it } from "vitest";
import { IgnorePatterns } from "../../../src/dockerfile/ignore-patterns.ts";

const parse = (...lines: string[]): IgnorePatterns => IgnorePatterns.parse(lines, "test");

describe("IgnorePatterns", () => {
  it.each([
    [["secret"], "secret", true],
    [["secret"], "secret/deep/file", true],
    [["secret"], "sub/secret", false],
    [["**/secret"], "sub/secret", true],
    [["**/secret"], "secret", true],
    [["*.log"], "a.log", true],
    [["*.log"], "sub/a.log", false],
    [["/abs"], "abs", true],
    [["a?c"], "abc", true],
    [["a?c"], "a/c", false],
    [["a[0-9]"], "a7", true],
    [["a[!0-9]"], "a7", false],
    [["docs/**"], "docs/x/y", true],
    [["docs/**/*.md"], "docs/y.md", true],
    [["*", "!keep"], "other", true],
    [["*", "!keep"], "keep", false],
    [["*.md", "!README*.md", "README-secret.md"], "README-secret.md", true],
    [["*.md", "!README*.md", "README-secret.md"], "README-open.md", false],
    [["# comment"], "# comment", false],
    [["  padded  "], "padded", true],
    [["./dot/../x"], "x", true],
    [["a.c"], "abc", false],
    [["a\\*c"], "a*c", true],
    [["a\\*c"], "abc", false],
  ])("%j on %s: %s", (lines, path, expected) => {
    expect(parse(...lines).ignores(path)).toBe(expected);
  });

  it("names the line of a pattern that it can't read", () => {
    expect(() => parse("ok", "[a")).toThrow(/test, line 2/);
  });

  it("lets later patterns take back earlier ones", () => {
    const both = parse("dist").followedBy(parse("!dist/assets"));
    expect(both.ignores("dist/app.js")).toBe(true);
    expect(both.ignores("dist/assets/app.js")).toBe(false);
    expect(both.prunes).toBe(false);
  });
});
