/** Control characters and those that turn the direction of writing: a terminal would obey them. */
const controls = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

function escaped(char: string): string {
  const code = char.charCodeAt(0);
  if (char === "\n") return "\\n";
  if (char === "\t") return "\\t";
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** Text from anywhere, safe for a terminal: only line feeds and tabs are left of the characters that control it. */
export function printable(text: string): string {
  return text.replace(controls, (char) => (char === "\n" || char === "\t" ? char : escaped(char)));
}

/** A file's name, which may hold anything, on one line. */
export function printableName(name: string): string {
  return name.replace(controls, escaped);
}
