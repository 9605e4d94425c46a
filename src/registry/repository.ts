import type { Readable } from "node:stream";
import { AnyarchError, isAbort } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import { type Digest, digestAlgorithm, digestOf, isDigest, shortDigest } from "../oci/digest.ts";
import { scopesFor } from "./auth.ts";
import type { Connections, PullConnection, RegistryClient } from "./client.ts";
import type { Connection } from "./connection.ts";
import { discard } from "./failure.ts";
import { pullBlob } from "./pull-blob.ts";
import {
  acceptManifests,
  askedName,
  getManifest,
  headManifest,
  manifestUrl,
  type RawManifest,
} from "./pull-manifest.ts";
import { statusError } from "./status-error.ts";
import { listTags } from "./tags.ts";
import { type BlobContent, BlobUpload, checkUpload, type UploadOptions } from "./upload.ts";

/**
 * One repository at one registry, its mirrors included; made by RegistryClient.repository. Besides what is said
 * at each method all throw REGISTRY_UNAUTHORIZED, REGISTRY_DENIED, REGISTRY_TLS, REGISTRY_ERROR and NETWORK_ERROR.
 */
export class Repository {
  /** "docker.io" for Docker Hub. */
  readonly registry: string;
  readonly repository: string;
  readonly #client: RegistryClient;
  #connections: Promise<Connections> | undefined;
  /** Mirrors that couldn't be reached: not tried again. */
  readonly #down = new Set<Connection>();

  constructor(client: RegistryClient, registry: string, repository: string) {
    this.#client = client;
    this.registry = registry;
    this.repository = repository;
  }

  /** "docker.io/library/python". */
  get name(): string {
    return `${this.registry}/${this.repository}`;
  }

  /** The descriptor of a tag or digest; by HEAD where the registry can. Throws IMAGE_NOT_FOUND. */
  async resolve(reference: string, ctx: Context): Promise<Descriptor> {
    return this.#pull(reference, ctx, async (connection) => {
      const found = await headManifest(connection, reference, ctx);
      return found ?? (await getManifest(connection, reference, this.#client.retry, ctx)).descriptor;
    });
  }

  /** A manifest or index by tag or digest, verified. Throws IMAGE_NOT_FOUND, DIGEST_MISMATCH. */
  async getManifest(reference: string, ctx: Context): Promise<RawManifest> {
    return this.#pull(reference, ctx, (connection) =>
      getManifest(connection, reference, this.#client.retry, ctx),
    );
  }

  /** The same from where pushes go to, never from a mirror, which may lag behind. Throws IMAGE_NOT_FOUND, DIGEST_MISMATCH. */
  async getPushed(reference: string, ctx: Context): Promise<RawManifest> {
    return getManifest((await this.#connect(ctx)).push, reference, this.#client.retry, ctx);
  }

  /**
   * Removes a tag, not what it stands for (distribution-spec, "Deleting tags"). True where it is gone or never was;
   * false where the registry doesn't allow it.
   */
  async deleteTag(tag: string, ctx: Context): Promise<boolean> {
    const { push } = await this.#connect(ctx);
    const scopes = scopesFor(push.endpoint.repository, "pull,push,delete");
    const response = await push.send({ method: "DELETE", url: manifestUrl(push, tag), scopes }, ctx);
    await discard(response);
    return response.status === 202 || response.status === 200 || response.status === 404;
  }

  /** A blob; the stream fails with DIGEST_MISMATCH where it isn't what the digest says. Throws IMAGE_NOT_FOUND. */
  async openBlob(descriptor: Descriptor, ctx: Context): Promise<Readable> {
    return this.#pull(descriptor.digest, ctx, (connection) =>
      pullBlob(connection, descriptor, this.#client.retry, ctx),
    );
  }

  /** Whether the place that pushes go to has the manifest or index. */
  async hasManifest(digest: Digest, ctx: Context): Promise<boolean> {
    return this.#has((repository) => `/v2/${repository}/manifests/${digest}`, digest, ctx);
  }

  /** Whether the place that pushes go to has the blob. */
  async hasBlob(digest: Digest, ctx: Context): Promise<boolean> {
    return this.#has((repository) => `/v2/${repository}/blobs/${digest}`, digest, ctx);
  }

  /** Finds out whether pushes are allowed, without pushing anything; throws what a push would. */
  async checkPush(ctx: Context): Promise<void> {
    await checkUpload((await this.#connect(ctx)).push, ctx);
  }

  /** Pushes a blob unless it is there; tried from the start again when that fails for a passing reason. */
  async pushBlob(
    descriptor: Descriptor,
    content: BlobContent,
    ctx: Context,
    options: UploadOptions = {},
  ): Promise<"pushed" | "exists" | "mounted"> {
    const { push } = await this.#connect(ctx);
    const { mountFrom, ...rest } = options;
    const mount = mountFrom === undefined ? undefined : await this.#mountName(push, mountFrom, ctx);
    const upload = { ...rest, ...(mount !== undefined && { mountFrom: mount }) };
    return new BlobUpload(push, this.#client.retry, descriptor, content, upload).run(ctx);
  }

  /** Pushes a manifest by tag or digest; what it refers to must be there. Throws DIGEST_MISMATCH where it is rewritten. */
  async putManifest(reference: string, mediaType: string, bytes: Uint8Array, ctx: Context): Promise<Digest> {
    const { push } = await this.#connect(ctx);
    const response = await push.send(
      {
        method: "PUT",
        url: manifestUrl(push, reference),
        headers: { "content-type": mediaType },
        body: bytes,
        scopes: scopesFor(push.endpoint.repository, "pull,push"),
      },
      ctx,
    );
    if (![200, 201, 202].includes(response.status)) {
      throw await statusError(push, response, `take the manifest ${askedName(push, reference)}`, ctx);
    }
    await discard(response);
    const digest = isDigest(reference) ? reference : digestOf(bytes);
    const stored = response.headers["docker-content-digest"];
    if (typeof stored !== "string" || !isDigest(stored) || stored === digest) return digest;
    if (digestAlgorithm(stored) !== digestAlgorithm(digest)) return digest;
    const asked = askedName(push, reference);
    throw new AnyarchError("DIGEST_MISMATCH", `${asked} is kept as ${stored}, but was sent as ${digest}.`, {
      hint: "The registry or a proxy before it rewrites manifests.",
      details: { digest, stored },
    });
  }

  /** All tags, in the registry's order. Throws IMAGE_NOT_FOUND. */
  async listTags(ctx: Context): Promise<readonly string[]> {
    return listTags((await this.#connect(ctx)).push, ctx);
  }

  #connect(ctx: Context): Promise<Connections> {
    this.#connections ??= this.#client.connect(this.registry, this.repository, ctx);
    return this.#connections;
  }

  /** The name under which the same host knows another repository; undefined where that one is elsewhere. */
  async #mountName(push: Connection, repository: string, ctx: Context): Promise<string | undefined> {
    const { endpoint } = (await this.#client.repository(this.registry, repository).#connect(ctx)).push;
    return endpoint.host === push.endpoint.host ? endpoint.repository : undefined;
  }

  async #has(url: (repository: string) => string, digest: Digest, ctx: Context): Promise<boolean> {
    const { push } = await this.#connect(ctx);
    const { repository } = push.endpoint;
    const response = await push.send(
      {
        method: "HEAD",
        url: url(repository),
        headers: { accept: `${acceptManifests}, */*;q=0.1` },
        scopes: scopesFor(repository, "pull"),
      },
      ctx,
    );
    await discard(response);
    if (response.status === 200) return true;
    if (response.status === 404) return false;
    throw await statusError(push, response, `say whether it has ${shortDigest(digest)}`, ctx);
  }

  /** Tries mirrors in order, then the registry itself, whose error is the one that counts. */
  async #pull<T>(reference: string, ctx: Context, use: (connection: Connection) => Promise<T>): Promise<T> {
    const { pull, push } = await this.#connect(ctx);
    const kind = isDigest(reference) ? "digest-only" : "tag-only";
    const usable = ({ connection, use: when }: PullConnection): boolean =>
      connection !== push && (when === "all" || when === kind) && !this.#down.has(connection);
    for (const { connection } of pull.filter(usable)) {
      try {
        return await use(connection);
      } catch (error) {
        if (isAbort(error) || ctx.signal.aborted) throw error;
        this.#passOver(connection, error, ctx);
      }
    }
    return use(push);
  }

  #passOver(connection: Connection, error: unknown, ctx: Context): void {
    const code = error instanceof AnyarchError ? error.code : undefined;
    if (code === "NETWORK_ERROR" || code === "REGISTRY_TLS") this.#down.add(connection);
    const why = error instanceof Error ? error.message : String(error);
    ctx.emit({
      type: "log",
      level: code === "IMAGE_NOT_FOUND" ? "debug" : "warning",
      message: `The mirror ${connection.endpoint.host} of ${this.registry} is passed over: ${why}`,
    });
  }
}
