/** Credentials of one registry. Exactly one of password, identityToken and registryToken is set. */
export interface Credential {
  /** Where it was found, for errors: "~/.docker/config.json". Never a secret. */
  readonly source: string;
  readonly username?: string;
  readonly password?: string;
  /** OAuth2 refresh token, exchanged for an access token at the registry's token service. */
  readonly identityToken?: string;
  /** Sent to the registry as the bearer token. */
  readonly registryToken?: string;
}

/** Names under which credentials for Docker Hub are kept. */
const hubNames: ReadonlySet<string> = new Set(["index.docker.io", "registry-1.docker.io"]);

/** "docker.io" for all names of Docker Hub; everything else as it is. */
export function canonicalRegistry(name: string): string {
  return hubNames.has(name) ? "docker.io" : name;
}
