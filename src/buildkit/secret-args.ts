/*
 * Build arguments are no place for secrets: they are in the image's history and on the client's command line. People
 * use them so nevertheless; what anyarch itself says and writes doesn't spread them.
 */

type Strings = Readonly<Record<string, string>>;

/** Names that BuildKit itself warns of (frontend/dockerfile/linter, SecretsUsedInArgOrEnv). */
const secretName = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|pwd|secret|token)(?:_|$)/i;

/** Shorter values are in other words too often. */
const shortest = 4;

const hidden = "***";

const isSecret = (name: string): boolean => secretName.test(name) && !/public/i.test(name);

/** The same arguments, without the values of those that are named like a secret. */
export function withoutSecrets(buildArgs: Strings): Record<string, string> {
  return Object.fromEntries(
    Object.entries(buildArgs).map(([name, value]) => [name, isSecret(name) ? hidden : value]),
  );
}

/** Replaces the values of such arguments wherever they stand in a text. */
export function hideSecrets(buildArgs: Strings): (text: string) => string {
  const values = Object.entries(buildArgs)
    .filter(([name, value]) => isSecret(name) && value.length >= shortest)
    .map(([, value]) => value)
    .toSorted((a, b) => b.length - a.length);
  return values.length === 0
    ? (text) => text
    : (text) => values.reduce((rest, value) => rest.replaceAll(value, hidden), text);
}
