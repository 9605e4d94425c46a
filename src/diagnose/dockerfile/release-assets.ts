import { archNames } from "./arch-names.ts";
import { option, type Use } from "./uses.ts";

/** Words of scripts that ask GitHub or GitLab which files a release has. */
const asksForRelease =
  /browser_download_url|api\.github\.com\/repos|\/api\/v4\/projects|\/releases\/(?:latest|expanded_assets)/;

/** Names within a pattern of grep, jq, awk, sed or Python, with what stands around them. */
const namePart = /[\w.*+/-]*/y;

/**
 * The parts of names by which a command picks one file of a release: `gh release download --pattern`, and filters of
 * the list that a forge's API gives. Without a name of an architecture there is none.
 */
export function chosenAssets(use: Use): readonly string[] {
  const { program, args, model, instruction } = use;
  if (program === "gh" && args[0] === "release" && args[1] === "download") {
    const pattern = option(args, "--pattern", "-p");
    return pattern === undefined ? [] : [pattern];
  }
  if (!/^(?:e?grep|fgrep|rg|jq|awk|gawk|sed|python3?|perl|ruby|node)$/.test(program)) return [];
  if (program.endsWith("grep") && args.some((word) => /^-\w*v/.test(word))) return [];
  if (!asksForRelease.test(model.script(instruction)?.text ?? "")) return [];
  for (const word of args) {
    if (word.length > 2000) continue;
    const all = archNames(word).filter(({ text }) => text.length > 2);
    if (all.length === 0 || /!\s*=|\bnot\b|\|\s*not/.test(word)) continue;
    // Several: whatever is there is meant.
    return [all.map(({ at, text }) => around(word, at, text)).join("/")];
  }
  return [];
}

function around(word: string, at: number, text: string): string {
  let start = at;
  while (start > 0 && /[\w.-]/.test(word[start - 1] ?? "")) start--;
  namePart.lastIndex = at + text.length;
  return word.slice(start, at + text.length) + (namePart.exec(word)?.[0] ?? "");
}
