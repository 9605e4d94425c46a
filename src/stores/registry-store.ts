import { Readable } from "node:stream";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import type { Digest } from "../oci/digest.ts";
import { verifyBytes } from "../oci/verified-stream.ts";
import type { Repository } from "../registry/repository.ts";
import { openContent } from "./content-file.ts";
import { hasChildren, readContent } from "./graph.ts";
import type { PushContent, PushOptions, PushOutcome, WritableStore } from "./store.ts";

/** A repository at a registry. Pushes are visible at once; a manifest without a tag is reached by its digest. */
export class RegistryStore implements WritableStore {
  readonly repository: Repository;
  /** Manifests that went through here: tagging sends the same bytes again, and reading them twice is spared. */
  readonly #manifests = new Map<Digest, Uint8Array>();

  /** Manifests known not to be there: pushing them needn't ask again. */
  readonly #absent = new Set<Digest>();

  constructor(repository: Repository) {
    this.repository = repository;
  }

  get name(): string {
    return this.repository.name;
  }

  /** "" is the tag `latest`, as everywhere with registries. */
  async resolve(reference: string, ctx: Context): Promise<Descriptor> {
    return this.repository.resolve(reference === "" ? "latest" : reference, ctx);
  }

  async fetch(descriptor: Descriptor, ctx: Context): Promise<Readable> {
    if (!hasChildren(descriptor)) return this.repository.openBlob(descriptor, ctx);
    let bytes = this.#manifests.get(descriptor.digest);
    if (bytes === undefined) {
      ({ bytes } = await this.repository.getManifest(descriptor.digest, ctx));
      this.#manifests.set(descriptor.digest, verifyBytes(bytes, descriptor, this.name));
    }
    return Readable.from([bytes]);
  }

  async exists(descriptor: Descriptor, ctx: Context): Promise<boolean> {
    const { digest } = descriptor;
    if (!hasChildren(descriptor)) return this.repository.hasBlob(digest, ctx);
    const there = await this.repository.hasManifest(digest, ctx);
    if (!there) this.#absent.add(digest);
    return there;
  }

  async push(
    descriptor: Descriptor,
    content: PushContent,
    ctx: Context,
    options: PushOptions = {},
  ): Promise<PushOutcome> {
    if (hasChildren(descriptor)) return this.#pushManifest(descriptor, content, ctx);
    const source =
      content instanceof Uint8Array ? content : (signal: AbortSignal) => openContent(content, signal);
    return this.repository.pushBlob(descriptor, source, ctx, options);
  }

  async tag(descriptor: Descriptor, reference: string, ctx: Context): Promise<void> {
    if (reference === "") return;
    const bytes = this.#manifests.get(descriptor.digest) ?? (await readContent(this, descriptor, ctx));
    await this.repository.putManifest(reference, descriptor.mediaType, bytes, ctx);
  }

  async commit(): Promise<void> {}

  async #pushManifest(descriptor: Descriptor, content: PushContent, ctx: Context): Promise<PushOutcome> {
    const { digest } = descriptor;
    const exists = !this.#absent.has(digest) && (await this.repository.hasManifest(digest, ctx));
    const bytes = await collect(await openContent(content, ctx.signal));
    verifyBytes(bytes, descriptor, `what is pushed to ${this.name}`);
    this.#manifests.set(digest, bytes);
    if (exists) return "exists";
    await this.repository.putManifest(digest, descriptor.mediaType, bytes, ctx);
    this.#absent.delete(digest);
    return "pushed";
  }
}

async function collect(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
