/** Where this machine gets Debian packages from. */
export interface Mirror {
  /** As in the machine's sources, without a trailing slash. */
  readonly uri: string;
  /** The keyring that the machine's own entry names, when it names a file. */
  readonly signedBy?: string;
}

interface Entry extends Mirror {
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

function entry(uri: string, suites: readonly string[], components: readonly string[], signedBy = ""): Entry {
  const bare = { uri: uri.replace(/\/+$/, ""), suites, components };
  return signedBy.startsWith("/") ? { ...bare, signedBy } : bare;
}

/** sources.list(5), one-line style: `deb [option=value …] uri suite component…`. */
function oneLineEntries(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (match === null) continue;
    const [, options = "", uri = "", suite = "", components = ""] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    entries.push(entry(uri, [suite], components.split(/\s+/).filter(Boolean), signedBy));
  }
  return entries;
}

/** sources.list(5), deb822 style: paragraphs of fields, folded lines, `#` comments. */
function deb822Entries(text: string): Entry[] {
  const entries: Entry[] = [];
  const lines = text.replace(/^#.*\n?/gm, "");
  for (const paragraph of lines.split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    for (const [, name = "", value = ""] of paragraph.matchAll(/^([A-Za-z-]+):((?:.*)(?:\n[ \t].*)*)/gm)) {
      fields.set(name.toLowerCase(), value.trim());
    }
    const words = (name: string): string[] => (fields.get(name) ?? "").split(/\s+/).filter(Boolean);
    if (!words("types").includes("deb") || /^(?:no|false)$/i.test(fields.get("enabled") ?? "yes")) continue;
    const signedBy = words("signed-by").length === 1 ? fields.get("signed-by") : undefined;
    for (const uri of words("uris")) entries.push(entry(uri, words("suites"), words("components"), signedBy));
  }
  return entries;
}

/**
 * The mirror of Debian's main archive that apt's own sources name: the first entry with the component `main` whose
 * suites hold the machine's release, by code name or as "stable".
 */
export function debianMirror(
  files: readonly { readonly name: string; readonly text: string }[],
  codename: string,
): Mirror | undefined {
  const entries = files.flatMap(({ name, text }) =>
    name.endsWith(".sources") ? deb822Entries(text) : oneLineEntries(text),
  );
  const found = entries.find(
    ({ suites, components }) =>
      components.includes("main") && suites.some((suite) => [codename, "stable"].includes(suite)),
  );
  if (found === undefined) return undefined;
  return found.signedBy === undefined ? { uri: found.uri } : { uri: found.uri, signedBy: found.signedBy };
}
