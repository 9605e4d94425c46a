/**
 * A test for paths from globs as .gitignore has them: `*` and `?` stay within a name, `**` spans directories,
 * `[abc]` and `{a,b}` choose. A glob without a slash matches the name in any directory; one that matches a
 * directory matches all in it. Leading slashes don't matter.
 */
export function pathMatcher(globs: readonly string[]): (path: string) => boolean {
  if (globs.length === 0) return () => false;
  const patterns = globs.map(patternOf);
  return (path) => patterns.some((pattern) => pattern.test(path));
}

function patternOf(glob: string): RegExp {
  const anchored = glob.replace(/^\/+/, "").replace(/\/+$/, "");
  const prefix = anchored.includes("/") || glob.startsWith("/") ? "" : "(?:.*/)?";
  return new RegExp(`^${prefix}${bodyOf(anchored)}(?:/.*)?$`, "s");
}

const special: ReadonlySet<string> = new Set("\\^$.|+()[]{}*?");

function bodyOf(glob: string): string {
  let body = "";
  for (let at = 0; at < glob.length; at++) {
    const character = glob.charAt(at);
    const [whole, choice] = /^\[([^\]/]+)\]|^\{([^{}/]+)\}/.exec(glob.slice(at)) ?? [];
    if (glob.startsWith("**/", at)) {
      body += "(?:[^/]+/)*";
      at += 2;
    } else if (glob.startsWith("**", at)) {
      body += ".*";
      at++;
    } else if (character === "*") body += "[^/]*";
    else if (character === "?") body += "[^/]";
    else if (whole !== undefined) {
      body += choice === undefined ? alternatives(whole.slice(1, -1)) : characterClass(choice);
      at += whole.length - 1;
    } else body += special.has(character) ? `\\${character}` : character;
  }
  return body;
}

function characterClass(choice: string): string {
  const negated = /^[!^]/.test(choice);
  const body = (negated ? choice.slice(1) : choice).replaceAll(/[\\\]^]/g, "\\$&");
  return body === "" ? "[!^]" : `[${negated ? "^/" : ""}${body}]`;
}

function alternatives(list: string): string {
  return `(?:${list.split(",").map(bodyOf).join("|")})`;
}
