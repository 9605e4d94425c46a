import type { Command, Option } from "commander";

/**
 * The words of a command line `IMAGE [FLAGS] [--] [COMMAND…]` with the "--" that parts ours from the container's: what
 * follows the first word after the image is the container's own, its flags, too. Without an image before a "--",
 * `image` is meant.
 */
export function partCommand(words: readonly string[], command: Command, image: string): readonly string[] {
  let seen = false;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") return seen ? words : [...words.slice(0, at), image, ...words.slice(at)];
    if (word.startsWith("-") && word !== "-") {
      // "run --entrypoint sh IMAGE -c true": no flag of ours. A long one may be a slip of the pen, which is to be said.
      if (seen && !isOurs(word, command.options)) return [...words.slice(0, at), "--", ...words.slice(at)];
      if (takesNext(word, command.options)) at++;
      continue;
    }
    if (seen) return [...words.slice(0, at), "--", ...words.slice(at)];
    seen = true;
  }
  return words;
}

/** Whether the value of a flag is the next word: "--env A=1", "-it -e A=1", but not "--env=A=1" or "-eA=1". */
function takesNext(word: string, options: readonly Option[]): boolean {
  if (word.startsWith("--")) return options.find(({ long }) => long === word)?.required === true;
  for (let at = 1; at < word.length; at++) {
    const option = options.find(({ short }) => short === `-${word.charAt(at)}`);
    if (option?.required === true) return at === word.length - 1;
  }
  return false;
}

function isOurs(word: string, options: readonly Option[]): boolean {
  return word.startsWith("--") || word === "-h" || options.some(({ short }) => short === word.slice(0, 2));
}
