import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesSpecifier, parseSpecifier } from "../../../../src/packages/python/specifier.ts";
import { compareVersions, formatVersion, parseVersion } from "../../../../src/packages/python/version.ts";
import { askPackaging, hasPackaging } from "./packaging-oracle.ts";

const number = fc.nat({ max: 12 });
const release = fc.array(number, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("."));
const option = (text: fc.Arbitrary<string>) => fc.oneof({ weight: 2, arbitrary: fc.constant("") }, text);
const pre = option(
  fc
    .tuple(
      fc.constantFrom("", "-", "_", "."),
      fc.constantFrom("a", "alpha", "b", "beta", "c", "rc", "pre", "preview", "RC"),
      fc.constantFrom("", "-", "."),
      option(number.map(String)),
    )
    .map(([before, name, between, digits]) => `${before}${name}${digits === "" ? "" : between}${digits}`),
);
const post = option(
  fc.oneof(
    number.map((digits) => `-${digits}`),
    fc
      .tuple(fc.constantFrom("", "-", "."), fc.constantFrom("post", "rev", "r"), option(number.map(String)))
      .map((parts) => parts.join("")),
  ),
);
const dev = option(
  fc
    .tuple(fc.constantFrom("", ".", "-"), option(number.map(String)))
    .map(([dot, digits]) => `${dot}dev${digits}`),
);
const local = option(
  fc
    .array(fc.constantFrom("cpu", "cu118", "1", "07", "ubuntu"), { minLength: 1, maxLength: 3 })
    .map((parts) => `+${parts.join(".")}`),
);
const version = fc
  .tuple(option(number.map((digits) => `${digits}!`)), release, pre, post, dev, local)
  .map((parts) => parts.join(""));

/**
 * The packaging that pip 23 brings compares prefixes as text: it misses operands that aren't in normal form and
 * candidates with an epoch. PEP 440 doesn't, so such operands are normalised, and have no epoch, here.
 */
const specifier = fc
  .tuple(
    fc.constantFrom("==", "!=", "<=", ">=", "<", ">", "~="),
    fc.oneof(version, release),
    fc.constantFrom("", "", ".*"),
  )
  .map(([operator, operand, star]) => {
    if (star === "" && operator !== "~=") return operator + operand;
    const parsed = parseVersion(operand);
    return `${operator}${parsed ? formatVersion({ ...parsed, epoch: 0 }) : operand}${star}`;
  });

describe("PEP 440 versions", () => {
  it("are what they normalise to", () => {
    const text = (written: string) => {
      const parsed = parseVersion(written);
      return parsed && formatVersion(parsed);
    };
    expect(text("v1.0-ALPHA_2.post")).toBe("1.0a2.post0");
    expect(text("1!2-3.dev")).toBe("1!2.post3.dev0");
    expect(text("1.0+Ubuntu-1_2")).toBe("1.0+ubuntu.1.2");
    for (const bad of ["", "1.", "one", "1.0+", "1..0", "1.0-x", "1 0"]) expect(text(bad)).toBeUndefined();
  });

  it.runIf(hasPackaging)("sort as packaging sorts them", () => {
    const pairs = fc.sample(fc.tuple(version, version), { numRuns: 1500, seed: 7 });
    const oracle = askPackaging(
      `
from pip._vendor.packaging.version import Version
result = [[str(Version(a)), (Version(a) > Version(b)) - (Version(a) < Version(b))] for a, b in data]`,
      pairs,
    );
    const ours = pairs.map(([a, b]) => {
      const [left, right] = [parseVersion(a), parseVersion(b)];
      if (left === undefined || right === undefined) throw new Error(`${a} or ${b} isn't parsed`);
      return [formatVersion(left), Math.sign(compareVersions(left, right))];
    });
    expect(ours).toEqual(oracle);
  });

  it("have a total order that their normal form keeps", () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        const [left, right] = [parseVersion(a), parseVersion(b)];
        if (left === undefined || right === undefined) throw new Error("not parsed");
        const again = parseVersion(formatVersion(left));
        expect(again && compareVersions(left, again)).toBe(0);
        expect(Math.sign(compareVersions(left, right)) + Math.sign(compareVersions(right, left))).toBe(0);
      }),
    );
  });
});

describe("PEP 440 specifiers", () => {
  it.runIf(hasPackaging)("take and refuse what packaging takes and refuses", () => {
    // Versions near the operand, so that both outcomes are common.
    const cases = fc.sample(
      fc.tuple(specifier, fc.array(version, { minLength: 3, maxLength: 3 })).map(([clause, others]) => {
        const operand = clause.replace(/^[~=!<>]+/, "").replace(/\.\*$/, "");
        const near = ["", ".0", ".1", "rc1", ".post1", ".dev1", "+local"].map((suffix) => operand + suffix);
        return [clause, [...others, ...near]] as const;
      }),
      { numRuns: 1500, seed: 11 },
    );
    const oracle = askPackaging(
      `
from pip._vendor.packaging.specifiers import Specifier, InvalidSpecifier
from pip._vendor.packaging.version import Version, InvalidVersion
def contains(s, v):
    try: v = Version(v)
    except InvalidVersion: return None
    return s.contains(v, prereleases=True)
result = []
for clause, versions in data:
    try: s = Specifier(clause)
    except InvalidSpecifier:
        result.append(None); continue
    result.append([contains(s, v) for v in versions])`,
      cases,
    ) as readonly (null | readonly (boolean | null)[])[];
    const differences = cases.flatMap(([clause, versions], index) => {
      const parsed = parseSpecifier(clause);
      const expected = oracle[index];
      if (parsed === undefined || expected === null || expected === undefined)
        return (parsed === undefined) === (expected === null)
          ? []
          : [`${clause}: parsed ${parsed !== undefined}`];
      return versions.flatMap((text, at) => {
        const candidate = parseVersion(text);
        const ours = candidate === undefined ? null : matchesSpecifier(parsed, candidate);
        return ours === expected[at] ? [] : [`${text} ${clause}: ${ours}, packaging ${expected[at]}`];
      });
    });
    expect(differences).toEqual([]);
  });

  it("compare arbitrary text with ===", () => {
    const parsed = parseSpecifier("===lolwat");
    expect(parsed && matchesSpecifier(parsed, "LOLWAT")).toBe(true);
    expect(parsed && matchesSpecifier(parsed, "1.0")).toBe(false);
  });
});
