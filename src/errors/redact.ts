/** Replaces what could be a secret: user info in URLs, bearer and basic credentials, token-like parameters. */
export function redact(text: string): string {
  return (
    text
      // The user's name in an ssh address is no secret, and says which one is meant.
      .replace(/\b(?!ssh:\/\/[^/\s@:]+@)([a-z][a-z0-9+.-]*:\/\/)[^/\s@]+@/gi, "$1***@")
      .replace(/\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{6,}/gi, "$1 ***")
      .replace(
        /([?&;](?:[a-z_-]*(?:token|password|passwd|secret|signature|sig|key|credential)[a-z_-]*)=)[^&#;\s]+/gi,
        "$1***",
      )
  );
}
