import { spawnSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compareVersions,
  upstreamVersion,
  versionSatisfies,
} from "../../../../src/packages/debian/version.ts";

const dpkg = spawnSync("dpkg", ["--version"]).status === 0;

/** What dpkg says of many pairs at once: a shell loop, because a process for each pair is slow. */
function dpkgOrder(pairs: readonly (readonly [string, string])[]): number[] {
  const script = `while read -r a b; do
    if dpkg --compare-versions "$a" lt "$b"; then echo -1
    elif dpkg --compare-versions "$a" gt "$b"; then echo 1
    else echo 0; fi; done`;
  const input = pairs.map(([a, b]) => `${a} ${b}\n`).join("");
  const { stdout } = spawnSync("sh", ["-c", script], { input, encoding: "utf8" });
  return stdout.trim().split("\n").map(Number);
}

const part = fc.string({
  unit: fc.constantFrom(...Array.from("0123456789aAbzZ.+~")),
  minLength: 0,
  maxLength: 6,
});
const version = fc
  .tuple(
    fc.option(fc.nat({ max: 3 }), { nil: undefined }),
    fc.nat({ max: 20 }),
    part,
    fc.option(part, { nil: undefined }),
  )
  .map(([epoch, first, upstream, revision]) => {
    const tail = revision === undefined || revision === "" ? "" : `-${revision}`;
    return `${epoch === undefined ? "" : `${epoch}:`}${first}${upstream}${tail}`;
  });

describe("Debian versions", () => {
  it.each([
    ["1.0", "1.0", 0],
    ["1.0~rc1", "1.0", -1],
    ["1.0~~", "1.0~", -1],
    ["1:0.1", "2.0", 1],
    ["0:1.0", "1.0", 0],
    ["1.0-1", "1.0-1+b1", -1],
    ["1.0-1", "1.0", 1],
    ["1.0-0", "1.0", 0],
    ["2.36-9+deb12u13", "2.36-9+deb12u9", 1],
    ["1.2.3a", "1.2.3+", -1],
    ["007", "7", 0],
    ["3.0.17-1~deb12u2", "3.0.17-1", -1],
    ["20250419~deb12u2", "20230311", 1],
  ])("compares %s with %s", (a, b, order) => {
    expect(Math.sign(compareVersions(a, b))).toBe(order);
    expect(Math.sign(compareVersions(b, a))).toBe(order === 0 ? 0 : -order);
  });

  it.skipIf(!dpkg)("orders as dpkg does", () => {
    const equal = version.map((text) => [text, text.includes(":") ? text : `0:${text}`] as const);
    const pairs = fc.sample(fc.oneof({ weight: 9, arbitrary: fc.tuple(version, version) }, equal), {
      numRuns: 250,
      seed: 4711,
    });
    const mine = pairs.map(([a, b]) => Math.sign(compareVersions(a, b)));
    const dpkgs = dpkgOrder(pairs);
    expect(new Set(dpkgs)).toEqual(new Set([-1, 0, 1]));
    expect(pairs.filter((_, index) => mine[index] !== dpkgs[index])).toEqual([]);
  });

  it("is a total order", () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(0 - Math.sign(compareVersions(b, a)));
        const [x = "", y = "", z = ""] = [a, b, c].sort(compareVersions);
        expect(compareVersions(x, y)).toBeLessThanOrEqual(0);
        expect(compareVersions(y, z)).toBeLessThanOrEqual(0);
        expect(compareVersions(x, z)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it("knows the five operators", () => {
    const satisfied = (["<<", "<=", "=", ">=", ">>"] as const).map((operator) => [
      versionSatisfies("1", operator, "2"),
      versionSatisfies("2", operator, "2"),
      versionSatisfies("3", operator, "2"),
    ]);
    expect(satisfied).toEqual([
      [true, false, false],
      [true, true, false],
      [false, true, false],
      [false, true, true],
      [false, false, true],
    ]);
  });

  it("takes epoch and revision off", () => {
    expect(upstreamVersion("1:1.2.13.dfsg-1")).toBe("1.2.13.dfsg");
    expect(upstreamVersion("2.36")).toBe("2.36");
  });
});
