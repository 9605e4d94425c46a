import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pathMatcher } from "../../../src/verify/path-pattern.ts";

describe("pathMatcher", () => {
  it.each([
    ["qemu-*", "usr/bin/qemu-arm-static", true],
    ["qemu-*", "usr/bin/my-qemu-x", false],
    ["/opt/cross", "opt/cross/lib/a.so", true],
    ["/opt/cross", "opt/crossing/a.so", false],
    ["/cross", "opt/cross/a", false],
    ["cross", "opt/cross/a", true],
    ["opt/*/a.so", "opt/x/a.so", true],
    ["opt/*/a.so", "opt/x/y/a.so", false],
    ["opt/**/a.so", "opt/a.so", true],
    ["opt/**/a.so", "opt/x/y/a.so", true],
    ["opt/**", "opt/x/y", true],
    ["lib?.so", "x/liba.so", true],
    ["lib?.so", "x/lib.so", false],
    ["lib[ab].so", "libb.so", true],
    ["lib[!ab].so", "libb.so", false],
    ["*.{so,node}", "a/b.node", true],
    ["a+b(c).so", "a+b(c).so", true],
    ["a.so", "axso", false],
  ])("%s on %s: %s", (glob, path, expected) => {
    expect(pathMatcher([glob])(path)).toBe(expected);
  });

  it("matches nothing without patterns, and any text by itself when nothing in it is special", () => {
    expect(pathMatcher([])("a")).toBe(false);
    fc.assert(
      fc.property(fc.stringMatching(/^[\w .+()^$|\\-]{1,20}$/), (name) => {
        expect(pathMatcher([`/${name}`])(name)).toBe(true);
        expect(pathMatcher([`/${name}`])(`${name}x`)).toBe(false);
      }),
    );
  });
});
