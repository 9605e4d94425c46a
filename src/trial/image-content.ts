import type { Context } from "../host/context.ts";
import type { Image } from "../image/image.ts";
import { elfFindings } from "../verify/elf-findings.ts";
import { scanLayer } from "../verify/scan-layer.ts";
import { type ReadLayer, Subject } from "../verify/subject.ts";

/** What an image holds, as far as checks need it that run nothing. */
export interface ImageContent {
  /** Whether there is a file or directory; links are followed as in the container. */
  has(path: string): boolean;
  /** How many ELF files there are in its layers, and what is wrong with their architecture. */
  readonly elf: { readonly count: number; readonly errors: readonly string[] };
}

/** Reads an image's layers; what they hold is remembered by their digests. Throws what reading them throws. */
export async function readImageContent(image: Image, ctx: Context): Promise<ImageContent> {
  const layers: ReadLayer[] = [];
  for (const [index, layer] of image.layers.entries()) {
    layers.push({ index, digest: layer.descriptor.digest, scan: await scanLayer(layer, ctx) });
  }
  const subject = new Subject({
    platform: image.descriptor.platform,
    layers,
    complete: true,
    config: image.config,
    allowed: () => false,
  });
  const errors = elfFindings(subject).filter(({ severity }) => severity === "error");
  return {
    has: (path) => subject.tree.resolve(path) !== undefined,
    elf: {
      count: layers.reduce((sum, { scan }) => sum + scan.elf.length, 0),
      errors: errors.map(({ message }) => message),
    },
  };
}
