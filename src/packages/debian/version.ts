/** The operators of versioned relations (Debian Policy 7.1); `<` and `>` are the obsolete `<=` and `>=`. */
export type VersionOperator = "<<" | "<=" | "=" | ">=" | ">>";

interface SplitVersion {
  readonly epoch: number;
  readonly upstream: string;
  readonly revision: string;
}

function split(version: string): SplitVersion {
  const colon = version.indexOf(":");
  const rest = version.slice(colon + 1);
  const hyphen = rest.lastIndexOf("-");
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)),
    upstream: hyphen < 0 ? rest : rest.slice(0, hyphen),
    revision: hyphen < 0 ? "" : rest.slice(hyphen + 1),
  };
}

/** The version without epoch and Debian revision: "1:1.2.13.dfsg-1" is "1.2.13.dfsg". */
export function upstreamVersion(version: string): string {
  return split(version).upstream;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** `~` sorts before the end, the end (and digits, where a non-digit is due) before letters, those before the rest. */
function order(code: number): number {
  if (Number.isNaN(code) || isDigit(code)) return 0;
  if (code === 126) return -1;
  const letter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
  return letter ? code : code + 256;
}

function skipZeros(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === 48) at++;
  return at;
}

function compareParts(a: string, b: string): number {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    while ((i < a.length && !isDigit(a.charCodeAt(i))) || (j < b.length && !isDigit(b.charCodeAt(j)))) {
      const difference = order(a.charCodeAt(i)) - order(b.charCodeAt(j));
      if (difference !== 0) return difference;
      i++;
      j++;
    }
    i = skipZeros(a, i);
    j = skipZeros(b, j);
    let first = 0;
    while (isDigit(a.charCodeAt(i)) && isDigit(b.charCodeAt(j))) {
      if (first === 0) first = a.charCodeAt(i) - b.charCodeAt(j);
      i++;
      j++;
    }
    if (isDigit(a.charCodeAt(i))) return 1;
    if (isDigit(b.charCodeAt(j))) return -1;
    if (first !== 0) return first;
  }
  return 0;
}

/** Negative, zero or positive as `a` is older than, as old as or newer than `b` (Debian Policy 5.6.12). */
export function compareVersions(a: string, b: string): number {
  if (a === b) return 0;
  const left = split(a);
  const right = split(b);
  return (
    left.epoch - right.epoch ||
    compareParts(left.upstream, right.upstream) ||
    compareParts(left.revision, right.revision)
  );
}

export function versionSatisfies(version: string, operator: VersionOperator, wanted: string): boolean {
  const difference = compareVersions(version, wanted);
  switch (operator) {
    case "<<":
      return difference < 0;
    case "<=":
      return difference <= 0;
    case "=":
      return difference === 0;
    case ">=":
      return difference >= 0;
    case ">>":
      return difference > 0;
  }
}
