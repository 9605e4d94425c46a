/** One entry of sources.list that isn't limited to an architecture, or the address line of the deb822 form. */
const entry =
  /\bdeb(?:-src)?[ \t]+(?:\[(?![^\]\n]{0,200}arch)[^\]\n]{0,200}\][ \t]*)?(https?:\/\/[^\s'"]{1,200})([^\n'"]{0,200})|^[ \t]*URIs:[ \t]*(https?:\/\/\S{1,200})/gim;

/** Canonical's own hosts, and mirrors' directory of that name beside the components that only Ubuntu has. */
function isPcArchive(address: string, rest: string): boolean {
  if (/^https?:\/\/(?:[\w-]+\.){0,4}(?:archive|security)\.ubuntu\.com\/ubuntu\/?$/i.test(address))
    return true;
  return (
    /^https?:\/\/[\w.-]+\/ubuntu\/?$/i.test(address) && /\b(?:universe|multiverse|restricted)\b/.test(rest)
  );
}

/**
 * Where a text names Ubuntu's archive for x86 as an apt source: arm and the others are on ports.ubuntu.com, in
 * `ubuntu-ports`. The offset, or undefined.
 */
export function pcArchiveIn(text: string): number | undefined {
  if (!text.includes("ubuntu") || text.length > 100_000) return undefined;
  for (const match of text.replaceAll("\\n", " \n").matchAll(entry)) {
    const address = match[1] ?? match[3] ?? "";
    if (isPcArchive(address, match[2] ?? "")) return match.index;
  }
  return undefined;
}
