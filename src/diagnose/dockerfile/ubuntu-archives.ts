/** One entry of sources.list that isn't limited to an architecture, or the address line of the deb822 form. */
const entry =
  /\bdeb(?:-src)?[ \t]+(?:\[(?![^\]\n]{0,200}arch)[^\]\n]{0,200}\][ \t]*)?(https?:\/\/[^\s'"]{1,200})([^\n'"]{0,200})|^[ \t]*URIs:[ \t]*(https?:\/\/\S{1,200})/gim;

/**
 * The directory that holds amd64 and i386 alone is called "ubuntu" on every mirror, the others' "ubuntu-ports". Vendors
 * have such a directory too, but neither Ubuntu's components nor a host called "archive" or "security".
 */
function isPcArchive(address: string, rest: string): boolean {
  const host = /^https?:\/\/([\w.-]{1,200})\/ubuntu\/?$/i.exec(address)?.[1];
  if (host === undefined) return false;
  return /(?:^|\.)(?:archive|security)\./i.test(host) || /\b(?:universe|multiverse|restricted)\b/.test(rest);
}

/** Where a text names Ubuntu's archive for x86 as an apt source: the offset, or undefined. */
export function pcArchiveIn(text: string): number | undefined {
  if (!text.includes("ubuntu") || text.length > 100_000) return undefined;
  for (const match of text.replaceAll("\\n", " \n").matchAll(entry)) {
    if (isPcArchive(match[1] ?? match[3] ?? "", match[2] ?? "")) return match.index;
  }
  return undefined;
}
