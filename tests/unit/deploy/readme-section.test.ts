import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { withSection } from "../../../src/deploy/readme-section.ts";

const begin = "<!-- anyarch:requirements -->";
const end = "<!-- /anyarch:requirements -->";
const put = (document: string, section = "## Needs\n\nmuch\n"): string =>
  withSection(document, section, "README.md");

describe("withSection", () => {
  it("makes a document, puts the section at the end, and replaces what is between the markers", () => {
    expect(put("")).toBe(`${begin}\n\n## Needs\n\nmuch\n\n${end}\n`);
    expect(put("# App")).toBe(`# App\n\n${begin}\n\n## Needs\n\nmuch\n\n${end}\n`);
    expect(put(`# App\n${begin}\nold\n${end}\nmore`)).toBe(
      `# App\n${begin}\n\n## Needs\n\nmuch\n\n${end}\nmore`,
    );
  });

  it("takes the document's line breaks and keeps a byte order mark", () => {
    const windows = put("\ufeff# App\r\n\r\ntext\r\n");
    expect(windows.startsWith("\ufeff# App\r\n\r\ntext\r\n\r\n<!--")).toBe(true);
    expect(windows.replaceAll("\r\n", "")).not.toContain("\n");
    expect(put(windows)).toBe(windows);
  });

  it("takes markers in code, or within a line, for text", () => {
    for (const example of [
      `\`\`\`html\n${begin}\n${end}\n\`\`\`\n`,
      `~~~~\n\`\`\`\n${begin}\n~~~~\n`,
      `Write \`${begin}\` there.\n`,
    ]) {
      const written = put(example);
      expect(written.startsWith(`${example}\n${begin}\n`)).toBe(true);
      expect(put(written)).toBe(written);
    }
  });

  it.each([
    ["one alone", `${begin}\ntext\n`],
    ["the wrong order", `${end}\n${begin}\n`],
    ["two pairs", `${begin}\n${end}\n${begin}\n${end}\n`],
  ])("refuses markers that aren't a pair: %s", (_, document) => {
    expect(() => put(document)).toThrow(/README\.md doesn't have one pair/);
  });

  it("refuses to add to a block of code that isn't closed", () => {
    expect(() => put("```sh\nls\n~~~\n")).toThrow(/ends in a block of code that isn't closed/);
  });

  it("leaves all else as it was, and nothing to do for a second time", () => {
    const line = fc.constantFrom("# a", "", " b ", "```\ncode\n```", "- c", "\t", "<!-- x -->", "é…");
    const breaks = fc.constantFrom("\n", "\r\n");
    const text = fc.array(fc.tuple(line, breaks)).map((lines) => lines.flat().join(""));
    fc.assert(
      fc.property(text, text, fc.boolean(), (before, after, there) => {
        const document = there ? `${before}${begin}\n${end}${after === "" ? "" : "\n"}${after}` : before;
        const once = put(document);
        expect(put(once)).toBe(once);
        expect(once.startsWith(before)).toBe(true);
        if (there) expect(once.endsWith(after)).toBe(true);
      }),
    );
  });
});
