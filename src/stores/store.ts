import type { Readable } from "node:stream";
import type { Context } from "../host/context.ts";
import type { Descriptor } from "../oci/content.ts";

/** Content to push: its bytes, a way to open them (again, after a failed try), or the path of a file that holds them. */
export type PushContent =
  | Uint8Array
  | ((signal: AbortSignal) => Promise<Readable>)
  | { readonly file: string };

/** What is there to read: a registry repository, an OCI layout, an archive, memory. */
export interface ReadableStore {
  /** For people and for errors: "registry.example/team/app", "oci:dist/image". */
  readonly name: string;
  /**
   * The descriptor that a reference stands for: a tag, a digest, or "" for the only or newest image.
   * Throws IMAGE_NOT_FOUND, naming what there is.
   */
  resolve(reference: string, ctx: Context): Promise<Descriptor>;
  /** The bytes of a manifest, index or blob; the stream fails with DIGEST_MISMATCH where they are not what the digest says. */
  fetch(descriptor: Descriptor, ctx: Context): Promise<Readable>;
  exists(descriptor: Descriptor, ctx: Context): Promise<boolean>;
  /** A file on this host that holds the content, not verified; undefined where there is none. */
  fileOf?(descriptor: Descriptor, ctx: Context): Promise<string | undefined>;
}

/** How content came to be in the store; "mounted" is a cross-repository mount without a transfer. */
export type PushOutcome = "pushed" | "exists" | "mounted";

export interface WritableStore extends ReadableStore {
  /** Children (blobs, then manifests) must be pushed before what refers to them. */
  push(
    descriptor: Descriptor,
    content: PushContent,
    ctx: Context,
    options?: PushOptions,
  ): Promise<PushOutcome>;
  /** Makes `reference` (a tag; "" for none) stand for pushed content. */
  tag(descriptor: Descriptor, reference: string, ctx: Context): Promise<void>;
  /**
   * Makes all that was pushed and tagged visible at once where the store is a file or directory; a store that
   * is left without it has not changed. Nothing to do for registries.
   */
  commit(ctx: Context): Promise<void>;
}

export interface PushOptions {
  /** A repository on the same registry that holds the blob, to mount it from. */
  readonly mountFrom?: string;
  /** Called with the number of bytes sent so far. */
  readonly onProgress?: (current: number) => void;
}
