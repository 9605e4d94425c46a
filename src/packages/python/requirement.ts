import { AnyarchError } from "../../errors/error.ts";
import { parseMarker } from "./marker.ts";
import { namePattern, normalizeName } from "./name.ts";
import { parseSpecifiers, type Specifier } from "./specifier.ts";

/** A requirement as in PEP 508: `name[extra]>=1; marker` or `name[extra] @ url ; marker`. */
export interface Requirement {
  /** Normalised (PEP 503). */
  readonly name: string;
  /** Normalised and sorted. */
  readonly extras: readonly string[];
  /** Empty: any version. */
  readonly specifiers: readonly Specifier[];
  readonly url?: string;
  readonly marker?: string;
  /** As written, trimmed. */
  readonly text: string;
}

const headPattern = /^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?\s*/;

function malformed(text: string, why: string): AnyarchError {
  return new AnyarchError("INPUT_INVALID", `"${text.trim()}" is not a requirement: ${why}.`, {
    hint: "Requirements look like: name, name>=1.2, name[extra]==1.2; python_version < '3.12', name @ URL.",
  });
}

/** Parses a requirement. Throws INPUT_INVALID, saying what is wrong with it. */
export function parseRequirement(text: string): Requirement {
  const head = headPattern.exec(text);
  const name = head?.[1]?.replace(/[._-]+$/, "");
  if (head === null || name === undefined || !namePattern.test(name))
    throw malformed(text, "it begins with no project name");
  // The name's pattern can't swallow what follows it: "name-" is no name, so nothing is lost here.
  const rest = text.slice(head[0].length);
  const extras = (head[2] ?? "").split(",").map((extra) => normalizeName(extra.trim()));
  const base = { name: normalizeName(name), extras: extras.filter(Boolean).sort(), text: text.trim() };
  if (rest.startsWith("@")) {
    // A URL ends at white space, so that its own semicolons stay part of it.
    const [, url, marker] = /^@\s*(\S+)(?:\s+;\s*(.+?))?\s*$/.exec(rest) ?? [];
    if (url === undefined) throw malformed(text, "what follows @ is no URL");
    return { ...base, specifiers: [], url, ...checkedMarker(marker) };
  }
  const semicolon = rest.indexOf(";");
  const versions = (semicolon < 0 ? rest : rest.slice(0, semicolon)).trim().replace(/^\((.*)\)$/, "$1");
  const specifiers = parseSpecifiers(versions);
  if (specifiers === undefined) throw malformed(text, `"${versions}" is no version specifier`);
  return { ...base, specifiers, ...checkedMarker(semicolon < 0 ? undefined : rest.slice(semicolon + 1)) };
}

function checkedMarker(marker: string | undefined): { marker?: string } {
  if (marker === undefined || marker.trim() === "") return {};
  parseMarker(marker.trim());
  return { marker: marker.trim() };
}
