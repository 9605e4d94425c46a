/** Sections of an ini file → option → value; continuation lines are joined with "\n". */
export type Ini = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Reads the dialect of Python's configparser that pip uses: `[section]`, `key = value`, indented continuation. */
export function parseIni(text: string): Ini {
  const sections: Record<string, Record<string, string>> = {};
  let section: Record<string, string> | undefined;
  let key: string | undefined;
  for (const line of text.replace(/^\uFEFF/, "").split(/\r?\n/)) {
    if (/^\s*(?:[#;]|$)/.test(line)) continue;
    const header = /^\[([^\]]+)\]/.exec(line)?.[1];
    const [, name, value = ""] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (header !== undefined) {
      section = sections[header] ??= {};
      key = undefined;
    } else if (/^\s/.test(line) && section !== undefined && key !== undefined) {
      section[key] = `${section[key] ?? ""}\n${line.trim()}`.trim();
    } else if (name !== undefined && section !== undefined) {
      key = name.toLowerCase().replaceAll("_", "-");
      section[key] = value.trim();
    }
  }
  return sections;
}
