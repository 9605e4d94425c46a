import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseParagraphs } from "../../../../src/packages/debian/deb822.ts";
import { formatRelations, parseRelations, type Relation } from "../../../../src/packages/debian/relation.ts";

const name = fc
  .tuple(
    fc.constantFrom(...Array.from("abcz059")),
    fc.string({ unit: fc.constantFrom(...Array.from("abc019+.-")), minLength: 1, maxLength: 8 }),
  )
  .map((parts) => parts.join(""));
const relation: fc.Arbitrary<Relation> = fc
  .tuple(
    name,
    fc.constantFrom(undefined, "any", "native", "arm64"),
    fc.option(
      fc.tuple(
        fc.constantFrom("<<" as const, "<=" as const, "=" as const, ">=" as const, ">>" as const),
        fc.constantFrom("1", "1:2.3-4~x", "0+git"),
      ),
      { nil: undefined },
    ),
  )
  .map(([packageName, qualifier, version]) => ({
    name: packageName,
    ...(qualifier !== undefined && { qualifier }),
    ...(version !== undefined && { operator: version[0], version: version[1] }),
  }));

describe("relations between packages", () => {
  it("reads what it writes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(relation, { minLength: 1, maxLength: 3 }), { maxLength: 4 }),
        (groups) => {
          expect(parseRelations(formatRelations(groups))).toEqual(groups);
        },
      ),
    );
  });

  it("reads alternatives, qualifiers, versions and odd spacing", () => {
    expect(parseRelations("libc6(>=2.36),  python3:any (<< 3.12) |python3.11 ,")).toEqual([
      [{ name: "libc6", operator: ">=", version: "2.36" }],
      [{ name: "python3", qualifier: "any", operator: "<<", version: "3.12" }, { name: "python3.11" }],
    ]);
    expect(parseRelations(undefined)).toEqual([]);
    expect(parseRelations("a (< 1), b (> 2)").flat()).toMatchObject([{ operator: "<=" }, { operator: ">=" }]);
  });

  it.each(["a b", "a (>= )", "a (~ 1)", "(>= 1)", "a |", "a (>= 1) x"])("refuses %j", (text) => {
    expect(() => parseRelations(text)).toThrowError(expect.objectContaining({ code: "INPUT_INVALID" }));
  });
});

describe("control files", () => {
  it("reads paragraphs, continuations, comments and any case of field names", () => {
    const text =
      "# top\nPackage: a\nDescription: short\n long\n .\n more\n\n\n# between\nPACKAGE: b\nEmpty:\n";
    const [first, second, ...rest] = parseParagraphs(text, "test");
    expect([...(first ?? [])]).toEqual([
      ["package", "a"],
      ["description", "short\nlong\n.\nmore"],
    ]);
    expect([...(second ?? [])]).toEqual([
      ["package", "b"],
      ["empty", ""],
    ]);
    expect(rest).toEqual([]);
  });

  it.each([
    [" continued\n", "Line 1"],
    ["A: 1\nbad\n", "Line 2"],
    ["A: 1\na: 2\n", "repeats"],
  ])("refuses %j", (text, why) => {
    expect(() => parseParagraphs(text, "the file")).toThrowError(why);
  });

  it("gives back any fields", () => {
    const field = fc.tuple(
      name,
      fc.string({ unit: fc.constantFrom(...Array.from("ab :,#é")), maxLength: 10 }),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(field, { selector: ([key]) => key, minLength: 1, maxLength: 5 }),
        (fields) => {
          const text = fields.map(([key, value]) => `${key}: ${value}\n`).join("");
          expect([...(parseParagraphs(text, "test")[0] ?? [])]).toEqual(
            fields.map(([key, value]) => [key, value.trim()]),
          );
        },
      ),
    );
  });
});
