import type { Context } from "../host/context.ts";
import { canonicalRegistry } from "./credential.ts";
import { type ExplicitCredentials, findCredential } from "./credentials.ts";
import { Connection } from "./connection.ts";
import type { MirrorUse } from "./registries-conf.ts";
import { type Endpoint, RegistriesConfig, type RegistryOverrides } from "./registries-config.ts";
import { Repository } from "./repository.ts";
import { defaultRetryPolicy, type RetryPolicy } from "./retry.ts";

export interface RegistryClientOptions {
  /** Where registries are and how they are trusted, by name: `{ "docker.io": { mirrors: […] } }`. */
  readonly overrides?: RegistryOverrides;
  /** Credentials by registry name; they come before all that is found on the host. */
  readonly credentials?: ExplicitCredentials;
  readonly retry?: Partial<RetryPolicy>;
}

export interface PullConnection {
  readonly connection: Connection;
  readonly use: MirrorUse;
}

/** Connections to one repository: pulls try theirs in order. */
export interface Connections {
  readonly pull: readonly PullConnection[];
  readonly push: Connection;
}

/**
 * Speaks the OCI distribution-spec to any number of registries. Configuration, tokens and what is known about
 * hosts are kept for its lifetime: make one per command.
 */
export class RegistryClient {
  readonly retry: RetryPolicy;
  readonly #config: RegistriesConfig;
  readonly #credentials: ExplicitCredentials;
  readonly #repositories = new Map<string, Repository>();

  constructor(options: RegistryClientOptions = {}) {
    this.retry = { ...defaultRetryPolicy, ...options.retry };
    this.#config = new RegistriesConfig(options.overrides);
    this.#credentials = options.credentials ?? {};
  }

  /** The same object for the same repository. Nothing is sent yet. */
  repository(registry: string, repository: string): Repository {
    const name = canonicalRegistry(registry);
    const key = `${name}/${repository}`;
    let found = this.#repositories.get(key);
    if (found === undefined) {
      found = new Repository(this, name, repository);
      this.#repositories.set(key, found);
    }
    return found;
  }

  /** Throws REGISTRY_DENIED for a blocked registry and CONFIG_INVALID for a malformed registries.conf. */
  async connect(registry: string, repository: string, ctx: Context): Promise<Connections> {
    const { pull, push } = await this.#config.endpoints(registry, repository, ctx);
    const pushConnection = this.#open(push);
    return {
      push: pushConnection,
      pull: pull.map((endpoint) => ({
        connection: endpoint.mirror ? this.#open(endpoint) : pushConnection,
        use: endpoint.use,
      })),
    };
  }

  #open(endpoint: Endpoint): Connection {
    return new Connection(endpoint, this.retry, (ctx) =>
      findCredential(endpoint.registry, endpoint.repository, this.#credentials, ctx),
    );
  }
}
