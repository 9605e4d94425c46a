import { AnyarchError } from "../errors/error.ts";

const marker = { begin: "<!-- anyarch:requirements -->", end: "<!-- /anyarch:requirements -->" } as const;

/**
 * A Markdown document with `section` between the two marker comments, which are added at its end where it has none.
 * All else stays byte for byte, and the section takes the document's line breaks; doing it twice changes nothing.
 * Markers in fenced code are text. Throws USAGE, naming `file`, where the markers aren't one pair.
 */
export function withSection(document: string, section: string, file: string): string {
  const found = findMarkers(document, file);
  const newline = lineBreakOf(document);
  const block = [marker.begin, "", section.trimEnd(), "", marker.end].join("\n").replaceAll("\n", newline);
  if (found !== undefined) return document.slice(0, found.start) + block + document.slice(found.end);
  if (document.replace("\ufeff", "") === "") return `${document}${block}${newline}`;
  const ended = /\r?\n$/.test(document) ? document : document + newline;
  const spaced = /\r?\n[ \t]*\r?\n$/.test(ended) ? ended : ended + newline;
  return `${spaced}${block}${newline}`;
}

/** That of most lines. */
function lineBreakOf(document: string): "\r\n" | "\n" {
  const windows = document.split("\r\n").length - 1;
  const all = document.split("\n").length - 1;
  return windows > all - windows ? "\r\n" : "\n";
}

/** From the first marker's beginning to the second one's end; undefined where there is neither. */
function findMarkers(document: string, file: string): { start: number; end: number } | undefined {
  const begins: number[] = [];
  const ends: number[] = [];
  let fence: string | undefined;
  let at = 0;
  for (const line of document.split("\n")) {
    const [, opened, info] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line.trimEnd()) ?? [];
    const text = /^\ufeff? {0,3}(\S.*)$/.exec(line.trimEnd())?.[1];
    if (fence !== undefined) {
      if (opened?.startsWith(fence) === true && info === "") fence = undefined;
    } else if (opened !== undefined) fence = opened;
    else if (text === marker.begin) begins.push(at + line.indexOf(marker.begin));
    else if (text === marker.end) ends.push(at + line.indexOf(marker.end) + marker.end.length);
    at += line.length + 1;
  }
  const [start, end] = [begins[0], ends[0]];
  if (start === undefined && end === undefined) {
    if (fence === undefined) return undefined;
    throw new AnyarchError("USAGE", `${file} ends in a block of code that isn't closed.`, {
      hint: `Close it with a line of ${fence}: what is added would be code.`,
    });
  }
  if (start !== undefined && end !== undefined && begins.length === 1 && ends.length === 1 && start < end)
    return { start, end };
  throw new AnyarchError("USAGE", `${file} doesn't have one pair of ${marker.begin} and ${marker.end}.`, {
    hint: "Remove them but for one pair, or all of them: then a new section is put at the end.",
    details: { file, begins: begins.length, ends: ends.length },
  });
}
