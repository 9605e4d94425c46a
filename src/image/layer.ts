import type { Readable } from "node:stream";
import type { Descriptor } from "../oci/content.ts";
import type { Digest } from "../oci/digest.ts";

/** Opens a blob's bytes, as the descriptor has them (compressed where it says so). May be called again. */
export type BlobOpener = (signal: AbortSignal) => Promise<Readable>;

/** A layer as a value: what the manifest and the config say of it, and a way to its bytes. */
export interface Layer {
  readonly descriptor: Descriptor;
  /** Digest of the uncompressed tar (image-spec config.md, "Layer DiffID"). */
  readonly diffID: Digest;
  readonly open: BlobOpener;
}
