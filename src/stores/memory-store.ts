import { Readable } from "node:stream";
import { AnyarchError } from "../errors/error.ts";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { verifiedStream, verifyBytes } from "../oci/verified-stream.ts";
import { openContent } from "./content-file.ts";
import { childrenOf, hasChildren, isForeign } from "./graph.ts";
import type { PushContent, PushOptions, PushOutcome, WritableStore } from "./store.ts";

/** Everything in memory: for tests, and for images that are only on their way. */
export class MemoryStore implements WritableStore {
  readonly name: string;
  readonly #contents = new Map<Digest, Uint8Array>();
  /** In the order of tagging, the newest last. */
  readonly #tags = new Map<string, Descriptor>();
  readonly #descriptors = new Map<Digest, Descriptor>();

  constructor(name = "memory") {
    this.name = name;
  }

  async resolve(reference: string, _ctx: Context): Promise<Descriptor> {
    const found = isDigest(reference)
      ? this.#descriptors.get(reference)
      : reference === ""
        ? [...this.#tags.values()].at(-1)
        : this.#tags.get(reference);
    if (found !== undefined) return found;
    const tags = [...this.#tags.keys()].filter((tag) => tag !== "");
    throw new AnyarchError("IMAGE_NOT_FOUND", `${this.name} doesn't hold "${reference}".`, {
      hint: tags.length === 0 ? `${this.name} has no tags.` : `It holds: ${tags.join(", ")}.`,
    });
  }

  async fetch(descriptor: Descriptor, _ctx: Context): Promise<Readable> {
    const bytes = this.#contents.get(descriptor.digest);
    if (bytes !== undefined) {
      const source = Readable.from(bytes.length === 0 ? [] : [bytes]);
      return verifiedStream(source, descriptor, { from: this.name });
    }
    throw new AnyarchError("IMAGE_NOT_FOUND", `${this.name} doesn't hold ${descriptor.digest}.`);
  }

  async exists(descriptor: Descriptor, _ctx: Context): Promise<boolean> {
    return this.#contents.has(descriptor.digest);
  }

  async push(
    descriptor: Descriptor,
    content: PushContent,
    ctx: Context,
    options: PushOptions = {},
  ): Promise<PushOutcome> {
    if (this.#contents.has(descriptor.digest)) return "exists";
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of (await openContent(content, ctx.signal)) as AsyncIterable<Uint8Array>) {
      ctx.signal.throwIfAborted();
      chunks.push(chunk);
      size += chunk.length;
      options.onProgress?.(size);
    }
    const bytes = verifyBytes(Buffer.concat(chunks), descriptor, `what is pushed to ${this.name}`);
    if (hasChildren(descriptor)) this.#checkChildren(descriptor, bytes);
    this.#contents.set(descriptor.digest, bytes);
    if (hasChildren(descriptor)) this.#descriptors.set(descriptor.digest, descriptor);
    return "pushed";
  }

  async tag(descriptor: Descriptor, reference: string, _ctx: Context): Promise<void> {
    if (!this.#contents.has(descriptor.digest)) {
      throw new AnyarchError("CONTENT_INVALID", `${descriptor.digest} wasn't pushed to ${this.name}.`);
    }
    this.#tags.delete(reference);
    this.#tags.set(reference, descriptor);
  }

  async commit(): Promise<void> {}

  #checkChildren(descriptor: Descriptor, bytes: Uint8Array): void {
    const missing = childrenOf(descriptor, bytes).find(
      (child) => !this.#contents.has(child.digest) && !isForeign(child),
    );
    if (missing === undefined) return;
    const message = `${missing.digest} is referred to, but wasn't pushed to ${this.name}.`;
    throw new AnyarchError("CONTENT_INVALID", message, { details: { digest: missing.digest } });
  }
}
