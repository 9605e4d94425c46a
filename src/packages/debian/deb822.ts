import { AnyarchError } from "../../errors/error.ts";

/**
 * One paragraph of a control file (deb822(5)). Field names are in lower case; a value that goes over several
 * lines keeps its line feeds, without the one space that each continuation begins with.
 */
export type Paragraph = ReadonlyMap<string, string>;

/** Parses paragraphs separated by blank lines; `#` begins a comment line. Throws INPUT_INVALID. */
export function parseParagraphs(text: string, what: string): Paragraph[] {
  const paragraphs: Paragraph[] = [];
  let fields = new Map<string, string>();
  let last: string | undefined;
  const lines = text.split("\n");
  for (const [number, raw] of lines.entries()) {
    const line = raw.replace(/\s+$/, "");
    if (line.startsWith("#")) continue;
    if (line === "") {
      if (fields.size > 0) paragraphs.push(fields);
      fields = new Map();
      last = undefined;
    } else if (line.startsWith(" ") || line.startsWith("\t")) {
      if (last === undefined) throw invalid(what, number, "it continues no field");
      fields.set(last, `${fields.get(last)}\n${line.slice(1)}`);
    } else {
      const colon = line.indexOf(":");
      if (colon < 1) throw invalid(what, number, "it has no colon");
      last = line.slice(0, colon).toLowerCase();
      if (fields.has(last)) throw invalid(what, number, `it repeats the field ${line.slice(0, colon)}`);
      fields.set(last, line.slice(colon + 1).trim());
    }
  }
  if (fields.size > 0) paragraphs.push(fields);
  return paragraphs;
}

function invalid(what: string, index: number, why: string): AnyarchError {
  return new AnyarchError("INPUT_INVALID", `Line ${index + 1} of ${what} is malformed: ${why}.`);
}
