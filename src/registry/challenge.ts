/** One challenge of a WWW-Authenticate header (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In lower case: "basic", "bearer". */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(`^(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`);
const schemeName = new RegExp(`^(${token})(?:[ \\t]+|$|(?=,))`);
const token68 = /^[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/;

/** Reads all challenges of a WWW-Authenticate header, several in one value included; stops at what is malformed. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let rest = header;
  for (;;) {
    rest = rest.replace(/^[\s,]+/, "");
    if (rest === "") return challenges;
    const current = challenges.at(-1);
    const pair = parameter.exec(rest);
    if (pair !== null && current !== undefined) {
      const value = pair[2]?.replace(/\\(.)/g, "$1") ?? pair[3] ?? "";
      current.parameters[(pair[1] ?? "").toLowerCase()] ??= value;
      rest = rest.slice(pair[0].length);
      continue;
    }
    const scheme = schemeName.exec(rest);
    if (scheme === null || pair !== null) return challenges;
    challenges.push({ scheme: (scheme[1] ?? "").toLowerCase(), parameters: {} });
    rest = rest.slice(scheme[0].length);
    // A token68 in place of parameters (Negotiate, NTLM) means nothing to us.
    const opaque = parameter.test(rest) ? null : token68.exec(rest);
    if (opaque !== null && scheme[0].endsWith(" ")) rest = rest.slice(opaque[0].length);
  }
}
